/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_session.h"

#include "cr_session_place.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096
#define VALUE_MASK 0x7fffffffU

static int listen_as(int pid, uint32_t value)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length =
        cr_fmt(address.sun_path + 1, sizeof(address.sun_path) - 1, CR_SESSION_NAME, pid, value);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)) < 0 ||
        listen(fd, BACKLOG) < 0) {
        int code = errno;
        close(fd);
        return -code;
    }
    return fd;
}

int cr_session_open(struct cr_session *ret_session, struct cr_error *err)
{
    struct cr_session s = {.listener = -1, .foreign_listener = -1};

    for (int attempt = 0; attempt < 16; attempt++) {
        if (getrandom(&s.value, sizeof(s.value), 0) != (ssize_t)sizeof(s.value))
            return cr_fail(err, errno, "no random number for the name of a socket");
        s.value &= VALUE_MASK;
        s.listener = listen_as(getpid(), s.value);
        if (s.listener != -EADDRINUSE)
            break;
    }
    if (s.listener < 0)
        return cr_fail(err, -s.listener, "cannot make a socket for agents: %s",
                       strerror(-s.listener));
    *ret_session = s;
    return 0;
}

static int is_agent(pid_t pid, const char *tid)
{
    char path[64];
    char name[32];

    cr_fmt(path, sizeof(path), "/proc/%d/task/%s/comm", pid, tid);
    return cr_sys_read_file(path, name, sizeof(name)) > 0 && cr_str_equal(name, CR_AGENT_NAME "\n");
}

int cr_session_find_agent(pid_t pid, pid_t *ret_tid, struct cr_error *err)
{
    const struct dirent *entry;
    char path[64];
    pid_t tid = 0;
    DIR *tasks;

    cr_fmt(path, sizeof(path), "/proc/%d/task", pid);
    tasks = opendir(path);
    if (tasks == NULL)
        return cr_fail(err, errno == ENOENT ? ESRCH : errno, "process %d: %s", pid,
                       errno == ENOENT ? "no such process" : strerror(errno));
    /* The agent is nearly always the second thread. */
    while (tid == 0 && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.' && is_agent(pid, entry->d_name))
            tid = atoi(entry->d_name);
    closedir(tasks);
    if (tid == 0)
        return cr_fail(err, CR_ENOAGENT,
                       "process %d has no checkpoint agent: start it with cr_run, or link it with "
                       "-lcr",
                       pid);
    *ret_tid = tid;
    return 0;
}

static int is_in_other_namespace(pid_t pid)
{
    struct stat own;
    struct stat other;
    char path[64];

    cr_fmt(path, sizeof(path), "/proc/%d/ns/pid", pid);
    return stat("/proc/self/ns/pid", &own) == 0 && stat(path, &other) == 0 &&
           own.st_ino != other.st_ino;
}

int cr_session_wake(struct cr_session *session, pid_t pid, pid_t *ret_tid, struct cr_error *err)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    pid_t tid;
    long rc = cr_session_find_agent(pid, &tid, err);

    if (rc == 0)
        rc = cr_session_check_place(pid, err);
    if (rc < 0)
        return (int)rc;
    /* The kernel hides our pid from a process in a namespace below ours. */
    if (session->foreign_listener < 0 && is_in_other_namespace(pid))
        session->foreign_listener = listen_as(0, session->value);
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = (int)session->value;
    rc = cr_sys(SYS_rt_tgsigqueueinfo, pid, tid, CR_SIGNAL, &info);
    if (rc < 0)
        return cr_fail(err, (int)-rc, "cannot wake the checkpoint agent of process %d: %s", pid,
                       strerror((int)-rc));
    if (ret_tid != NULL)
        *ret_tid = tid;
    return 0;
}

/* 0 and the peer's pid, or -EPERM. */
static int check_peer(int fd, pid_t *ret_pid)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    uid_t self = geteuid();

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    if (peer.uid != self && peer.uid != 0 && self != 0)
        return -EPERM;
    *ret_pid = peer.pid;
    return 0;
}

int cr_session_accept(struct cr_session *session, int timeout_ms, pid_t *ret_pid, int *ret_fd,
                      struct cr_error *err)
{
    struct pollfd fds[2] = {{session->listener, POLLIN, 0}, {session->foreign_listener, POLLIN, 0}};
    int n = poll(fds, 2, timeout_ms);
    int fd;
    int rc;

    if (n == 0 || (n < 0 && errno == EINTR))
        return -EAGAIN;
    if (n < 0)
        return cr_fail(err, errno, "cannot wait for agents: %s", strerror(errno));
    fd = accept4((fds[0].revents & POLLIN) != 0 ? session->listener : session->foreign_listener,
                 NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return errno == EAGAIN || errno == ECONNABORTED
                   ? -EAGAIN
                   : cr_fail(err, errno, "cannot accept an agent: %s", strerror(errno));
    rc = check_peer(fd, ret_pid);
    if (rc < 0) {
        close(fd);
        return -EAGAIN;
    }
    *ret_fd = fd;
    return 0;
}

void cr_session_close(struct cr_session *session)
{
    close(session->listener);
    if (session->foreign_listener >= 0)
        close(session->foreign_listener);
    session->listener = -1;
    session->foreign_listener = -1;
}
