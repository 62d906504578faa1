/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the scenarios of sockets have in common. */
#ifndef SC_SOCK_H
#define SC_SOCK_H

#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            sc_fail("line %d: %s (errno %d)", __LINE__, #condition, errno);                        \
    } while (0)

static inline void sc_pair(int type, int fds[2])
{
    CHECK(socketpair(AF_UNIX, type, 0, fds) == 0);
}

/* SIZE bytes that depend on SEED and place. */
static inline void sc_pattern(unsigned char *out, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(seed + i * 7 + i / 251);
}

static inline void sc_send_pattern(int fd, size_t size, unsigned seed)
{
    unsigned char *data = malloc(size + 1);

    sc_pattern(data, size, seed);
    CHECK(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
    free(data);
}

/* One message, or SIZE bytes of a stream. */
static inline void sc_expect_pattern(int fd, size_t size, unsigned seed)
{
    unsigned char *want = malloc(size + 1);
    unsigned char *have = malloc(size + 1);
    size_t got = 0;
    int type = 0;
    socklen_t length = sizeof(type);

    sc_pattern(want, size, seed);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0);
    do {
        ssize_t n = type == SOCK_STREAM ? recv(fd, have + got, size - got, 0)
                                        : recv(fd, have, size + 1, MSG_TRUNC);
        CHECK(n >= 0);
        got += (size_t)n;
        if (n == 0)
            break;
    } while (type == SOCK_STREAM && got < size);
    CHECK(got == size);
    CHECK(memcmp(want, have, size) == 0);
    free(want);
    free(have);
}

static inline void sc_expect_nothing(int fd)
{
    char byte;

    CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

static inline void sc_expect_end(int fd)
{
    char byte;

    CHECK(recv(fd, &byte, 1, MSG_DONTWAIT) == 0);
}

/* Both directions of an empty connection work. */
static inline void sc_check_both(int a, int b)
{
    sc_send_pattern(a, 100, 1);
    sc_send_pattern(b, 200, 2);
    sc_expect_pattern(b, 100, 1);
    sc_expect_pattern(a, 200, 2);
}

static inline socklen_t sc_path(struct sockaddr_un *un, const char *name)
{
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    CHECK(snprintf(un->sun_path, sizeof(un->sun_path), "%s/%s", sc_directory, name) <
          (int)sizeof(un->sun_path));
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(un->sun_path) + 1);
}

static inline socklen_t sc_abstract(struct sockaddr_un *un, const char *name)
{
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1, "sc-%d-%s",
                                        getpid(), name));
}

struct sc_names {
    struct sockaddr_storage name, peer;
    socklen_t name_size, peer_size;
};

static inline struct sc_names sc_names_of(int fd)
{
    struct sc_names n;

    memset(&n, 0, sizeof(n));
    n.name_size = sizeof(n.name);
    n.peer_size = sizeof(n.peer);
    CHECK(getsockname(fd, (struct sockaddr *)&n.name, &n.name_size) == 0);
    if (getpeername(fd, (struct sockaddr *)&n.peer, &n.peer_size) != 0)
        n.peer_size = 0;
    return n;
}

static inline void sc_check_names(int fd, const struct sc_names *want)
{
    struct sc_names have = sc_names_of(fd);

    CHECK(have.name_size == want->name_size);
    CHECK(memcmp(&have.name, &want->name, have.name_size) == 0);
    CHECK(have.peer_size == want->peer_size);
    CHECK(memcmp(&have.peer, &want->peer, have.peer_size) == 0);
}

static inline int sc_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);

    CHECK(getsockopt(fd, level, name, &value, &size) == 0);
    return value;
}

#endif
