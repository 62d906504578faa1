/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Buffered sends, MPI_Buffer_attach and MPI_Buffer_detach. */
#include "cr_buffer.h"

#include "cr_send.h"
#include "cr_wait.h"

#include <string.h>

/* A piece of the attached buffer from which a send runs; in ascending order of start. */
struct piece {
    struct piece *next;
    struct cr_request *request;
    size_t start, size;
};

static char *attached;
static size_t attached_size;
static struct piece *pieces;
static struct cr_lock buffer_lock;

/* Forgets pieces whose sends have ended. The lock is held. */
static void sweep(void)
{
    struct piece **link = &pieces, *p;

    while ((p = *link) != NULL) {
        if (!cr_wait_test(p->request)) {
            link = &p->next;
            continue;
        }
        *link = p->next;
        cr_request_release(p->request);
        cr_pool_free(p, sizeof(*p));
    }
}

/* First fit. The lock is held. NULL: no room. */
static struct piece *reserve(size_t size)
{
    struct piece **link = &pieces, *p;
    size_t start = 0;

    for (; *link != NULL && (*link)->start - start < size; link = &(*link)->next)
        start = (*link)->start + (*link)->size;
    if (*link == NULL && (attached == NULL || attached_size < size || attached_size - size < start))
        return NULL;
    p = cr_pool_alloc(sizeof(*p));
    p->start = start;
    p->size = size;
    p->request = cr_request_new(CR_REQUEST_SEND);
    p->next = *link;
    *link = p;
    return p;
}

static int pack(const void *buffer, int count, MPI_Datatype datatype, MPI_Comm comm, char *to,
                int room, int *ret_size)
{
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Pack)(buffer, count, CR_REAL_DATATYPE(datatype), to, room, ret_size,
                           CR_REAL_COMM(comm));

    cr_lower_leave(fs);
    return rc;
}

/* Packs into P and starts the send; after an error P ends at once. */
static int start(struct piece *p, const void *buffer, int count, MPI_Datatype datatype, int bytes)
{
    MPI_Status status;
    int rc, position = 0;

    rc = pack(buffer, count, datatype, p->request->comm, attached + p->start, bytes, &position);
    if (rc == MPI_SUCCESS)
        rc = cr_send_start(CR_REAL(Isend), p->request, attached + p->start, position, MPI_PACKED);
    if (rc != MPI_SUCCESS) {
        cr_request_empty_status(&status);
        cr_request_finished(p->request, &status, rc);
    }
    return rc;
}

int cr_buffer_send(const void *buffer, int count, MPI_Datatype datatype, int dest, int tag,
                   MPI_Comm comm)
{
    struct piece *p;
    uint64_t fs;
    int rc, bytes = 0;

    if (dest == MPI_PROC_NULL)
        return MPI_SUCCESS;
    fs = cr_lower_enter();
    rc = CR_REAL(Pack_size)(count, CR_REAL_DATATYPE(datatype), CR_REAL_COMM(comm), &bytes);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    cr_lock_take(&buffer_lock);
    sweep();
    p = reserve(((size_t)bytes + MPI_BSEND_OVERHEAD + 7) & ~(size_t)7);
    if (p == NULL)
        p = reserve((size_t)bytes + MPI_BSEND_OVERHEAD);
    rc = MPI_ERR_BUFFER;
    if (p != NULL) {
        p->request->comm = comm;
        p->request->peer = dest;
        p->request->tag = tag;
        rc = start(p, buffer, count, datatype, bytes);
    }
    cr_lock_give(&buffer_lock);
    return rc;
}

CR_MPI(int, Buffer_attach, (void *buffer, int size))
{
    int rc = MPI_SUCCESS;

    if (buffer == NULL || size < 0)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_ARG, "MPI_Buffer_attach");
    cr_gate_enter();
    cr_lock_take(&buffer_lock);
    if (attached != NULL) {
        rc = MPI_ERR_BUFFER;
    } else {
        attached = buffer;
        attached_size = (size_t)size;
    }
    cr_lock_give(&buffer_lock);
    rc = cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Buffer_attach");
    cr_gate_leave();
    return rc;
}

/* The oldest send that still runs from the buffer; NULL: none. */
static struct cr_request *unfinished(void)
{
    struct cr_request *r;

    cr_lock_take(&buffer_lock);
    sweep();
    r = pieces != NULL ? pieces->request : NULL;
    cr_lock_give(&buffer_lock);
    return r;
}

CR_MPI(int, Buffer_detach, (void *buffer, int *size))
{
    struct cr_request *r;
    int rc = MPI_SUCCESS;

    cr_gate_enter();
    if (attached == NULL)
        rc = cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_BUFFER, "MPI_Buffer_detach");
    while (rc == MPI_SUCCESS && (r = unfinished()) != NULL)
        cr_wait_one(r);
    if (rc == MPI_SUCCESS) {
        *(void **)buffer = attached;
        *size = (int)attached_size;
        attached = NULL;
    }
    cr_gate_leave();
    return rc;
}
