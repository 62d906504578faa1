/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program can say about its own checkpoints, beyond libcr.h: what is left out, and what must be there. All
 * functions may be called by any thread at any time, but not in a signal handler; they return 0, or -1 with errno set. What
 * they say stays said: it is part of the process, and holds in a restarted one.
 */
#ifndef LIBCR_EXT_H
#define LIBCR_EXT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What becomes of memory. CR_POLICY_KEEP: it is saved, whatever other rules say (madvise, names, sizes). CR_POLICY_ZERO:
 * it is mapped again without its contents: private and anonymous memory reads as zero, a map of a file as the file.
 * CR_POLICY_DROP: it is not mapped in a restarted process at all.
 */
#define CR_POLICY_KEEP 0
#define CR_POLICY_ZERO 1
#define CR_POLICY_DROP 2

/*
 * Leaves LENGTH bytes at ADDRESS out of checkpoints (or with CR_POLICY_KEEP never). Only whole pages are left out: those
 * that the range covers wholly; CR_POLICY_KEEP takes pages that it covers partly. The range is one of addresses: it
 * outlives the mapping, so a program that unmaps it takes the rule back with cr_include(). Pages with a thread's stack
 * pointer and Quiesce's own memory are saved in any case. errno: EINVAL (policy, empty range), ENOSPC (more than 512
 * ranges).
 */
int cr_exclude(const void *address, size_t length, int policy);

/* Takes back what was said about the range. */
int cr_include(const void *address, size_t length);

/*
 * The same for whole mappings at the time of the checkpoint: RULE is START-END (hexadecimal), size>N (K, M, G or T
 * behind N), or a name as in /proc/PID/maps ("[heap]", "[anon:cache]", a path), in which * stands for any characters.
 * The last rule that fits counts; rules of cr_checkpoint --exclude come before those of the program. errno: EINVAL,
 * ENOSPC (more than 32 rules).
 */
int cr_exclude_mapping(const char *rule, int policy);

/*
 * What becomes of regular files that the program has open. CR_FILE_REFERENCE: reopened by path, as they are at the
 * restart. CR_FILE_CONTENTS: contents are stored, and put back where the file is missing or has changed.
 * CR_FILE_CHECK: reopened by path; a restart refuses a file whose size or time of last change differs.
 */
#define CR_FILE_REFERENCE 0
#define CR_FILE_CONTENTS 1
#define CR_FILE_CHECK 2

/* For files whose path matches PATTERN, in which * stands for any characters. errno: EINVAL, ENOSPC. */
int cr_path_policy(const char *pattern, int policy);

/* For the file that is open as FD; comes before the rules for paths. errno: EBADF, EINVAL, ENOSPC. */
int cr_descriptor_policy(int fd, int policy);

/* What this process and kernel can do. */
#define CR_CAP_CHECKPOINT 0x1UL /* the process has a checkpoint agent */
#define CR_CAP_PAGEMAP_SCAN                                                                        \
    0x2UL                       /* contents are found without looking at every page (kernel 6.7) */
#define CR_CAP_EXACT_PIDS 0x4UL /* a restart can have the old process and thread ids */
#define CR_CAP_NAMESPACES 0x8UL /* user and pid namespaces may be made: cr_restart --pidns */
#define CR_CAP_TIMER_IDS 0x10UL /* POSIX timers get their old ids at once */
#define CR_CAP_GUARDS 0x20UL    /* guard pages (madvise MADV_GUARD_INSTALL) */
#define CR_CAP_MESSAGE_COPY 0x40UL /* messages of System V queues can be saved */
#define CR_CAP_SYSV_IDS 0x80UL     /* System V objects that are gone get their old ids */
unsigned long cr_capabilities(void);

#ifdef __cplusplus
}
#endif

#endif
