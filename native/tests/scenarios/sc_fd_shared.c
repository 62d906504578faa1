/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What a parent and its child have open together is one thing for both of them again. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int to_child[2], to_parent[2], wake[2], file, deleted, memory, counter, epoll, member,
    locked, pidfd;
static char *map;

static const char *name(const char *last)
{
    static char path[700];

    snprintf(path, sizeof(path), "%s/%s", sc_directory, last);
    return path;
}

static int make(const char *last, const char *text)
{
    int fd = open(name(last), O_RDWR | O_CREAT, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        sc_fail("%s: %s", last, strerror(errno));
    return fd;
}

static void lock_byte(off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = at, .l_len = 1};

    if (fcntl(locked, F_SETLK, &lock) != 0)
        sc_fail("lock: %s", strerror(errno));
}

static int is_locked(off_t at)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = at, .l_len = 1};

    return fcntl(locked, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK;
}

/* One letter for each thing that is not as it was; the last one is the end. */
static void check_as_child(char *out)
{
    struct epoll_event event = {0};
    uint64_t value = 0;
    char buffer[20] = "";

    if (read(to_child[0], buffer, 16) != 16 || memcmp(buffer, "before and after", 16) != 0)
        *out++ = 'p';
    if (lseek(file, 0, SEEK_CUR) != 7)
        *out++ = 'o';
    if (pread(deleted, buffer, 7, 0) != 7 || memcmp(buffer, "PARENT ", 7) != 0)
        *out++ = 'd';
    if (strcmp(map, "from the parent") != 0 || pread(memory, buffer, 4, 0) != 4 ||
        memcmp(buffer, "from", 4) != 0)
        *out++ = 'm';
    if (read(counter, &value, sizeof(value)) != sizeof(value) || value != 12)
        *out++ = 'e';
    if (epoll_wait(epoll, &event, 1, 0) != 1 || event.data.u64 != 77)
        *out++ = 'x';
    if (!is_locked(1) || is_locked(2))
        *out++ = 'l';
    *out = '.';
}

__attribute__((noreturn)) static void live_as_child(void)
{
    char result[20] = "";
    char byte;

    close(to_child[1]);
    close(to_parent[0]);
    close(member); /* only the parent has it from now on; the epoll instance is both's */
    lock_byte(2);
    if (write(to_parent[1], "r", 1) != 1 || read(wake[0], &byte, 1) != 1)
        _exit(1);
    check_as_child(result);
    if (write(to_parent[1], result, strlen(result)) < 0)
        _exit(2);
    _exit(7);
}

static void set_up(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
    uint64_t five = 5;

    if (pipe(to_child) != 0 || pipe(to_parent) != 0 || pipe(wake) != 0 ||
        write(to_child[1], "before", 6) != 6)
        sc_fail("pipe: %s", strerror(errno));
    file = make("file", "0123456789");
    lseek(file, 3, SEEK_SET);
    deleted = make("deleted", "nobody's file");
    unlink(name("deleted"));
    memory = memfd_create("memory", MFD_CLOEXEC);
    if (ftruncate(memory, 8192) != 0)
        sc_fail("ftruncate: %s", strerror(errno));
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    counter = eventfd(0, 0);
    member = eventfd(0, 0);
    epoll = epoll_create1(0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, member, &event);
    locked = make("locked", "0123456789");
    lock_byte(1);
    if (write(counter, &five, sizeof(five)) != sizeof(five))
        sc_fail("write: %s", strerror(errno));
}

static void act_as_parent(void)
{
    uint64_t seven = 7, one = 1;

    lseek(file, 4, SEEK_CUR);
    if (pwrite(deleted, "PARENT ", 7, 0) != 7 || write(counter, &seven, 8) != 8 ||
        write(member, &one, 8) != 8 || write(to_child[1], " and after", 10) != 10)
        sc_fail("write: %s", strerror(errno));
    strcpy(map, "from the parent");
    if (is_locked(1) || !is_locked(2))
        sc_fail("locks of the child are lost, or the parent's are another's");
}

int main(int argc, char **argv)
{
    struct pollfd ended = {.events = POLLIN};
    char result[30] = "";
    int status;
    pid_t pid;

    sc_init(argc, argv, "what processes share stays shared");
    set_up();
    pid = fork();
    if (pid == 0)
        live_as_child();
    close(to_child[0]);
    close(to_parent[1]);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (read(to_parent[0], result, 1) != 1 || pidfd < 0)
        sc_fail("no child: %s", strerror(errno));
    sc_ready();
    sc_wait();
    act_as_parent();
    /* The byte that the child waits for, and what it then finds. */
    if (write(wake[1], "?", 1) != 1)
        sc_fail("write: %s", strerror(errno));
    ended.fd = pidfd;
    memset(result, 0, sizeof(result));
    if (read(to_parent[0], result, sizeof(result) - 1) <= 0 || strcmp(result, ".") != 0)
        sc_fail("the child finds changed: %s", result);
    if (poll(&ended, 1, 10000) != 1)
        sc_fail("the pidfd does not tell of the child's end");
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
        sc_fail("the child ended with %x", (unsigned)status);
    sc_pass();
}
