/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. The queues of drained messages. */
#include "cr_unexpected.h"

#include "cr_internal.h"
#include "cr_sync.h"
#include "cr_sys.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

/* One lock for all queues: they are empty except after a drain. */
static struct cr_lock queue_lock;
/* Two threads that deliver at once would exchange their messages to ourselves. */
static struct cr_lock deliver_lock;

struct cr_message *cr_unexpected_new(size_t bytes)
{
    size_t mapped = CR_PAGE_UP(sizeof(struct cr_message) + bytes);
    uint64_t at =
        cr_sys_mmap(0, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct cr_message *message = (struct cr_message *)at;

    if (cr_sys_is_error(at))
        return NULL;
    message->bytes = bytes;
    message->mapped = mapped;
    return message;
}

void cr_unexpected_free(struct cr_message *message)
{
    cr_sys_munmap((uint64_t)message, message->mapped);
}

void cr_unexpected_append(struct cr_comm_state *state, struct cr_message *message)
{
    message->next = NULL;
    *state->last = message;
    state->last = &message->next;
    state->kept++;
}

static int matches(const struct cr_message *message, int source, int tag)
{
    return (source == MPI_ANY_SOURCE || message->source == source) &&
           (tag == MPI_ANY_TAG || message->tag == tag);
}

static void fill_status(const struct cr_message *message, MPI_Status *ret_status)
{
    memset(ret_status, 0, sizeof(*ret_status));
    ret_status->MPI_SOURCE = message->source;
    ret_status->MPI_TAG = message->tag;
    ret_status->_ucount = message->bytes;
}

/* The link that points to the first match; the lock is held. NULL: none. */
static struct cr_message **find(struct cr_comm_state *state, int source, int tag)
{
    struct cr_message **link;

    for (link = &state->first; *link != NULL; link = &(*link)->next)
        if (matches(*link, source, tag))
            return link;
    return NULL;
}

const struct cr_message *cr_unexpected_find(MPI_Comm comm, int source, int tag,
                                            MPI_Status *ret_status)
{
    struct cr_message **link;

    cr_lock_take(&queue_lock);
    link = find(cr_unexpected_state(comm), source, tag);
    if (link != NULL)
        fill_status(*link, ret_status);
    cr_lock_give(&queue_lock);
    return link != NULL ? *link : NULL;
}

struct cr_message *cr_unexpected_take(MPI_Comm comm, int source, int tag, MPI_Status *ret_status)
{
    struct cr_comm_state *state = cr_unexpected_state(comm);
    struct cr_message **link, *message = NULL;

    cr_lock_take(&queue_lock);
    link = find(state, source, tag);
    if (link != NULL) {
        message = *link;
        *link = message->next;
        if (message->next == NULL)
            state->last = link;
        state->kept--;
    }
    cr_lock_give(&queue_lock);
    if (message != NULL && ret_status != NULL)
        fill_status(message, ret_status);
    return message;
}

int cr_unexpected_bytes_type(size_t bytes, MPI_Datatype *ret_type, int *ret_count)
{
    enum { PIECE = 1 << 30 };
    MPI_Datatype byte = CR_REAL_DATATYPE(MPI_BYTE), piece;
    MPI_Datatype types[2];
    int lengths[2] = {(int)(bytes / PIECE), (int)(bytes % PIECE)};
    MPI_Aint places[2] = {0, (MPI_Aint)(bytes - bytes % PIECE)};
    int rc;

    *ret_type = byte;
    *ret_count = (int)bytes;
    if (bytes <= INT_MAX)
        return MPI_SUCCESS;
    *ret_count = 1;
    rc = CR_REAL(Type_contiguous)(PIECE, byte, &piece);
    if (rc != MPI_SUCCESS)
        return rc;
    types[0] = piece;
    types[1] = byte;
    rc = CR_REAL(Type_create_struct)(2, lengths, places, types, ret_type);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Type_commit)(ret_type);
    CR_REAL(Type_free)(&piece);
    return rc;
}

/*
 * A message to ourselves on a communicator of our own: the real library then does all that a receive does. The send comes
 * first: a message to oneself that meets a posted receive is cut to its size without an error.
 */
static int through_self(const struct cr_message *message, void *buffer, int count,
                        MPI_Datatype real_type, MPI_Status *ret_status)
{
    MPI_Request request;
    MPI_Datatype bytes_type;
    int bytes_count, rc;

    rc = cr_unexpected_bytes_type(message->bytes, &bytes_type, &bytes_count);
    if (rc != MPI_SUCCESS)
        return rc;
    rc = CR_REAL(Isend)(message->data, bytes_count, bytes_type, 0, 0, cr_internal_self, &request);
    if (rc == MPI_SUCCESS) {
        rc = CR_REAL(Recv)(buffer, count, real_type, 0, 0, cr_internal_self, ret_status);
        CR_REAL(Wait)(&request, MPI_STATUS_IGNORE);
    }
    if (message->bytes > INT_MAX)
        CR_REAL(Type_free)(&bytes_type);
    return rc;
}

int cr_unexpected_deliver(struct cr_message *message, void *buffer, int count,
                          MPI_Datatype datatype, MPI_Status *ret_status)
{
    MPI_Status status;
    uint64_t fs;
    int rc;

    memset(&status, 0, sizeof(status));
    cr_lock_take(&deliver_lock);
    fs = cr_lower_enter();
    rc = through_self(message, buffer, count, CR_REAL_DATATYPE(datatype), &status);
    cr_lower_leave(fs);
    cr_lock_give(&deliver_lock);
    *ret_status = status;
    ret_status->MPI_SOURCE = message->source;
    ret_status->MPI_TAG = message->tag;
    ret_status->MPI_ERROR = rc;
    if (message->ticket != 0)
        cr_sync_received(message->sender, message->ticket);
    cr_unexpected_free(message);
    return rc;
}
