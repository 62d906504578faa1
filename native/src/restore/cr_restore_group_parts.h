/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The inside of a group that is brought back; private to this folder. */
#ifndef CR_RESTORE_GROUP_PARTS_H
#define CR_RESTORE_GROUP_PARTS_H

#include "cr_handoff.h"
#include "cr_restore_group.h"
#include "cr_restore_parts.h"
#include "cr_state_fd.h"

#include <stdint.h>

enum cr_kin_kind {
    CR_KIN_PROCESS,
    CR_KIN_ZOMBIE, /* ends at once, as it had */
    CR_KIN_GHOST, /* is gone before a program runs: it leads a session or group whose leader had died, or leaves an orphan */
};

/* The processes that are made. Ids are those of the image. */
struct cr_kin {
    enum cr_kin_kind kind;
    int pid;           /* 0: any */
    int parent;        /* index; -1: the calling process */
    int maker;         /* index of who clones it; -1: the calling process */
    int early;         /* it is made before its maker begins its session */
    int for_parent;    /* it is cloned as a child of its maker's parent */
    int takes_orphans; /* what a ghost below it leaves behind becomes its child */
    int pgid, sid;
    int birth; /* the session in which it is born */
    int child_of_init;
    int exit_signal;
    int exit_status;
    int stopped;
    uint32_t tty;   /* device of the controlling terminal; 0: none */
    int foreground; /* of that terminal; -1: none */
    const char *comm;
    struct cr_restore *image; /* of a process */
    struct cr_inherited *inherited;
    size_t inherited_count;
    int socket;      /* this side's */
    int peer_socket; /* the process's */
};

/* An open file description that several processes have. */
struct cr_shared_file {
    uint32_t id;
    int pid, fd;
    int number; /* when made; -1 before */
};

struct cr_restore_group {
    struct cr_arena arena;
    const char *path;
    int flags;
    int image_fd;
    struct cr_kin *kin; /* parents before their children; the eldest first */
    size_t kin_count;
    size_t kin_room;
    struct cr_shared_file *shared_files;
    size_t shared_file_count;
    struct cr_restore_options options;
    /* While it starts. */
    int floor;           /* numbers of descriptors from here on are in nobody's way */
    uint64_t soft_limit; /* of open files, before it was raised */
    struct cr_fd_pool pool;
    struct cr_arena scratch; /* of kinds of descriptors */
    struct cr_handoff *handoff;
    int handoff_fd;
    int own_pgid, own_sid; /* of the calling process */
    int new_ids;           /* the old ones cannot be had */
    uint32_t barriers;     /* how many this process has passed */
};

/* SIZE zeroed bytes of the group's arena, or NULL with ERR filled. */
void *cr_group_alloc(struct cr_restore_group *g, size_t size, struct cr_error *err);

/* The index of the process PID of the image; -1: none. */
int cr_group_find(const struct cr_restore_group *g, int pid);

/* Words for messages: "process 12 (name)". */
const char *cr_group_name(const struct cr_kin *k);

/* ---- cr_restore_members.c: what PATH holds */
int cr_group_read(struct cr_restore_group *g, struct cr_error *err);

/* ---- cr_restore_tree.c: who makes whom, and when; adds ghosts */
int cr_group_plan(struct cr_restore_group *g, struct cr_error *err);
/* 1: that session, or group, is the calling process's now. */
int cr_group_inherits_session(const struct cr_restore_group *g, int sid);
int cr_group_inherits_group(const struct cr_restore_group *g, int pgid);
int cr_group_leads_session(const struct cr_restore_group *g, const struct cr_kin *k);
int cr_group_leads_group(const struct cr_restore_group *g, const struct cr_kin *k);

/* ---- cr_restore_ids.c */
int cr_group_check_ids(struct cr_restore_group *g, struct cr_error *err);
/* The letter of the state of process ID as /proc has it, or 0. */
char cr_group_state_of(int id);

/* ---- cr_restore_descriptors.c: all open file descriptions, and shared memory */
int cr_group_make_room(struct cr_restore_group *g, struct cr_error *err);
int cr_group_make_files(struct cr_restore_group *g, struct cr_error *err);
int cr_group_make_memory(struct cr_restore_group *g, struct cr_error *err);
/* Moves FD among the numbers that are in nobody's way. */
int cr_group_raise(const struct cr_restore_group *g, int fd, struct cr_error *err);
/* In the process of K: closes what is not its own. */
void cr_group_close_others(const struct cr_restore_group *g, const struct cr_kin *k);
/* Closes what was made for the processes. */
void cr_group_drop_files(struct cr_restore_group *g);

/* ---- cr_restore_board.c: the memory that all of them map */
int cr_board_make(struct cr_restore_group *g, struct cr_error *err);
/* Groups and sessions have their leaders: their ids are told. Done between the barriers. */
void cr_board_tell_leaders(struct cr_restore_group *g);
/* The first failure is kept: kin INDEX (-1: none) cannot be brought back. Returns -code. */
int cr_board_fail(struct cr_restore_group *g, int index, int code, const char *text);
/* 0, or the negative code of the failure with its text in ERR. */
int cr_board_failed(const struct cr_restore_group *g, struct cr_error *err);
/* Waits for all; TICK is called now and then and may fail. Returns 0 or a negative code. */
int cr_board_meet(struct cr_restore_group *g, int (*tick)(struct cr_restore_group *g),
                  struct cr_error *err);

/* ---- cr_restore_grow.c: the tree */
/* Makes the kin whose maker is INDEX and that are EARLY or not. Returns 0 or a negative code. */
int cr_group_make_kin(struct cr_restore_group *g, int index, int early);
/* Forks with the wished pid; 0: any. Returns as fork() does, or -errno. */
pid_t cr_group_fork(int pid, uint64_t flags, int exit_signal);
/* Gives up the dead that this process made on the way. */
void cr_group_reap(struct cr_restore_group *g, int index);
int cr_group_look_for_dead(struct cr_restore_group *g);

/* ---- cr_restore_watch.c: until all run */
int cr_group_watch(struct cr_restore_group *g, struct cr_error *err);
void cr_group_kill(struct cr_restore_group *g);

/* ---- cr_restore_start.c */
int cr_group_run(struct cr_restore_group *g, struct cr_error *err);

/* ---- cr_restore_namespace.c */
int cr_group_move_clock(const struct cr_restore_group *g, struct cr_error *err);
int cr_group_run_in_namespace(struct cr_restore_group *g, pid_t *ret_child, struct cr_error *err);

/* Whether the image of R allows what the options say of files and connections. 0 or a negative code. */
int cr_restore_check_policies(struct cr_restore *r, const struct cr_restore_options *o,
                              struct cr_error *err);

#endif
