/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The process that holds the connections of killed members until their restart; see cr_keeper.h. */
#include "cr_group_parts.h"

#include "cr_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_MAX 1024

struct kept {
    int connection;
    int listener; /* -1: taken over */
};

struct keeper {
    struct kept kept[KEPT_MAX];
    size_t count;
};

static int listen_for(int fd)
{
    struct sockaddr_un name;
    uint64_t number = 0;
    socklen_t size = sizeof(number);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &number, &size) == 0 &&
        bind(listener, (struct sockaddr *)&name, (socklen_t)cr_keeper_name(number, &name)) == 0 &&
        listen(listener, 1) == 0)
        return listener;
    close(listener);
    return -1;
}

/* FD is the keeper's from now on. One that another member has, too, has its listener already. */
static int keep(struct keeper *k, int fd, struct cr_error *err)
{
    int listener = k->count < KEPT_MAX ? listen_for(fd) : -1;
    int code = errno;

    if (listener >= 0) {
        k->kept[k->count++] = (struct kept){fd, listener};
        return 0;
    }
    close(fd);
    if (k->count == KEPT_MAX)
        code = EMFILE;
    return code == EADDRINUSE
               ? 0
               : cr_fail(err, code, "cannot keep a TCP connection: %s", cr_error_words(code));
}

static int keep_those_of(struct keeper *k, const struct cr_member *m, struct cr_error *err)
{
    int process = pidfd_open(m->facts.pid, 0);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < m->kept_count; i++) {
        int fd = pidfd_getfd(process, m->kept[i], 0);

        rc = fd >= 0 ? keep(k, fd, err)
                     : cr_fail(err, errno,
                               "cannot take descriptor %d of process %d, a TCP connection: %s; "
                               "take the checkpoint as root, or with --tcp=close",
                               m->kept[i], m->facts.pid, cr_error_words(errno));
    }
    if (process >= 0)
        close(process);
    return rc;
}

static void release(struct kept *kept)
{
    close(kept->connection);
    close(kept->listener);
    kept->listener = -1;
}

/* Somebody wants it. */
static void look(struct kept *kept)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof(peer);
    int fd = accept(kept->listener, NULL, NULL);

    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if ((peer.uid == 0 || peer.uid == geteuid()) && cr_keeper_give(fd, kept->connection) == 0)
        release(kept);
    close(fd);
}

static void detach(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    prctl(PR_SET_NAME, "cr_keeper");
    if (chdir("/") < 0)
        return;
    for (int i = 0; i <= 2; i++)
        dup2(null, i);
}

/* The lowest descriptor of K from FIRST on, or -1. */
static int lowest(const struct keeper *k, int first)
{
    int found = -1;

    for (size_t i = 0; i < 2 * k->count; i++) {
        int fd = i % 2 == 0 ? k->kept[i / 2].connection : k->kept[i / 2].listener;

        if (fd >= first && (found < 0 || fd < found))
            found = fd;
    }
    return found;
}

/* Closes all descriptors but those of K. */
static void close_others(const struct keeper *k)
{
    int next = 3;

    for (int own; (own = lowest(k, next)) >= 0; next = own + 1)
        if (own > next)
            close_range((unsigned)next, (unsigned)own - 1, 0);
    close_range((unsigned)next, ~0U, 0);
}

_Noreturn static void serve(struct keeper *k)
{
    static struct pollfd events[KEPT_MAX];

    detach();
    close_others(k);
    for (size_t left = k->count; left > 0;) {
        for (size_t i = 0; i < k->count; i++)
            events[i] = (struct pollfd){k->kept[i].listener, POLLIN, 0};
        poll(events, k->count, -1);
        left = 0;
        for (size_t i = 0; i < k->count; i++) {
            if (events[i].revents != 0)
                look(&k->kept[i]);
            left += k->kept[i].listener >= 0;
        }
    }
    _exit(0);
}

int cr_group_keep_connections(struct cr_group *g, struct cr_error *err)
{
    static struct keeper keeper;
    char line[128];
    int rc = 0;

    keeper.count = 0;
    for (size_t i = 0; rc == 0 && i < g->count; i++)
        rc = keep_those_of(&keeper, g->members[i], err);
    if (rc == 0 && keeper.count > 0)
        g->keeper = fork();
    if (rc == 0 && keeper.count > 0 && g->keeper == 0)
        serve(&keeper);
    for (size_t i = 0; i < keeper.count; i++)
        release(&keeper.kept[i]);
    if (rc < 0 || keeper.count == 0)
        return rc;
    if (g->keeper < 0)
        return cr_fail(err, errno, "cannot start a process that keeps connections: %s",
                       cr_error_words(errno));
    snprintf(line, sizeof(line), "process %d keeps %zu connections until the restart", g->keeper,
             keeper.count);
    if (g->options->log != NULL)
        g->options->log(line, g->options->argument);
    return 0;
}

void cr_group_drop_connections(struct cr_group *g)
{
    if (g->keeper <= 0)
        return;
    kill(g->keeper, SIGKILL);
    waitpid(g->keeper, NULL, 0);
}
