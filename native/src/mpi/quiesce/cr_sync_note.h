/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. What the ranks tell each other about synchronous sends. */
#ifndef CR_SYNC_NOTE_H
#define CR_SYNC_NOTE_H

#include "cr_request.h"

enum cr_sync_note { CR_SYNC_NOTE_ASK = 1, CR_SYNC_NOTE_ANSWER, CR_SYNC_NOTE_RECEIVED };

struct cr_sync_data {
    uint64_t ticket;          /* of the sender's request */
    uint64_t id_high, id_low; /* ASK: of the communicator */
    uint64_t after;           /* ASK: how many messages of the class came after this one */
    int32_t tag;              /* ASK */
    int32_t answer;           /* ANSWER: enum cr_sync_answer */
};

/* To world rank TO. Upper FS. Returns the MPI code. */
int cr_sync_note_send(uint32_t to, enum cr_sync_note tag, const struct cr_sync_data *data);
/* One that is there, of kind *TAG (MPI_ANY_TAG: any, *TAG says which). 1, 0: none, or -1: failed. Upper FS. */
int cr_sync_note_receive(int *tag, struct cr_sync_data *ret_data, int *ret_from);
/* 1 if nothing that was sent is still under way. */
int cr_sync_notes_are_gone(void);

/* Between the two files of synchronous sends. */
uint64_t cr_sync_after(const struct cr_request *request);
void cr_sync_take_received(uint64_t ticket);

#endif
