/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Small messages on a communicator of our own. */
#include "cr_sync_note.h"

#include "cr_internal.h"

struct note {
    struct note *next;
    MPI_Request request;
    struct cr_sync_data data;
};

static struct note *outgoing;
static struct cr_lock notes_lock;

int cr_sync_notes_are_gone(void)
{
    struct note **link = &outgoing, *n;
    int gone;

    cr_lock_take(&notes_lock);
    while ((n = *link) != NULL) {
        int done = 0;
        uint64_t fs = cr_lower_enter();

        CR_REAL(Test)(&n->request, &done, MPI_STATUS_IGNORE);
        cr_lower_leave(fs);
        if (!done) {
            link = &n->next;
            continue;
        }
        *link = n->next;
        cr_pool_free(n, sizeof(*n));
    }
    gone = outgoing == NULL;
    cr_lock_give(&notes_lock);
    return gone;
}

int cr_sync_note_send(uint32_t to, enum cr_sync_note tag, const struct cr_sync_data *data)
{
    struct note *n = cr_pool_alloc(sizeof(*n));
    uint64_t fs;
    int rc;

    n->data = *data;
    fs = cr_lower_enter();
    rc = CR_REAL(Isend)(&n->data, (int)sizeof(n->data), CR_REAL_DATATYPE(MPI_BYTE), (int)to,
                        (int)tag, cr_internal_sync, &n->request);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS) {
        cr_pool_free(n, sizeof(*n));
        return rc;
    }
    cr_lock_take(&notes_lock);
    n->next = outgoing;
    outgoing = n;
    cr_lock_give(&notes_lock);
    cr_sync_notes_are_gone();
    return MPI_SUCCESS;
}

int cr_sync_note_receive(int *tag, struct cr_sync_data *ret_data, int *ret_from)
{
    MPI_Message message;
    MPI_Status status;
    int found = 0, rc;
    uint64_t fs = cr_lower_enter();

    rc = CR_REAL(Improbe)(MPI_ANY_SOURCE, *tag, cr_internal_sync, &found, &message, &status);
    if (rc == MPI_SUCCESS && found)
        rc = CR_REAL(Mrecv)(ret_data, (int)sizeof(*ret_data), CR_REAL_DATATYPE(MPI_BYTE), &message,
                            &status);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return -1;
    *tag = found ? status.MPI_TAG : *tag;
    *ret_from = status.MPI_SOURCE;
    return found;
}
