/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Members that a signal has stopped, their agent included. They are traced for the
 * time of the checkpoint: the agent alone goes on, and each other thread just so far as to park in
 * its stop handler. Nobody sees a SIGCONT, and no instruction of the program is executed. A thread
 * that is let go by its tracer enters the stop of its process again.
 */
#include "cr_group_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOLD_NS 2000000000LL /* until the kernel has stopped a thread for us */
#define STEP_US 100
#define MASK_TEXT 4096
#define PARK_BIT (1ULL << (CR_SIGNAL - 1))

struct cr_traced {
    pid_t tid;
    int held; /* it stands in a stop of ours */
};

/* A signal mask of a thread. */
static uint64_t read_mask(pid_t pid, pid_t tid, const char *name)
{
    char path[64];
    char text[MASK_TEXT];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 0;
    at = strstr(text, name);
    return at != NULL ? strtoull(at + strlen(name), NULL, 16) : 0;
}

static char thread_state(pid_t pid, pid_t tid)
{
    char path[64];
    char text[MASK_TEXT];
    const char *at;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 'X';
    at = strstr(text, "State:\t");
    return at != NULL ? at[7] : 'X';
}

/* What it would be handed first when it runs: that is the program's business, not ours. */
static int check_pending(const struct cr_member *m, pid_t tid, struct cr_error *err)
{
    uint64_t pending =
        read_mask(m->facts.pid, tid, "\nSigPnd:\t") | read_mask(m->facts.pid, tid, "\nShdPnd:\t");

    pending &= ~read_mask(m->facts.pid, tid, "\nSigBlk:\t") &
               ~read_mask(m->facts.pid, tid, "\nSigIgn:\t") & ~PARK_BIT;
    if (pending == 0)
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "process %d (%s) is stopped, and signal %d waits for it to go on; let it go on "
                   "before the checkpoint (kill -CONT %d)",
                   m->facts.pid, m->facts.comm, __builtin_ctzll(pending) + 1, m->facts.pid);
}

static struct cr_traced *find_traced(const struct cr_member *m, pid_t tid)
{
    for (size_t i = 0; i < m->traced_count; i++) {
        if (m->traced[i].tid == tid)
            return &m->traced[i];
    }
    return NULL;
}

static void forget(struct cr_member *m, struct cr_traced *t)
{
    *t = m->traced[--m->traced_count];
}

/*
 * Looks once whether the kernel has something to say of T. Signals are handed on. Returns 0 if the
 * thread is gone, and then T is forgotten.
 */
static int look(struct cr_member *m, struct cr_traced *t)
{
    int status;
    pid_t rc = waitpid(t->tid, &status, WNOHANG | __WALL);

    if (rc == 0)
        return 1;
    if (rc < 0 || !WIFSTOPPED(status)) {
        forget(m, t);
        return 0;
    }
    if (status >> 16 == PTRACE_EVENT_STOP) {
        t->held = 1;
        if (WSTOPSIG(status) != SIGTRAP)
            m->stop_signal = WSTOPSIG(status);
    } else {
        ptrace(PTRACE_CONT, t->tid, 0, WSTOPSIG(status));
    }
    return 1;
}

/* Waits until T stands. Returns 0 if it does not, or is gone. */
static int await_held(struct cr_member *m, pid_t tid)
{
    int64_t deadline = cr_group_now() + HOLD_NS;
    struct cr_traced *t;

    while ((t = find_traced(m, tid)) != NULL && !t->held && cr_group_now() < deadline) {
        if (look(m, t) && !t->held)
            usleep(STEP_US);
    }
    return t != NULL && t->held;
}

static void let_go(struct cr_member *m, pid_t tid)
{
    struct cr_traced *t = find_traced(m, tid);

    if (t == NULL)
        return;
    if (!t->held)
        ptrace(PTRACE_INTERRUPT, tid, 0, 0);
    if (!t->held && !await_held(m, tid))
        return;
    ptrace(PTRACE_DETACH, tid, 0, 0);
    t = find_traced(m, tid);
    if (t != NULL)
        forget(m, t);
}

static int seize_thread(struct cr_member *m, pid_t tid, struct cr_error *err)
{
    struct cr_traced *more;
    int rc = find_traced(m, tid) == NULL ? check_pending(m, tid, err) : 0;

    if (rc < 0 || find_traced(m, tid) != NULL)
        return rc;
    more = realloc(m->traced, (m->traced_count + 1) * sizeof(*more));
    if (more == NULL)
        return cr_fail(err, ENOMEM, "no memory for the threads of process %d", m->facts.pid);
    m->traced = more;
    if (ptrace(PTRACE_SEIZE, tid, 0, 0) < 0) {
        if (errno == ESRCH)
            return 0;
        return cr_fail(err, CR_EREFUSED,
                       "process %d (%s) is stopped, and this system does not let us reach it so "
                       "(ptrace: %s); let it go on before the checkpoint (kill -CONT %d)",
                       m->facts.pid, m->facts.comm, strerror(errno), m->facts.pid);
    }
    m->traced[m->traced_count++] = (struct cr_traced){tid, 0};
    if (!await_held(m, tid) && find_traced(m, tid) != NULL)
        return cr_fail(err, CR_ENOPARK, "thread %d of process %d (%s) cannot be held", tid,
                       m->facts.pid, m->facts.comm);
    return 0;
}

static int seize_all(struct cr_member *m, struct cr_error *err)
{
    const struct dirent *entry;
    char path[64];
    DIR *tasks;
    int rc = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", m->facts.pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return 0;
    while (rc == 0 && (entry = readdir(tasks)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]))
            rc = seize_thread(m, atoi(entry->d_name), err);
    }
    closedir(tasks);
    return rc;
}

int cr_stopped_begin(struct cr_member *m, pid_t agent, struct cr_error *err)
{
    struct cr_traced *t;
    int rc;

    m->stopped = 1;
    m->agent = agent;
    m->seized_at = cr_group_now();
    rc = seize_all(m, err);
    if (rc < 0) {
        cr_stopped_end(m);
        return rc;
    }
    t = find_traced(m, agent);
    if (t != NULL && t->held) {
        t->held = 0;
        ptrace(PTRACE_CONT, agent, 0, 0);
    }
    return 0;
}

int cr_stopped_serve(struct cr_member *m, struct cr_error *err)
{
    for (size_t i = 0; i < m->traced_count; i++) {
        struct cr_traced *t = &m->traced[i];

        if (!t->held && !look(m, t)) {
            i--;
            continue;
        }
        if (!t->held || (t->tid != m->agent &&
                         (read_mask(m->facts.pid, t->tid, "\nSigPnd:\t") & PARK_BIT) == 0))
            continue;
        t->held = 0;
        ptrace(PTRACE_CONT, t->tid, 0, 0);
    }
    if (m->traced_count > 1 && cr_group_now() - m->seized_at > CR_STOPPED_PATIENCE_NS)
        return cr_fail(err, CR_EREFUSED,
                       "process %d (%s) is stopped, and does not come to the point of its "
                       "checkpoint: has it callbacks, or a critical section? let it go on before "
                       "(kill -CONT %d)",
                       m->facts.pid, m->facts.comm, m->facts.pid);
    return 0;
}

/* Threads that enter the stop again do so a moment later. */
static int await_stopped(const struct cr_member *m, pid_t tid)
{
    int64_t deadline = cr_group_now() + HOLD_NS;
    char state;

    while ((state = thread_state(m->facts.pid, tid)) != 'T' && state != 'X' &&
           cr_group_now() < deadline)
        usleep(STEP_US);
    return state == 'T' || state == 'X';
}

int cr_stopped_stand(struct cr_member *m, struct cr_error *err)
{
    while (m->traced_count > 0) {
        size_t i = m->traced[0].tid == m->agent;
        pid_t tid;

        if (i == m->traced_count)
            return 0;
        tid = m->traced[i].tid;
        let_go(m, tid);
        if (find_traced(m, tid) != NULL || !await_stopped(m, tid))
            return cr_fail(err, CR_ENOPARK,
                           "process %d (%s) was stopped when the checkpoint began, and has gone on",
                           m->facts.pid, m->facts.comm);
    }
    return 0;
}

void cr_stopped_end(struct cr_member *m)
{
    while (m->traced_count > 0) {
        pid_t tid = m->traced[0].tid;

        let_go(m, tid);
        if (find_traced(m, tid) != NULL)
            forget(m, find_traced(m, tid));
    }
    free(m->traced);
    m->traced = NULL;
}
