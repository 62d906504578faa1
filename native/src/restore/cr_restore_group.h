/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. All processes of a checkpoint come back together: one image makes a group of
 * one. What they share is made once, by the calling process, and handed to those who had it; each
 * process is made by its own parent. The calling process stays the parent of the eldest.
 */
#ifndef CR_RESTORE_GROUP_H
#define CR_RESTORE_GROUP_H

#include "cr_error.h"

#include <stddef.h>
#include <sys/types.h>

struct cr_restore_group;

enum {
    CR_RESTORE_NO_CHECK_FILES = 1, /* do not compare build-ids (for debugging only) */
    CR_RESTORE_NO_VERIFY = 2,      /* do not compare the digests of page data */
    /* At most one: what becomes of files, whatever the image says. */
    CR_RESTORE_FILES_REFERENCE = 4, /* contents in the image are not put back */
    CR_RESTORE_FILES_CONTENTS = 8,
    CR_RESTORE_FILES_CHECK = 16, /* files must not have changed */
};

/* Connections to processes outside the image: what the checkpoint said; they are reset; they are a failure; they live on. */
enum {
    CR_RESTORE_TCP_AS_SAVED = -1,
    CR_RESTORE_TCP_CLOSE,
    CR_RESTORE_TCP_ERROR,
    CR_RESTORE_TCP_RESTORE
};

struct cr_restore_options {
    int exact_pid; /* 1: fail if pids and tids cannot be the old ones; 0: go on without where they are not permitted */
    int new_pid;       /* do not even try */
    int pid_namespace; /* use a user and pid namespace */
    int restore_pgid;  /* the eldest gets its old process group, and not that of the caller */
    int restore_sid;   /* likewise its session */
    int files;         /* FilesPolicy of wire.proto that the image must allow; -1: any */
    int tcp;           /* CR_RESTORE_TCP_* */
    int signal;        /* sent to all processes before a thread of them runs; 0: none */
    const char *
        stand_in; /* what the calling process, and the first one of a pid namespace, are called when all run */
};

/*
 * Opens and decodes what a checkpoint wrote at PATH: one image, or a tar file of several;
 * -CR_ENOTIMAGE, -CR_EDAMAGED, ... as cr_image_open(). FLAGS: CR_RESTORE_*.
 */
int cr_restore_group_open(const char *path, int flags, struct cr_restore_group **ret_group,
                          struct cr_error *err);
void cr_restore_group_close(struct cr_restore_group *g);

/*
 * Whether all processes can come back here: CPU, kernel, files and, where OPTIONS demand the old
 * ids, who has them. First thing that does not fit, in ERR. Nothing is created.
 */
int cr_restore_group_check(struct cr_restore_group *g, const struct cr_restore_options *options,
                           struct cr_error *err);

/*
 * Brings all processes back that were checked, with the same options. Returns 0 when they run, and the eldest's pid as this process sees it,
 * or that of the first process of its pid namespace, which ends as the eldest does. After a failure
 * none of them is left, and ERR names the process. Signals should be blocked meanwhile; those to
 * pass on to the eldest come after.
 */
int cr_restore_group_start(struct cr_restore_group *g, pid_t *ret_child, struct cr_error *err);

/* How many processes, dead ones included; and the pid of the eldest as it knows itself. */
size_t cr_restore_group_size(const struct cr_restore_group *g);
pid_t cr_restore_group_eldest(const struct cr_restore_group *g);

/*
 * 1 if the eldest was a child of init, so that it is none of the calling process now: there is
 * nothing to wait for.
 */
int cr_restore_group_is_orphan(const struct cr_restore_group *g);

#endif
