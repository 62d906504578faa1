/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen and normal. What cr_restart and the processes that it brings back tell each
 * other. All of them map the same memory: who failed, how far they are, which ids they have now,
 * and for each process which open file descriptions it inherits. Beside it each has a socket to
 * cr_restart, so that the end of either side is noticed.
 */
#ifndef CR_HANDOFF_H
#define CR_HANDOFF_H

#include "cr_error.h"
#include "cr_freeze.h"
#include "cr_state.h"

#include <stdint.h>

#define CR_HANDOFF_MAGIC 0x464f444e48525143UL

enum {
    CR_MEMBER_STOPPED = 1, /* was stopped by a signal, and is to be again */
};

struct cr_handoff_member {
    int32_t known_pid;
    int32_t kernel_pid;
    int32_t parent; /* its index; -1: cr_restart, or somebody else */
    uint32_t flags;
    uint32_t first_id, id_count; /* its threads */
    uint32_t first_fd, fd_count;
};

struct cr_handoff {
    uint64_t magic;
    uint32_t size; /* of all of it */
    uint32_t member_count, id_count;
    uint32_t members, ids, fds; /* offsets: struct cr_handoff_member, cr_freeze_id, cr_inherited */
    volatile uint32_t failed;   /* 0; 1: somebody writes the error; 2: it stands */
    volatile uint32_t arrived;  /* futex: how many times somebody has come to a barrier */
    volatile uint32_t running;  /* futex: 1 when all run */
    struct cr_error error;
    int32_t restarter;    /* pid of cr_restart */
    uint32_t relocations; /* offset: rules as cr_relocate_use() takes them; 0: none */
    char source[4096];    /* path of what is restarted; "": it has none */
};

static inline struct cr_handoff_member *cr_handoff_members(struct cr_handoff *h)
{
    return (struct cr_handoff_member *)((char *)h + h->members);
}

static inline struct cr_freeze_id *cr_handoff_ids(struct cr_handoff *h)
{
    return (struct cr_freeze_id *)((char *)h + h->ids);
}

static inline struct cr_inherited *cr_handoff_fds(struct cr_handoff *h)
{
    return (struct cr_inherited *)((char *)h + h->fds);
}

/* On the socket, from the process: how far it is. */
enum {
    CR_RETURN_STANDS = 1,
    CR_RETURN_COMPLETE = 2,
    CR_RETURN_CALLED = 3, /* callbacks have run; and who is to be stopped stops */
    CR_RETURN_FAILED = 4
};

struct cr_return_report {
    uint32_t stage;
    int32_t code;
    char text[CR_ERROR_TEXT_MAX];
};

/* On the socket, from cr_restart: the stage that all have reached. */
struct cr_return_order {
    uint32_t stage;
};

#endif
