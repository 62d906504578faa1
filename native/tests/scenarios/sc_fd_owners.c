/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Signals about input, leases and many locks are put back. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#define LOCKS 100

static volatile sig_atomic_t heard, heard_fd;

static const char *name(const char *last)
{
    static char path[700];

    snprintf(path, sizeof(path), "%s/%s", sc_directory, last);
    return path;
}

static void hear(int number, siginfo_t *info, void *context)
{
    (void)context;
    heard = number;
    heard_fd = info->si_fd;
}

static int lock_at(int fd, int command, off_t start, short type)
{
    struct flock lock = {.l_type = type, .l_start = start, .l_len = 1};

    return fcntl(fd, command, &lock) < 0 ? -1 : lock.l_type;
}

/* What another process finds: it opens the file by itself, and so has no part in locks of this one. */
static int seen_by_others(const char *path, int whole, off_t start)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        int fd = open(path, O_RDWR);

        if (whole)
            _exit(flock(fd, LOCK_EX | LOCK_NB) == 0 ? F_UNLCK : F_WRLCK);
        _exit(lock_at(fd, F_OFD_GETLK, start, F_WRLCK) & 127);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
}

static void check_locks(void)
{
    char path[700];

    snprintf(path, sizeof(path), "%s", name("posix"));
    for (off_t i = 0; i < LOCKS; i++)
        if (seen_by_others(path, 0, 2 * i) != F_WRLCK ||
            (i > 97 && seen_by_others(path, 0, 2 * i + 1) != F_UNLCK))
            sc_fail("POSIX lock %ld is lost", (long)i);
    snprintf(path, sizeof(path), "%s", name("open"));
    if (seen_by_others(path, 0, 5) != F_WRLCK || seen_by_others(path, 0, 6) != F_UNLCK)
        sc_fail("a lock of an open file description is lost");
    snprintf(path, sizeof(path), "%s", name("whole"));
    if (seen_by_others(path, 1, 0) != F_WRLCK)
        sc_fail("a lock by flock() is lost");
}

/* A child of this process asks whose lock it is. */
static void check_holder(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
        int fd = open(name("posix"), O_RDWR);

        _exit(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_pid == parent ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    if (status != 0)
        sc_fail("a lock is held by another process now");
}

static void check_input(int pipe_end, int writer)
{
    struct f_owner_ex owner = {0, 0};

    /* The kernel answers with its own number of the process, which may be another one after a restart. */
    if (fcntl(pipe_end, F_GETOWN_EX, &owner) != 0 || owner.pid <= 0 || owner.type != F_OWNER_PID ||
        fcntl(pipe_end, F_GETSIG) != SIGRTMIN + 1)
        sc_fail("the owner is %d of type %d", owner.pid, owner.type);
    heard = 0;
    if (write(writer, "x", 1) != 1)
        sc_fail("write: %s", strerror(errno));
    for (int i = 0; heard == 0 && i < 500; i++)
        poll(NULL, 0, 10);
    if (heard != SIGRTMIN + 1 || heard_fd != pipe_end)
        sc_fail("the signal about input is %d, of descriptor %d", (int)heard, (int)heard_fd);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = hear, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct f_owner_ex owner = {F_OWNER_PID, getpid()};
    int ends[2], posix, whole, description, leased;

    sc_init(argc, argv, "owners, leases and locks are kept");
    sigaction(SIGRTMIN + 1, &action, NULL);
    posix = open(name("posix"), O_RDWR | O_CREAT, 0600);
    for (off_t i = 0; i < LOCKS; i++)
        if (lock_at(posix, F_SETLK, 2 * i, F_WRLCK) < 0)
            sc_fail("lock: %s", strerror(errno));
    description = open(name("open"), O_RDWR | O_CREAT, 0600);
    lock_at(description, F_OFD_SETLK, 5, F_WRLCK);
    whole = open(name("whole"), O_RDWR | O_CREAT, 0600);
    flock(whole, LOCK_EX);
    close(open(name("leased"), O_WRONLY | O_CREAT, 0600));
    leased = open(name("leased"), O_RDONLY);
    if (fcntl(leased, F_SETLEASE, F_RDLCK) != 0)
        sc_fail("F_SETLEASE: %s", strerror(errno));
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETOWN_EX, &owner) != 0 ||
        fcntl(ends[0], F_SETSIG, SIGRTMIN + 1) != 0 || fcntl(ends[0], F_SETFL, O_ASYNC) != 0)
        sc_fail("owner: %s", strerror(errno));
    sc_ready();
    sc_wait();
    check_locks();
    check_holder();
    if (fcntl(leased, F_GETLEASE) != F_RDLCK)
        sc_fail("the lease is lost");
    check_input(ends[0], ends[1]);
    sc_pass();
}
