/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. A system call whose arguments or answer are ids of processes. A thread may be saved at any instruction, and
 * after the restart the ids are others: a call that was not made must not be made with the old ones, and an answer in old ones
 * must be read as such. What stands where is found by the instruction pointer.
 */
#ifndef CR_ID_CALL_H
#define CR_ID_CALL_H

#include <stdint.h>
#include <ucontext.h>

enum {
    CR_ID_CALL_OPEN = 0,     /* not made, or not answered */
    CR_ID_CALL_ANSWERED = 1, /* the id in the answer is the kernel's of now */
    CR_ID_CALL_KNOWN = 2     /* it has been made the one that the program knows */
};

struct cr_id_call {
    int64_t number;          /* 0: assembler uses the offsets of these */
    uint64_t args[5];        /* 8 */
    volatile int64_t result; /* 48: -errno when it failed */
    volatile uint32_t epoch; /* 56: cr_id_epoch when ARGS were made */
    volatile uint32_t state; /* 60 */
    uint32_t magic;          /* CR_ID_CALL_MAGIC */
    uint32_t kinds;          /* what the answer's id is the id of; 0: it has none */
    volatile int32_t *id;    /* where that id is; NULL: it is RESULT */
    struct cr_id_call *outer;
};

#define CR_ID_CALL_MAGIC 0x49444341U

/* How often this process came back with other ids. */
extern volatile uint32_t cr_id_epoch;

/* Makes the call. Returns 0, or 1 if it was not made because ARGS are of before a restart. */
int cr_id_call_make(struct cr_id_call *c);

/*
 * In the restored process: if FRAME stands in the making of C, a call that was not made is given up, and the answer of one that
 * was is noted.
 */
void cr_id_call_settle(ucontext_t *frame, struct cr_id_call *c);

/* Instructions: the first, the system call, the one behind it, and the one behind the note of the answer. */
extern const char cr_id_call_begin[];
extern const char cr_id_call_made[];
extern const char cr_id_call_answered[];
extern const char cr_id_call_noted[];
extern const char cr_id_call_stale[];

#endif
