/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. CPU time that was used before a restart. The kernel's clocks of CPU time begin at zero in the restored
 * process, so what the program is told is the kernel's time and this.
 */
#ifndef CR_STATE_CPUTIME_H
#define CR_STATE_CPUTIME_H

#include "cr_state.h"

#include <stdint.h>

struct cr_cputime {
    int64_t total_ns;
    int64_t user_us, system_us; /* its parts, as getrusage() has them */
};

/* To be added to the kernel's: for the process, and for the calling thread. */
extern struct cr_cputime cr_cputime_of_process;
extern __thread struct cr_cputime cr_cputime_of_thread __attribute__((tls_model("initial-exec")));

/*
 * Counts restarts: whoever adds must see the same count before and after it has read the kernel's clock, or a restart in between
 * makes the sum of two halves that do not belong together.
 */
extern volatile uint32_t cr_cputime_restarts;

/* By each thread of itself: what it has used, those times included; and in the restored process, what is to be added. */
void cr_cputime_save_thread(struct cr_cputime *t);
void cr_cputime_restore_thread(const struct cr_cputime *t);

int cr_cputime_collect(struct cr_state *state, struct cr_error *err);
int cr_cputime_put_back(struct cr_state *state, struct cr_error *err);

/* In the child of a fork(), which has used nothing. */
void cr_cputime_forked(void);

#endif
