/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Process ids that the program knows, after a restart that could not have them: what the wrappers make of each. */
#include "cr_freeze.h"
#include "cr_ids.h"
#include "cr_park.h"
#include "cr_preload.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KNOWN 5000001 /* above the largest id that a kernel gives */
#define KNOWN_CHILD 5000002
#define GONE 5000003
#define OUTSIDE 5000004
#define ALIVE (CR_ID_THREAD | CR_ID_PROCESS)
#define ALL (ALIVE | CR_ID_GROUP | CR_ID_SESSION)
#define SIGNAL_CANCEL 32 /* by which the C library cancels threads */

static pid_t self;

static void adopt(const struct cr_freeze_id *ids, size_t count)
{
    struct cr_error err = {0};

    if (cr_freeze_adopt_ids(ids, count, &err) < 0)
        tap_ok(0, err.text);
}

static void test_own(void)
{
    char path[64];

    tap_ok(getpid() == KNOWN && gettid() == KNOWN, "the process is called what it knows");
    tap_ok(kill(KNOWN, 0) == 0 && sigqueue(KNOWN, 0, (union sigval){0}) == 0,
           "and gets signals by that");
    tap_ok(getpriority(PRIO_PROCESS, KNOWN) == getpriority(PRIO_PROCESS, 0), "its priority");
    tap_ok(sched_getscheduler(KNOWN) == SCHED_OTHER, "its scheduler");
    tap_ok(getsid(KNOWN) == getsid(0) && getpgid(KNOWN) == getpgrp(), "its session and group");
    errno = 0;
    tap_ok(kill(GONE, 0) == -1 && errno == ESRCH, "a process that did not come back is gone");
    snprintf(path, sizeof(path), "/proc/%d/fd", KNOWN);
    tap_ok(access("/proc/self/fd", R_OK) == 0 && access(path, R_OK) == 0, "its files in /proc");
}

/* In a pid namespace that has neither the group nor the session of this process. */
static int is_outside(void)
{
    adopt((struct cr_freeze_id[]){{GONE, 0, ALIVE},
                                  {OUTSIDE, 0, CR_ID_GROUP},
                                  {OUTSIDE, 0, CR_ID_SESSION}},
          3);
    return getpgrp() == OUTSIDE && getsid(0) == OUTSIDE && getppid() == 0 &&
           killpg(OUTSIDE, 0) == 0 && setpgid(0, OUTSIDE) == 0 &&
           getpriority(PRIO_PGRP, OUTSIDE) == getpriority(PRIO_PROCESS, 0) &&
           waitpid(-OUTSIDE, NULL, WNOHANG) == -1 && errno == ECHILD && setpgid(0, 0) == 0 &&
           killpg(OUTSIDE, 0) == -1 && errno == ESRCH && setpgid(0, OUTSIDE) == -1;
}

static void test_outside(void)
{
    pid_t maker = fork();
    int status = -1;
    pid_t inner;

    if (maker == 0) {
        if (unshare(CLONE_NEWPID) < 0)
            _exit(77);
        inner = CR_NEXT(fork)();
        if (inner == 0)
            _exit(is_outside() ? 0 : 1);
        CR_NEXT(waitpid)(inner, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    CR_NEXT(waitpid)(maker, &status, 0);
    tap_ok(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77),
           "a group and session outside of the pid namespace are called what they were");
}

static void test_paths(void)
{
    struct stat st;
    char path[64];
    char link[8];
    FILE *file;
    DIR *dir;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/status", KNOWN);
    file = fopen(path, "re");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    tap_ok(file != NULL && fd >= 0 && stat(path, &st) == 0 && lstat(path, &st) == 0,
           "a file of it opens");
    snprintf(path, sizeof(path), "/proc/%d", KNOWN);
    dir = opendir(path);
    tap_ok(dir != NULL, "its directory");
    snprintf(path, sizeof(path), "/proc/%d/cwd", KNOWN);
    tap_ok(readlink(path, link, sizeof(link)) > 0, "a link");
    snprintf(path, sizeof(path), "/proc/%dx", KNOWN);
    tap_ok(open(path, O_RDONLY | O_CLOEXEC) == -1, "but not something else that begins so");
    fclose(file);
    close(fd);
    closedir(dir);
}

static void test_child(void)
{
    siginfo_t info;
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(getppid() == KNOWN ? 7 : 8);
    adopt((struct cr_freeze_id[]){{KNOWN, self, ALL}, {KNOWN_CHILD, child, ALL}}, 2);
    tap_ok(waitid(P_PID, KNOWN_CHILD, &info, WEXITED | WNOWAIT) == 0 && info.si_pid == KNOWN_CHILD,
           "a child is seen");
    tap_ok(waitpid(KNOWN_CHILD, &status, 0) == KNOWN_CHILD, "and waited for by its known id");
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 7, "and knew its parent");
}

/* About DISTANCE away from ours, below the smallest limit that a kernel has. */
static int free_id(int distance)
{
    int from = self > 16000 ? self - distance : self + distance;

    while (syscall(SYS_kill, from, 0) == 0 || errno != ESRCH)
        from++;
    return from;
}

/* The kernel gives ID next. Returns whether it could be told. */
static int choose_next(int id)
{
    FILE *last = fopen("/proc/sys/kernel/ns_last_pid", "we");
    int good = last != NULL && fprintf(last, "%d", id - 1) > 0;

    return last != NULL && fclose(last) == 0 && good;
}

/* The kernel's next id is one that stands for another process. */
static void test_collision(void)
{
    int wanted = free_id(5000);
    int status;
    pid_t child;

    if (!choose_next(wanted)) {
        tap_ok(1, "(the next id cannot be chosen here)");
        return;
    }
    adopt((struct cr_freeze_id[]){{KNOWN, self, ALL}, {wanted, self, CR_ID_PROCESS}}, 2);
    child = fork();
    if (child == 0)
        _exit(0);
    tap_ok(child > 0 && child != wanted, "a new child is not taken for another process");
    tap_ok(waitpid(child, &status, 0) == child && status == 0, "and is waited for");
    errno = 0;
    tap_ok(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD, "and is the only one");
}

static void *tell_tid(void *ret_tid)
{
    *(int *)ret_tid = (int)syscall(SYS_gettid);
    return ret_tid;
}

/* The kernel's next id is one by which the program knows a thread. */
static void test_thread_collision(void)
{
    pthread_attr_t detached;
    pthread_t thread;
    int wanted = free_id(6000);
    volatile int tid = 0;

    adopt((struct cr_freeze_id[]){{wanted, self, CR_ID_THREAD}}, 1);
    if (!choose_next(wanted)) {
        tap_ok(1, "(the next id cannot be chosen here)");
        return;
    }
    tap_ok(pthread_create(&thread, NULL, tell_tid, (void *)&tid) == 0, "a thread begins");
    tap_ok(pthread_join(thread, NULL) == 0 && tid > 0 && tid != wanted,
           "and is not taken for another one");
    tid = 0;
    choose_next(wanted);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    tap_ok(pthread_create(&thread, &detached, tell_tid, (void *)&tid) == 0,
           "nor is a detached one");
    while (tid == 0)
        sched_yield();
    tap_ok(tid != wanted, "which is there once");
}

static volatile int tids[2];

static void *stay(void *argument)
{
    tids[(long)argument] = (int)syscall(SYS_gettid);
    for (;;)
        pause();
    return argument;
}

/* What a caller of this program ignores stays ignored in it. */
static void ignore_cancellation(void)
{
    uint64_t action[4] = {(uint64_t)SIG_IGN}; /* the kernel's: the handler is the first */

    syscall(SYS_rt_sigaction, SIGNAL_CANCEL, action, NULL, 8);
}

/* Each of two threads has the id by which the program knows the other one. */
static void test_exchanged(void)
{
    pthread_t threads[2];
    void *result = NULL;

    adopt(NULL, 0);
    ignore_cancellation();
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, stay, (void *)i);
    while (tids[0] == 0 || tids[1] == 0)
        sched_yield();
    adopt(
        (struct cr_freeze_id[]){{tids[0], tids[1], CR_ID_THREAD}, {tids[1], tids[0], CR_ID_THREAD}},
        2);
    tap_ok(pthread_cancel(threads[0]) == 0, "a thread is cancelled");
    tap_ok(pthread_join(threads[1], &result) == 0 && result == PTHREAD_CANCELED, "by its own id");
    tap_ok(pthread_tryjoin_np(threads[0], &result) == EBUSY, "and not the one that has it now");
    adopt(NULL, 0);
    pthread_cancel(threads[0]);
    tap_ok(pthread_join(threads[0], &result) == 0 && result == PTHREAD_CANCELED,
           "which is another one");
}

/* The child had one id in the kernel when the image was taken, and has another after the restart. */
static void restart(pid_t before, pid_t after)
{
    adopt((struct cr_freeze_id[]){{KNOWN_CHILD, before, ALL}}, 1);
    cr_park_remember_ids();
    adopt((struct cr_freeze_id[]){{KNOWN_CHILD, after, ALL}}, 1);
}

/* The thread of CALL comes back at the instruction PC with RESULT in the register of answers. */
static const char *come_back(struct cr_id_call *call, const char *pc, long result)
{
    ucontext_t frame = {0};

    frame.uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
    frame.uc_mcontext.gregs[REG_RAX] = (greg_t)result;
    frame.uc_mcontext.gregs[REG_RBX] = (greg_t)call;
    frame.uc_mcontext.gregs[REG_RSP] = (greg_t)call - 64;
    cr_id_call_current = call;
    cr_park_settle_id_calls(&frame);
    cr_id_call_current = NULL;
    return (const char *)frame.uc_mcontext.gregs[REG_RIP];
}

static struct cr_id_call open_call(volatile int32_t *id)
{
    return (struct cr_id_call){.number = SYS_getppid,
                               .epoch = cr_id_epoch,
                               .magic = CR_ID_CALL_MAGIC,
                               .kinds = CR_ID_PROCESS,
                               .id = id};
}

static void test_restart_before_call(void)
{
    struct cr_id_call c = open_call(NULL);

    restart(1001, 1002);
    tap_ok(come_back(&c, cr_id_call_begin, 0) == cr_id_call_stale &&
               come_back(&c, cr_id_call_made, SYS_getppid) == cr_id_call_stale,
           "a call that a restart came before is given up");
    tap_ok(c.state == CR_ID_CALL_OPEN && cr_id_call_make(&c) == 1, "and is not made with old ids");
    c.epoch = cr_id_epoch;
    tap_ok(cr_id_call_make(&c) == 0 && c.result == getppid(), "but with new ones");
}

static void test_restart_after_call(void)
{
    struct cr_id_call c = open_call(NULL);
    volatile int32_t id = 1001;
    struct cr_id_call d = open_call(&id);

    restart(1001, 1002);
    tap_ok(come_back(&c, cr_id_call_answered, 1001) == cr_id_call_noted && c.result == KNOWN_CHILD,
           "an answer of before a restart is read as such");
    tap_ok(come_back(&c, cr_id_call_noted, 1001) == cr_id_call_noted && c.result == KNOWN_CHILD,
           "and once only");
    d.state = CR_ID_CALL_ANSWERED;
    come_back(&d, "elsewhere", 0);
    tap_ok(id == KNOWN_CHILD && d.state == CR_ID_CALL_KNOWN, "also one in memory");
    c = open_call(NULL);
    come_back(&c, cr_id_call_answered, -ECHILD);
    tap_ok(c.result == -ECHILD, "an error stays what it is");
}

int main(void)
{
    self = (pid_t)syscall(SYS_getpid);
    adopt((struct cr_freeze_id[]){{KNOWN, self, ALL}, {GONE, 0, ALIVE}}, 2);
    test_own();
    test_outside();
    test_paths();
    test_child();
    test_collision();
    test_thread_collision();
    test_exchanged();
    adopt((struct cr_freeze_id[]){{KNOWN, self, ALL}, {GONE, 0, ALIVE}}, 2);
    test_restart_before_call();
    test_restart_after_call();
    return tap_done();
}
