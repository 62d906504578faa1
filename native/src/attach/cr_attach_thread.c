/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Which thread may be borrowed, and giving it back. It must hold no lock of the C library or the
 * dynamic linker: it waits in a system call that these do not make while they hold one, or it runs code of the program
 * itself; and it is not inside a signal handler, which may have interrupted anything.
 */
#include "cr_attach_parts.h"

#include "cr_session.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SEARCH_TIMEOUT_MS 5000
#define STOP_TIMEOUT_MS 1000
#define USER_CODE_SEGMENT 0x33
#define STACK_SEEN (256UL << 10) /* how far up a frame of a signal handler is looked for */

uint64_t cr_attach_status(pid_t pid, pid_t tid, const char *name, int base)
{
    char path[64];
    char line[512];
    uint64_t value = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        size_t length = strlen(name);
        if (strncmp(line, name, length) == 0 && line[length] == ':')
            value = strtoull(line + length + 1, NULL, base);
    }
    if (file != NULL)
        fclose(file);
    return value;
}

int cr_attach_seize(pid_t tid)
{
    const struct timespec step = {0, 100000};

    if (ptrace(PTRACE_SEIZE, tid, 0, 0) < 0)
        return -errno;
    if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
        goto out_detach;
    for (int i = 0; i < STOP_TIMEOUT_MS * 10; i++) {
        int status;
        pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

        if (got == 0) {
            nanosleep(&step, NULL);
            continue;
        }
        if (got < 0 || !WIFSTOPPED(status))
            return -ESRCH;
        if (status >> 16 == PTRACE_EVENT_STOP)
            return 0;
        /* A signal came first: it is delivered, and the stop follows. */
        ptrace(PTRACE_CONT, tid, 0, WSTOPSIG(status));
    }
out_detach:
    ptrace(PTRACE_DETACH, tid, 0, 0);
    return -EBUSY;
}

static int is_in(const struct cr_attach_range *list, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++)
        if (address >= list[i].start && address < list[i].end)
            return 1;
    return 0;
}

/* Calls in which programs wait, and the C library not with a lock of malloc or the loader. */
static int is_safe_call(const struct user_regs_struct *r)
{
    static const int CALLS[] = {SYS_nanosleep,      SYS_clock_nanosleep, SYS_poll,
                                SYS_ppoll,          SYS_select,          SYS_pselect6,
                                SYS_epoll_wait,     SYS_epoll_pwait,     SYS_read,
                                SYS_write,          SYS_readv,           SYS_writev,
                                SYS_recvfrom,       SYS_recvmsg,         SYS_sendto,
                                SYS_sendmsg,        SYS_accept,          SYS_accept4,
                                SYS_connect,        SYS_wait4,           SYS_waitid,
                                SYS_pause,          SYS_rt_sigtimedwait, SYS_rt_sigsuspend,
                                SYS_msgrcv,         SYS_msgsnd,          SYS_semop,
                                SYS_semtimedop,     SYS_flock,           SYS_fsync,
                                SYS_restart_syscall};

    for (size_t i = 0; i < sizeof(CALLS) / sizeof(*CALLS); i++)
        if ((long)r->orig_rax == CALLS[i])
            return 1;
    /* Its own locks wait with another command. */
    return (long)r->orig_rax == SYS_futex && (r->rsi & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

/* Whether a frame of a signal handler begins at WORDS[I]: it holds what was interrupted, perhaps on another stack. */
static int is_signal_frame(const uint64_t *words, ssize_t count, ssize_t i)
{
    const struct {
        uint64_t return_to;
        ucontext_t context;
    } *frame = (const void *)&words[i];

    if (count - i < (ssize_t)(sizeof(*frame) / sizeof(*words)))
        return 0;
    return (frame->context.uc_mcontext.gregs[REG_CSGSFS] & 0xffff) == USER_CODE_SEGMENT &&
           frame->context.uc_mcontext.gregs[REG_RSP] != 0;
}

/*
 * While a handler runs, its signal is blocked, and the address to which it returns stands above the stack pointer. Memory
 * there that nobody has written to yet may hold one that is long over, so both must be.
 */
static int is_in_handler(const struct cr_attach_thread *t, const struct cr_attach_places *p)
{
    static uint64_t words[STACK_SEEN / sizeof(uint64_t)];
    ssize_t n = -1;

    if ((t->mask & cr_attach_status(t->pid, t->tid, "SigCgt", 16)) == 0)
        return 0;
    for (size_t size = STACK_SEEN; n <= 0 && size >= 4096; size /= 2)
        n = pread(t->memory, words, size, (off_t)(t->registers.rsp & ~7UL));
    n /= (ssize_t)sizeof(*words);
    for (ssize_t i = 0; i < n; i++)
        if (words[i] == p->signal_return && is_signal_frame(words, n, i))
            return 1;
    return p->signal_return == 0;
}

static int is_safe(const struct cr_attach_thread *t, const struct cr_attach_places *p)
{
    const struct user_regs_struct *r = &t->registers;

    if (is_in(p->loader, p->loader_count, r->rip) || is_in_handler(t, p))
        return 0;
    if ((long)r->orig_rax >= 0)
        return is_safe_call(r);
    return is_in(p->program, p->program_count, r->rip);
}

static int read_state(struct cr_attach_thread *t)
{
    struct iovec vectors = {t->vectors, sizeof(t->vectors)};

    if (ptrace(PTRACE_GETREGS, t->tid, 0, &t->registers) < 0 ||
        ptrace(PTRACE_GETREGSET, t->tid, NT_X86_XSTATE, &vectors) < 0 ||
        ptrace(PTRACE_GETSIGMASK, t->tid, sizeof(t->mask), &t->mask) < 0)
        return -errno;
    t->vectors_size = vectors.iov_len;
    return 0;
}

/*
 * A call that the kernel gives up with EINTR though no signal has come is begun anew, as the others are by themselves.
 */
static void rewind_call(struct cr_attach_thread *t)
{
    struct user_regs_struct *r = &t->registers;
    uint64_t pending = cr_attach_status(t->pid, t->tid, "SigPnd", 16) |
                       cr_attach_status(t->pid, t->tid, "ShdPnd", 16);

    if ((long)r->orig_rax < 0 || (long)r->rax != -EINTR || (pending & ~t->mask) != 0)
        return;
    r->rax = r->orig_rax;
    r->orig_rax = ~0ULL;
    r->rip -= 2;
}

void cr_attach_release(struct cr_attach_thread *t)
{
    struct iovec vectors = {t->vectors, t->vectors_size};
    uint64_t mask = t->mask & ~(1UL << (CR_SIGNAL - 1));

    rewind_call(t);
    ptrace(PTRACE_SETREGSET, t->tid, NT_X86_XSTATE, &vectors);
    ptrace(PTRACE_SETREGS, t->tid, 0, &t->registers);
    ptrace(PTRACE_SETSIGMASK, t->tid, sizeof(mask), &mask);
    ptrace(PTRACE_DETACH, t->tid, 0, 0);
    if (t->stop)
        kill(t->pid, SIGSTOP);
}

int cr_attach_explain(pid_t pid, int rc, struct cr_error *err)
{
    if (rc != -EPERM && rc != -EACCES)
        return cr_fail(err, -rc, "process %d cannot be stopped: %s", pid, strerror(-rc));
    return cr_fail(
        err, EPERM,
        "process %d was not started with cr_run, and it may not be traced (another user's, "
        "set-uid, not dumpable, or kernel.yama.ptrace_scope is above 0): run cr_checkpoint "
        "as root, or start the program with cr_run",
        pid);
}

/* 1 if TID stands at a safe place and is ours, 0 if not, or a negative code. */
static int try_thread(const struct cr_attach_places *p, struct cr_attach_thread *t,
                      struct cr_error *err)
{
    int rc = cr_attach_seize(t->tid);

    if (rc == -ESRCH || rc == -EBUSY)
        return 0;
    if (rc < 0)
        return cr_attach_explain(t->pid, rc, err);
    rc = read_state(t);
    if (rc == 0 && is_safe(t, p))
        return 1;
    if (rc == 0)
        cr_attach_release(t);
    else
        ptrace(PTRACE_DETACH, t->tid, 0, 0);
    return 0;
}

/* Calls EACH for every thread until it returns something else than 0. The main thread is the first one. */
static int each_thread(pid_t pid, int (*each)(pid_t tid, void *argument), void *argument)
{
    const struct dirent *entry;
    char path[64];
    DIR *tasks;
    int rc = 0;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return -errno;
    while (rc == 0 && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            rc = each(atoi(entry->d_name), argument);
    closedir(tasks);
    return rc;
}

struct search {
    const struct cr_attach_places *places;
    struct cr_attach_thread *thread;
    struct cr_error *err;
};

static int try_next(pid_t tid, void *argument)
{
    struct search *s = argument;

    s->thread->tid = tid;
    return try_thread(s->places, s->thread, s->err);
}

int cr_attach_stop(pid_t pid, int memory, const struct cr_attach_places *p,
                   struct cr_attach_thread *ret_thread, struct cr_error *err)
{
    const struct timespec step = {0, 3000000};
    struct search search = {p, ret_thread, err};

    ret_thread->pid = pid;
    ret_thread->memory = memory;
    ret_thread->stop = 0;
    for (int i = 0; i < SEARCH_TIMEOUT_MS / 3; i++) {
        int rc = each_thread(pid, try_next, &search);

        if (rc > 0)
            return 0;
        if (rc < 0)
            return err->code != 0 ? rc : cr_fail(err, ESRCH, "process %d has ended", pid);
        nanosleep(&step, NULL);
    }
    return cr_fail(
        err, CR_ENOAGENT,
        "process %d was not started with cr_run, and in %d s no thread of it was at a place "
        "where an agent can be loaded; try again, or start it with cr_run",
        pid, SEARCH_TIMEOUT_MS / 1000);
}

struct unblock {
    pid_t pid, agent;
    int memory;
    struct cr_error *err;
};

/* A thread that waits for the stop signal among others would take it for the program's. */
static int check_wait(pid_t tid, void *argument)
{
    const struct unblock *u = argument;
    char path[64];
    long number = -1;
    unsigned long set_at = 0;
    uint64_t set = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", u->pid, tid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%ld %lx", &number, &set_at) != 2 || number != SYS_rt_sigtimedwait ||
        pread(u->memory, &set, sizeof(set), (off_t)set_at) != (ssize_t)sizeof(set))
        set = 0;
    fclose(file);
    if ((set & 1UL << (CR_SIGNAL - 1)) == 0)
        return 0;
    return cr_fail(u->err, CR_EREFUSED,
                   "thread %d of process %d waits for signal %d with sigwait(), so it cannot be "
                   "stopped by that; start the program with cr_run",
                   tid, u->pid, CR_SIGNAL);
}

int cr_attach_check_waits(pid_t pid, int memory, struct cr_error *err)
{
    struct unblock check = {.pid = pid, .memory = memory, .err = err};

    return each_thread(pid, check_wait, &check);
}

static int unblock_thread(pid_t tid, void *argument)
{
    static struct cr_attach_thread t;
    struct unblock *u = argument;
    int rc;

    if (tid == u->agent ||
        (cr_attach_status(u->pid, tid, "SigBlk", 16) & 1UL << (CR_SIGNAL - 1)) == 0)
        return 0;
    rc = cr_attach_seize(tid);
    if (rc == -ESRCH)
        return 0;
    if (rc < 0)
        return cr_attach_explain(u->pid, rc, u->err);
    t.pid = u->pid;
    t.tid = tid;
    t.stop = 0;
    if (read_state(&t) == 0)
        cr_attach_release(&t);
    else
        ptrace(PTRACE_DETACH, tid, 0, 0);
    return 0;
}

int cr_attach_unblock(pid_t pid, struct cr_error *err)
{
    struct unblock unblock = {.pid = pid, .err = err};
    int rc = cr_session_find_agent(pid, &unblock.agent, err);

    if (rc < 0)
        return rc;
    rc = each_thread(pid, unblock_thread, &unblock);
    return rc < 0 && err->code == 0 ? cr_fail(err, -rc, "process %d has ended", pid) : rc;
}
