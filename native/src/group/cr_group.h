/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. A checkpoint of the processes of a scope: what cr_checkpoint does. All members
 * stop, then all are saved, then all go on. A scope that holds one process gives one image; several
 * give one tar file of images with a manifest (cr_manifest.h). The file is written as
 * FILE.partial and gets its name when all of it is there; after any failure all processes run on
 * and nothing is left of it.
 */
#ifndef CR_GROUP_H
#define CR_GROUP_H

#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The numbers of CR_SCOPE_* in libcr.h. */
enum cr_group_scope { CR_GROUP_PROCESS, CR_GROUP_PGRP, CR_GROUP_SESSION, CR_GROUP_TREE };

/* What to do with a process that is traced, or that traces others. */
enum cr_group_trace { CR_GROUP_TRACE_ERROR, CR_GROUP_TRACE_SKIP, CR_GROUP_TRACE_ALLOW };

struct cr_group_options {
    enum cr_group_scope scope;
    pid_t target;            /* process, process group or session */
    const char *file;        /* absolute */
    const char *destination; /* what callbacks are told; NULL: FILE */
    int durable;
    int signal;          /* sent to every member after the checkpoint; 0: none */
    int early;           /* the signal comes before the members go on */
    int dry_run;         /* stop, say what would be refused, go on */
    int timeout_ms;      /* for all of it; 0: none */
    int cancel_fd;       /* readable: give up; -1: none */
    pid_t requester;     /* what callbacks are told; 0: the calling process */
    uint32_t save;       /* SaveFlags of wire.proto */
    uint32_t files;      /* FilesPolicy */
    uint32_t tcp;        /* TcpPolicy */
    const char *exclude; /* rules for memory that is left out, one a line; NULL: none */
    const char *paths;   /* rules for open files, one a line; NULL: none */
    int keep_dontdump;   /* save what programs have advised not to dump */
    const pid_t *omit;   /* not members, besides the calling process */
    size_t omit_count;
    enum cr_group_trace ptraced;
    enum cr_group_trace ptracer; /* not ALLOW */
    /* Gives PID, which has no agent, one. 0 or a negative code; NULL: it is refused. */
    int (*attach)(pid_t pid, void *argument, struct cr_error *err);
    /* Called when a phase begins; may be NULL. */
    void (*progress)(const char *phase, void *argument);
    /* In a dry run, for each process that would be refused; may be NULL. */
    void (*refused)(pid_t pid, const struct cr_error *err, void *argument);
    /*
     * Called when FILE is complete, before the signal is sent; a failure is one of all, and FILE is
     * its to remove. May be NULL.
     */
    int (*commit)(void *argument, struct cr_error *err);
    void *commit_argument;
    /* Something worth telling beside the error: who was left out, who else was refused. May be NULL. */
    void (*log)(const char *line, void *argument);
    void *argument;
};

struct cr_group_result {
    uint32_t processes;    /* in the file, zombies included */
    uint32_t zombies;      /* of them */
    uint32_t stopped;      /* of them */
    uint32_t left_out;     /* that left the checkpoint by themselves */
    uint64_t pause_micros; /* from the order to stop until all ran again */
    uint64_t stop_micros;  /* of which: until all stood still and state was collected */
    uint64_t dump_micros;
    uint64_t seal_micros;
    uint64_t data_bytes; /* of memory; in a dry run: that would be saved */
    uint64_t file_bytes;
    /* Bytes of memory that were left out: by advice, given up, by the program, by rules of the request. */
    uint64_t left_dontdump, left_freed, left_program, left_request;
    uint64_t digest_low, digest_high; /* of a single image; 0 for a tar file */
};

/*
 * Returns 0 or a negative code: -ESRCH (nobody there), -EPERM, -CR_ENOAGENT, -CR_EBUSY,
 * -CR_EPTRACED, -CR_EPTRACER, -CR_EREFUSED, -CR_ETIMEOUT, -CR_ECANCELLED, -CR_ERANKLOST, what a
 * callback answered, or what writing gave. Not for several threads at once.
 */
int cr_group_checkpoint(const struct cr_group_options *options, struct cr_group_result *ret_result,
                        struct cr_error *err);

#endif
