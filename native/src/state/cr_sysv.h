/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen; also called by wrappers of libc's functions in the application's threads. The System V objects that
 * this process has to do with, as its calls tell: the kernel does not say who uses a set of semaphores or a queue, nor
 * what a semaphore gets back when a process ends (SEM_UNDO). After a restart an object may have another id: the program
 * goes on with the one that it knows.
 */
#ifndef CR_SYSV_H
#define CR_SYSV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/sem.h>

/* 1 + quiesce_image_SysvKind; 0: an entry that is free. */
enum cr_sysv_kind { CR_SYSV_SEGMENT = 1, CR_SYSV_SEMAPHORES, CR_SYSV_QUEUE };

/* The restorer writes kernel_id. */
struct cr_sysv_entry {
    volatile int32_t kernel_id;
    volatile int32_t known_id;
    volatile int32_t kind;
    int32_t reserved;
};

/* The kernel's id of the object that the program knows as KNOWN; remembers objects that it did not know. */
int cr_sysv_kernel_id(enum cr_sysv_kind kind, int known);

/* The other way, for an id that the kernel has given. */
int cr_sysv_known_id(enum cr_sysv_kind kind, int kernel);

/* The object is gone. */
void cr_sysv_forget(enum cr_sysv_kind kind, int known);

/* Walks the entries: the next one from *AT (0 to begin), or NULL. */
struct cr_sysv_entry *cr_sysv_next(size_t *at);

/* The entry of an object that the kernel knows as KERNEL, made if there is none; NULL: no room. */
struct cr_sysv_entry *cr_sysv_note(enum cr_sysv_kind kind, int kernel);

/* ---- SEM_UNDO ---- */

/* A call with SEM_UNDO from before it until its result is counted; result: CR_SYSV_PENDING before it is done. */
#define CR_SYSV_PENDING INT64_MIN
#define CR_SYSV_OPERATIONS 16
struct cr_sysv_call {
    volatile uint32_t used;
    int32_t known_id;
    volatile long result;
    uint32_t count;
    struct sembuf operations[CR_SYSV_OPERATIONS];
};

/* NULL: there are too many, or the call is too large; from then on undo values are not known. */
struct cr_sysv_call *cr_sysv_call_begin(int known, const struct sembuf *operations, size_t count);

/* Counts what was done. Not while a checkpoint looks: the caller is in a critical section. */
void cr_sysv_call_end(struct cr_sysv_call *call);

/* SETVAL, SETALL or removal by this process: the kernel forgets adjustments of the semaphore (NUMBER -1: of all). */
void cr_sysv_undo_forget(int known, int number);

/* In the restored process: the kernel knows again what is to be undone. */
void cr_sysv_undo_restored(void);

/* In the child of a fork: it has nothing to undo. */
void cr_sysv_forked(void);

/* What is to be undone, with all threads stopped; nothing is left out. Walks with *AT from 0 on; returns 1, or 0 at the end. */
struct cr_sysv_undo {
    int32_t known_id;
    uint16_t number;
    int32_t adjustment;
    int64_t since; /* seconds since the epoch: earlier changes by others do not matter */
};
int cr_sysv_undo_next(size_t *at, struct cr_sysv_undo *ret_undo);
/* 1: some calls were not counted. */
int cr_sysv_undo_is_unknown(void);

#endif
