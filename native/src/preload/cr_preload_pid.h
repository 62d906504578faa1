/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Ids of processes after a restart that could not have the old ones. What a program passes to the C library are
 * ids that it knows; what it gets are such ids. Without a pair of ids that differ each of these is a load and a branch.
 */
#ifndef CR_PRELOAD_PID_H
#define CR_PRELOAD_PID_H

#include "cr_preload.h"

#include <sys/types.h>

/* An id that no process has: what one that is gone for good is called. */
#define CR_PRELOAD_NOBODY 0x3fffffff

/* The kernel's id of the process, group or session (KINDS: CR_ID_*) that the program knows as KNOWN; 0 and less stay. */
pid_t cr_preload_kernel_id(pid_t known, uint32_t kinds);
pid_t cr_preload_known_id(pid_t kernel, uint32_t kinds);

/* As for kill(): below -1 a group, above 0 a process. */
pid_t cr_preload_kernel_target(pid_t known);

/*
 * PATH with the kernel's id in it if it begins with /proc/ and an id that differs; then the new one is in OUT, which has room for
 * SIZE bytes. Otherwise PATH itself.
 */
const char *cr_preload_proc_path(const char *path, char *out, size_t size);

#endif
