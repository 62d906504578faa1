/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. One thread of the application, filled in by its own stop handler. It lies in the
 * agent's memory, so the restorer and the restored thread find it at the same address.
 */
#ifndef CR_THREAD_H
#define CR_THREAD_H

#include <stdint.h>

/*
 * What the restorer loads before it jumps: callee-saved registers, stack and return address of
 * cr_context_save().
 */
struct cr_context {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

/*
 * The interrupted system call, read from /proc/self/task/TID/syscall before the thread was
 * signalled.
 */
struct cr_call {
    int64_t number; /* -1: in user space, -2: unknown */
    uint64_t args[6];
    uint64_t sp, pc;
};

struct cr_thread {
    struct cr_context context;  /* must stay first: assembler loads it */
    uint64_t fs_base;           /* 64: assembler uses the offsets of these two */
    uint64_t gs_base;           /* 72 */
    int32_t tid;                /* the tid that the application knows */
    int32_t kernel_tid;         /* the tid now; differs after a restart without exact tids */
    volatile uint32_t parked;   /* generation of the stop in which it parked */
    volatile uint32_t deferred; /* generation of the stop in which it promised to park by itself */
    void *ucontext; /* on the thread's stack: registers and XSAVE state of the interrupted code */
    void *siginfo;
    uint64_t robust_list, robust_size;
    uint64_t clear_tid; /* set_tid_address */
    uint64_t rseq;      /* 0: not registered */
    uint32_t rseq_size, rseq_signature;
    struct cr_call call;
    char name[16];
    uint64_t timer_slack;
    uint32_t gone;            /* it ended while it was awaited */
    volatile uint32_t looked; /* how often it was asked to look at its pending signals again */
};

/*
 * What glibc says about rseq: offset of the area from the thread pointer, its size (0: none). Set
 * once, before any stop.
 */
void cr_thread_set_rseq(int64_t offset, uint32_t size);

/* Stores what the kernel knows about the calling thread. */
void cr_thread_save(struct cr_thread *t);

/*
 * In the restored process, by the thread itself: gives it back to the kernel and stores the new
 * kernel_tid.
 */
void cr_thread_restore(struct cr_thread *t);

#endif
