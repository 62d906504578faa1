/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the files of this folder share; private to it. */
#ifndef CR_ATTACH_PARTS_H
#define CR_ATTACH_PARTS_H

#include "cr_attach.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#define CR_ATTACH_RANGES 64

struct cr_attach_range {
    uint64_t start, end;
};

/* Where things are in the process. */
struct cr_attach_places {
    uint64_t open_library, last_error, errno_location, map, unmap;
    uint64_t trap;                                    /* a byte 0xcc in executable memory */
    uint64_t signal_return;                           /* where handlers return to; 0: unknown */
    struct cr_attach_range program[CR_ATTACH_RANGES]; /* executable areas of the program itself */
    size_t program_count;
    struct cr_attach_range loader[CR_ATTACH_RANGES]; /* those of the dynamic linker */
    size_t loader_count;
};

#define CR_ATTACH_VECTOR_MAX 16384

/* A thread that is stopped and stands at a safe place. */
struct cr_attach_thread {
    pid_t pid, tid;
    int memory; /* /proc/PID/mem */
    int stop;   /* it was sent SIGSTOP meanwhile */
    struct user_regs_struct registers;
    uint64_t mask;
    uint8_t vectors[CR_ATTACH_VECTOR_MAX]; /* XSAVE area */
    size_t vectors_size;
};

/* Reads /proc/PID/maps and the symbols of its C library. */
int cr_attach_find_places(pid_t pid, int memory, struct cr_attach_places *p, struct cr_error *err);

/* Stops a thread of PID at a place where it holds no lock of the C library; tries until it has one or time is over. */
int cr_attach_stop(pid_t pid, int memory, const struct cr_attach_places *p,
                   struct cr_attach_thread *ret_thread, struct cr_error *err);

/* Lets the thread go on with what it did. */
void cr_attach_release(struct cr_attach_thread *t);

/* Refuses a process with a thread that would eat the stop signal. */
int cr_attach_check_waits(pid_t pid, int memory, struct cr_error *err);

/* Lets other threads of PID that block the stop signal take it. */
int cr_attach_unblock(pid_t pid, struct cr_error *err);

/* Seizes TID and waits until it stands. 0 or -errno; -EBUSY: it did not stop. */
int cr_attach_seize(pid_t tid);

/* The thread calls FUNCTION with up to six ARGUMENTS on the stack that ends at STACK. 0 and what it returned, or -errno. */
int cr_attach_call(struct cr_attach_thread *t, const struct cr_attach_places *p, uint64_t function,
                   const uint64_t arguments[6], uint64_t stack, uint64_t *ret_result);

/* The remedy where tracing PID gave RC. Returns RC. */
int cr_attach_explain(pid_t pid, int rc, struct cr_error *err);

/* The number in BASE behind NAME in /proc/PID/task/TID/status; 0: there is none. */
uint64_t cr_attach_status(pid_t pid, pid_t tid, const char *name, int base);

#endif
