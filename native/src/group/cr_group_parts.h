/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What the files of a group's checkpoint share; private to this folder. */
#ifndef CR_GROUP_PARTS_H
#define CR_GROUP_PARTS_H

#include "cr_arena.h"
#include "cr_frame.h"
#include "cr_group.h"
#include "cr_manifest.h"
#include "cr_session.h"

#define CR_MEMBER_BUFFER 8192 /* bytes: what agents say in a round is short */
#define CR_GROUP_SCOPES_MAX 16

/* What /proc/PID/stat says of a process. */
struct cr_facts {
    pid_t pid;
    pid_t parent;
    pid_t pgid;
    pid_t sid;
    uint32_t tty;
    int foreground;
    int exit_signal;
    int exit_status; /* of a zombie; -1: we may not know */
    uint32_t threads;
    uint64_t start_time;
    char state;
    char comm[17];
    pid_t asked_for; /* 0: nobody; whether this is a descendant of that process is known */
    int is_below;
};

enum cr_member_stage {
    CR_MEMBER_NEW,     /* its agent is still to be woken */
    CR_MEMBER_WOKEN,   /* its agent is to connect */
    CR_MEMBER_TALKING, /* takes part */
    CR_MEMBER_ZOMBIE,  /* takes part, though it is dead */
    CR_MEMBER_LEFT,    /* has left the request by itself */
    CR_MEMBER_GONE     /* does not exist any more */
};

struct cr_member {
    struct cr_facts facts;
    enum cr_member_stage stage;
    int shares;      /* perhaps it has shared memory */
    uint64_t memory; /* bytes that are not a file's, roughly */
    pid_t known_pid; /* what it takes for its pid */
    uint32_t uid;    /* effective */
    int stopped;     /* by a signal */
    int stop_signal;
    int64_t seized_at;
    struct cr_traced *traced; /* its threads, if it was stopped */
    size_t traced_count;
    int64_t found_at; /* ns */
    int64_t woken_at;
    int64_t looked_at;
    pid_t agent; /* the thread that was woken */
    int fd;
    int owed;                 /* answers that have not come */
    quiesce_wire_Phase asked; /* the last phase that it was told to enter */
    quiesce_wire_Phase reached;
    int forwarding; /* its Forward is to be answered */
    struct cr_frame_reader reader;
    uint8_t *buffer;
    quiesce_wire_RankResult result; /* of the phase reached */
    struct cr_error err;
    uint64_t stop_micros, dump_micros;
    uint64_t data_bytes;
    quiesce_wire_LeftOut left_out;
    int32_t kept[64]; /* descriptors of connections that are to live on */
    size_t kept_count;
    uint64_t offset; /* of its image in the file */
    uint64_t size;
    uint64_t digest_low, digest_high;
    int unsealed; /* it has ended after it had gone on; its image is complete but for the digests */
};

/* Processes asked for: those of the request, and those that callbacks have added. */
struct cr_group_target {
    enum cr_group_scope scope;
    pid_t target;
};

struct cr_group {
    const struct cr_group_options *options;
    struct cr_group_result *result;
    struct cr_session session;
    struct cr_group_target targets[CR_GROUP_SCOPES_MAX];
    size_t target_count;
    struct cr_facts *facts; /* of all processes of the system, ascending by pid */
    size_t fact_count;
    pid_t own_pid; /* when the facts were found */
    struct cr_member **members;
    size_t count;
    int64_t deadline; /* ns; 0: none */
    int cancel_fd;
    uint64_t round;
    int doomed;              /* a callback wants all members to be killed */
    int alone;               /* the one member writes a file of its own */
    quiesce_wire_Phase goal; /* the phase that members are led to */
    int64_t looked_at;       /* when the processes were listed last; 0: they have to be */
    int looks;               /* how often in this phase */
    pid_t *skipped;          /* left out because of a tracer */
    size_t skipped_count;
    int holds; /* some member is stopped */
    int64_t checked_at;
    struct cr_arena arena;
    quiesce_wire_Frame frame;
    uint8_t sent[CR_FRAME_AGENT_MAX];
    int64_t stopped_at;
    struct cr_manifest_text shared; /* records of the manifest about what members share */
    int file;                       /* FILE.partial of several; -1: none */
    uint64_t file_size;
    pid_t keeper; /* holds connections; 0: nobody */
};

int64_t cr_group_now(void);

/* ---- cr_group_keeper.c: connections that live on ---- */

/* Leaves a process behind that holds the connections which members have saved to live on, if there are any. */
int cr_group_keep_connections(struct cr_group *g, struct cr_error *err);
/* Ends it again. */
void cr_group_drop_connections(struct cr_group *g);

/* A process that is to be killed or stopped does not run a step beyond its image. */
int cr_group_stays_stopped(const struct cr_group *g);

/* ---- cr_members.c: who belongs to the scope ---- */

/* Reads what the kernel says of PID. 0, or -ESRCH. */
int cr_facts_read(pid_t pid, struct cr_facts *ret_facts);

/* The same of M as it is now; -ESRCH also if another process has its id. */
int cr_member_look(const struct cr_member *m, struct cr_facts *ret_facts);

/* Dead and not waited for; a main thread that has ended while others run on looks the same but for their number. */
int cr_facts_are_of_dead(const struct cr_facts *facts);

/*
 * Lists the processes and adds those of the scope that are not members yet. QUICK: what is known of
 * a process is not read again. Returns how many were added, or a negative code.
 */
int cr_members_scan(struct cr_group *g, int quick, struct cr_error *err);

/* How many processes a further scope would have; or a negative code. */
int cr_members_of(struct cr_group *g, const struct cr_group_target *target);

/* Whether a process is one of those asked for. */
int cr_members_belongs(const struct cr_group *g, const struct cr_facts *p);

/* Refuses or leaves out, as the options say, members that are traced or trace others. */
int cr_members_check_traces(struct cr_group *g, struct cr_error *err);

void cr_members_free(struct cr_group *g);
/* Whether M is to be saved (alive or dead). */
int cr_member_counts(const struct cr_member *m);

/* ---- cr_members_wake.c: agents ---- */

/* Wakes agents that were not woken yet, and looks after those that do not come. 0 or a negative code. */
int cr_members_wake(struct cr_group *g, struct cr_error *err);

/* The agent of M has not come in time. */
int cr_member_silent(const struct cr_member *m, struct cr_error *err);

/* ---- cr_stopped.c: members that a signal has stopped ---- */

#define CR_STOPPED_PATIENCE_NS (10LL * 1000000000)

/* Holds all threads but the agent's. Refuses what would be seen by the process. */
int cr_stopped_begin(struct cr_member *m, pid_t agent, struct cr_error *err);
/* To be called often until M has reached STOP: lets threads go as far as their handlers. */
int cr_stopped_serve(struct cr_member *m, struct cr_error *err);
/* When M has reached STOP: they are stopped by the signal again, in their handlers. */
int cr_stopped_stand(struct cr_member *m, struct cr_error *err);
/* The agent is, too. */
void cr_stopped_end(struct cr_member *m);

/* ---- cr_group_talk.c: frames ---- */

/* Where PHASE stands in the order of phases. */
int cr_group_place_of(quiesce_wire_Phase phase);
/* Sends G->frame. A peer that has hung up may have said why: the next receive tells. */
int cr_member_send(struct cr_group *g, struct cr_member *m, struct cr_error *err);
/* Ends the connection with M. */
void cr_member_hang_up(struct cr_member *m);
/* One look at everybody, at most STEP_MS long (-1: until something comes). */
int cr_group_pump(struct cr_group *g, int step_ms, struct cr_error *err);
/* Tells M what it has to do for the goal. */
/* Tells a member that was alone that it is one of several; it stays in its phase. */
int cr_member_begin_again(struct cr_group *g, struct cr_member *m, struct cr_error *err);
int cr_member_advance(struct cr_group *g, struct cr_member *m, struct cr_error *err);
/* Asks the one member for several phases at once. */
int cr_member_ask(struct cr_group *g, struct cr_member *m, const quiesce_wire_Phase *phases,
                  size_t count, struct cr_error *err);

/* ---- cr_group_lead.c: phases ---- */

/* Leads every member to PHASE, finding new ones on the way until STOP is over. */
int cr_group_lead(struct cr_group *g, quiesce_wire_Phase phase, struct cr_error *err);
/* Waits until M, asked already, has reached PHASE. */
int cr_member_await(struct cr_group *g, struct cr_member *m, quiesce_wire_Phase phase,
                    struct cr_error *err);
/* Has everybody undo all and go on; waits until they have. */
void cr_group_cancel(struct cr_group *g, const struct cr_error *why);
/* The end: SIGNAL to everybody, 0: none. */
void cr_group_end(struct cr_group *g, int signal);
/* Until stopped members have taken note of it. */
void cr_group_await_end(const struct cr_group *g);

/* ---- cr_group_manifest.c: what the members are to each other ---- */

/* While all stand still: reads the facts again, and puts parents before their children. */
int cr_group_settle(struct cr_group *g, struct cr_error *err);
/* The manifest; RET_TEXT is to be freed. */
int cr_group_manifest(struct cr_group *g, void **ret_text, size_t *ret_size, struct cr_error *err);

/* ---- cr_group_open_files.c, cr_group_memory.c: what members share, found while all stand still ---- */

/* Adds to G->shared the open file descriptions that several members have. */
int cr_group_find_open_files(struct cr_group *g, struct cr_error *err);
/* The same for shared memory; tells members what another one stores. */
int cr_group_find_memory(struct cr_group *g, struct cr_error *err);
/* Adds a record to G->shared, which grows. */
int cr_group_add_shared(struct cr_group *g, uint32_t type, const pb_msgdesc_t *fields,
                        const void *message, struct cr_error *err);

/* ---- cr_group_file.c: the file of several ---- */

int cr_group_file_create(struct cr_group *g, struct cr_error *err);
/* Gives each image its place. */
int cr_group_file_lay_out(struct cr_group *g, struct cr_error *err);
/* A descriptor of the file for one member, with a position and flags of its own, or a negative code. */
int cr_group_file_open(const struct cr_group *g, struct cr_error *err);
/* Seals the images of those that have ended after they had gone on. */
int cr_group_file_seal(struct cr_group *g, struct cr_error *err);
/* The same for the file of the one member; cuts, syncs and names it, too. */
int cr_group_file_finish_alone(struct cr_group *g, struct cr_member *m, struct cr_error *err);
/* Heads, manifest, sync, name. */
int cr_group_file_commit(struct cr_group *g, struct cr_error *err);
/* The last of it: sync, name. */
int cr_group_file_name(struct cr_group *g, struct cr_error *err);
void cr_group_file_drop(struct cr_group *g);

#endif
