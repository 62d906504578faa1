/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Ids of processes after a restart that could not have the old ones. What a program passes to the C library are
 * ids that it knows; what it gets are such ids. Without a pair of ids that differ each of these is a load and a branch.
 */
#ifndef CR_PRELOAD_PID_H
#define CR_PRELOAD_PID_H

#include "cr_id_call.h"
#include "cr_preload.h"

#include <sys/types.h>

/* The kernel's id of the process, group or session (KINDS: CR_ID_*) that the program knows as KNOWN; 0 and less stay. */
pid_t cr_preload_kernel_id(pid_t known, uint32_t kinds);
pid_t cr_preload_known_id(pid_t kernel, uint32_t kinds);

/* Is the kernel's id of a new process or thread (KINDS) one by which the program knows another one? */
int cr_preload_means_another(pid_t kernel, uint32_t kinds);

/* As for kill(): below -1 a group, above 0 a process. */
pid_t cr_preload_kernel_target(pid_t known);

/*
 * PATH with the kernel's id in it if it begins with /proc/ and an id that differs; then the new one is in OUT, which has room for
 * SIZE bytes. Otherwise PATH itself.
 */
const char *cr_preload_proc_path(const char *path, char *out, size_t size);

/*
 * What a call to the C library gives, made anew if it fell together with a restart: neither the ids that it was given nor those
 * that it gave need mean anything any more. For calls that may be made twice.
 */
#define CR_WITH_SAME_IDS(call)                                                                     \
    ({                                                                                             \
        __typeof__(call) cr_result;                                                                \
        uint32_t cr_epoch;                                                                         \
                                                                                                   \
        do {                                                                                       \
            cr_epoch = cr_id_epoch;                                                                \
            cr_result = (call);                                                                    \
        } while (cr_epoch != cr_id_epoch);                                                         \
        cr_result;                                                                                 \
    })

/* A system call that must be made once and with ids that are right when it is made. */
struct cr_preload_call {
    long number;
    uint64_t args[5]; /* with ids that the program knows */
    unsigned which;   /* bits: arguments that KERNEL makes the kernel's */
    pid_t (*kernel)(pid_t known);
    uint32_t
        answer; /* kinds (CR_ID_*) of the id in the answer, which becomes the known one; 0: there is none */
    volatile int32_t *id; /* where that is; NULL: it is what the call returns */
};

/* The call's answer, or -1 and errno. */
long cr_preload_call(const struct cr_preload_call *call);

/* As cr_preload_kernel_id(), of one kind. */
pid_t cr_preload_kernel_process(pid_t known);
/* The own group is 0 if it is outside of the pid namespace: for calls that take 0 for it. */
pid_t cr_preload_kernel_group(pid_t known);

#endif
