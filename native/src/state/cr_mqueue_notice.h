/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What our wrapper of mq_notify() notes for checkpoints. */
#ifndef CR_MQUEUE_NOTICE_H
#define CR_MQUEUE_NOTICE_H

#include <stdint.h>

/* The last successful mq_notify() of this process for a queue. In the program's memory, and never taken out again. */
struct cr_mqueue_notice {
    struct cr_mqueue_notice *next;
    uint64_t device, inode;
    int kind; /* SIGEV_* */
    int signal;
    uint64_t value;
};

/* All that were noted. Exported: of several copies of this library in a process the first one counts. */
__attribute__((visibility("default"))) extern struct cr_mqueue_notice *cr_mqueue_notices;

#endif
