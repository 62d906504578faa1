/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Options of sockets: those of the list are read, and at a restart given to the new socket where it differs. */
#include "cr_fd_queue.h"
#include "cr_fd_socket.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

enum {
    SNDBUF_LOCKED = 1,
    RCVBUF_LOCKED = 2,
    VALUE_MAX = sizeof(((quiesce_image_SocketOption *)0)->value.bytes),
};

struct option {
    int level;
    int name;
};

/* In the order in which they are put back. */
static const struct option OPTIONS[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_KEEPALIVE},
    {SOL_SOCKET, SO_OOBINLINE},
    {SOL_SOCKET, SO_PRIORITY},
    {SOL_SOCKET, SO_MARK},
    {SOL_SOCKET, SO_PASSCRED},
    {SOL_SOCKET, SO_PASSSEC},
    {SOL_SOCKET, SO_PASSPIDFD},
    {SOL_SOCKET, SO_PASSRIGHTS},
    {SOL_SOCKET, SO_RCVLOWAT},
    {SOL_SOCKET, SO_BROADCAST},
    {SOL_SOCKET, SO_DONTROUTE},
    {SOL_SOCKET, SO_RCVTIMEO},
    {SOL_SOCKET, SO_SNDTIMEO},
    {SOL_SOCKET, SO_LINGER},
    {SOL_SOCKET, SO_TIMESTAMP},
    {SOL_SOCKET, SO_TIMESTAMPNS},
    {SOL_SOCKET, SO_TIMESTAMPING},
    {SOL_SOCKET, SO_BUSY_POLL},
    {SOL_SOCKET, SO_NO_CHECK},
    {SOL_SOCKET, SO_RXQ_OVFL},
    {SOL_SOCKET, SO_SELECT_ERR_QUEUE},
    {SOL_SOCKET, SO_PEEK_OFF},
    {SOL_SOCKET, SO_MAX_PACING_RATE},
    {SOL_SOCKET, SO_ZEROCOPY},
    {SOL_SOCKET, SO_BINDTODEVICE},
    {IPPROTO_TCP, TCP_NODELAY},
    {IPPROTO_TCP, TCP_CORK},
    {IPPROTO_TCP, TCP_KEEPIDLE},
    {IPPROTO_TCP, TCP_KEEPINTVL},
    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_SYNCNT},
    {IPPROTO_TCP, TCP_LINGER2},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_CONGESTION},
    {IPPROTO_TCP, TCP_USER_TIMEOUT},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {IPPROTO_TCP, TCP_INQ},
    {IPPROTO_UDP, UDP_CORK},
    {IPPROTO_UDP, UDP_SEGMENT},
    {IPPROTO_UDP, UDP_GRO},
    {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},
    {IPPROTO_IP, IP_MTU_DISCOVER},
    {IPPROTO_IP, IP_RECVERR},
    {IPPROTO_IP, IP_PKTINFO},
    {IPPROTO_IP, IP_RECVTTL},
    {IPPROTO_IP, IP_RECVTOS},
    {IPPROTO_IP, IP_RECVORIGDSTADDR},
    {IPPROTO_IP, IP_FREEBIND},
    {IPPROTO_IP, IP_TRANSPARENT},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    {IPPROTO_IP, IP_MULTICAST_TTL},
    {IPPROTO_IP, IP_MULTICAST_LOOP},
    {IPPROTO_IP, IP_MULTICAST_ALL},
    {IPPROTO_IP, IP_MULTICAST_IF},
    {IPPROTO_IPV6, IPV6_V6ONLY},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    {IPPROTO_IPV6, IPV6_MULTICAST_IF},
    {IPPROTO_IPV6, IPV6_MULTICAST_ALL},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    {IPPROTO_IPV6, IPV6_TCLASS},
    {IPPROTO_IPV6, IPV6_RECVTCLASS},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    {IPPROTO_IPV6, IPV6_RECVERR},
    {IPPROTO_IPV6, IPV6_FREEBIND},
};

/* The C library's default congestion control, cork and the like are per family: a level that is not the socket's has nothing. */
static int has_level(const quiesce_image_Socket *s, int level)
{
    int is_internet = s->family == AF_INET || s->family == AF_INET6;

    switch (level) {
    case IPPROTO_TCP:
        return is_internet && s->type == SOCK_STREAM;
    case IPPROTO_UDP:
        return is_internet && s->type == SOCK_DGRAM;
    case IPPROTO_IP:
        return is_internet;
    case IPPROTO_IPV6:
        return s->family == AF_INET6;
    default:
        return 1;
    }
}

/* Streams have no use for these, and refuse them. */
static int is_for_multicast(const struct option *o)
{
    if (o->level == IPPROTO_IP)
        return o->name == IP_MULTICAST_TTL || o->name == IP_MULTICAST_LOOP ||
               o->name == IP_MULTICAST_ALL || o->name == IP_MULTICAST_IF;
    return o->level == IPPROTO_IPV6 &&
           (o->name == IPV6_MULTICAST_HOPS || o->name == IPV6_MULTICAST_LOOP ||
            o->name == IPV6_MULTICAST_ALL || o->name == IPV6_MULTICAST_IF);
}

static int get(int fd, const struct option *o, uint8_t *out)
{
    uint32_t length = VALUE_MAX;
    long rc = cr_sys(SYS_getsockopt, fd, o->level, o->name, out, &length);

    return rc < 0 ? (int)rc : (int)length;
}

static void keep(quiesce_image_Socket *s, const struct option *o, const uint8_t *value, int size)
{
    quiesce_image_SocketOption *option = &s->option[s->option_count];

    if (s->option_count == sizeof(s->option) / sizeof(*s->option))
        return;
    option->level = o->level;
    option->name = o->name;
    option->value.size = (pb_size_t)size;
    memcpy(option->value.bytes, value, (size_t)size);
    s->option_count++;
}

/* What looking at a queue has left in the socket says nothing of the new one. */
static int is_own_mark(const struct option *o, const uint8_t *value, int size)
{
    const int mark = CR_QUEUE_HIDES_EMPTY;

    return o->level == SOL_SOCKET && o->name == SO_PEEK_OFF && size == (int)sizeof(mark) &&
           memcmp(value, &mark, sizeof(mark)) == 0;
}

void cr_socket_options_collect(int fd, quiesce_image_Socket *s)
{
    static const struct option SIZES[] = {{SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF}};
    uint8_t value[VALUE_MAX];
    int lock = cr_socket_option(fd, SOL_SOCKET, SO_BUF_LOCK);
    int size;

    s->buffer_lock = lock >= 0 ? (uint32_t)lock : 0;
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(*SIZES); i++) {
        size = get(fd, &SIZES[i], value);
        if (size > 0)
            keep(s, &SIZES[i], value, size);
    }
    for (size_t i = 0; i < sizeof(OPTIONS) / sizeof(*OPTIONS); i++) {
        if (!has_level(s, OPTIONS[i].level) ||
            (s->type == SOCK_STREAM && is_for_multicast(&OPTIONS[i])))
            continue;
        size = get(fd, &OPTIONS[i], value);
        if (size > 0 && !is_own_mark(&OPTIONS[i], value, size))
            keep(s, &OPTIONS[i], value, size);
    }
}

/* The kernel doubles what it is told. */
static void set_size(int fd, int name, int force, int size)
{
    cr_socket_set(fd, SOL_SOCKET, name, size / 2);
    if (cr_socket_option(fd, SOL_SOCKET, name) < size)
        cr_socket_set(fd, SOL_SOCKET, force, size / 2);
}

static void enlarge(int fd, int name, int force, uint64_t size)
{
    uint64_t wanted = 4 * size + (1UL << 20);

    if ((uint64_t)cr_socket_option(fd, SOL_SOCKET, name) < wanted)
        set_size(fd, name, force, wanted < INT32_MAX ? (int)wanted : INT32_MAX);
}

void cr_socket_make_room(int fd, uint64_t size)
{
    enlarge(fd, SO_SNDBUF, SO_SNDBUFFORCE, size);
}

void cr_socket_make_room_here(int fd, uint64_t size)
{
    enlarge(fd, SO_RCVBUF, SO_RCVBUFFORCE, size);
}

void cr_socket_options_before_bind(int fd, const quiesce_image_Socket *s)
{
    static const struct option EARLY[] = {
        {SOL_SOCKET, SO_REUSEADDR},   {SOL_SOCKET, SO_REUSEPORT},   {SOL_SOCKET, SO_BINDTODEVICE},
        {IPPROTO_IP, IP_FREEBIND},    {IPPROTO_IP, IP_TRANSPARENT}, {IPPROTO_IPV6, IPV6_V6ONLY},
        {IPPROTO_IPV6, IPV6_FREEBIND}};

    for (pb_size_t i = 0; i < s->option_count; i++) {
        const quiesce_image_SocketOption *o = &s->option[i];

        for (size_t j = 0; j < sizeof(EARLY) / sizeof(*EARLY); j++) {
            if (EARLY[j].level == o->level && EARLY[j].name == o->name)
                cr_sys(SYS_setsockopt, fd, o->level, o->name, o->value.bytes, o->value.size);
        }
    }
}

/* TCP chooses sizes by itself until the program does. */
static int put_back_size(int fd, const quiesce_image_Socket *s, int name, struct cr_error *err)
{
    const quiesce_image_SocketOption *o = s->option;
    uint32_t lock = name == SO_SNDBUF ? SNDBUF_LOCKED : RCVBUF_LOCKED;
    int size = 0;

    for (pb_size_t i = 0; i < s->option_count; i++) {
        if (o[i].level == SOL_SOCKET && o[i].name == name && o[i].value.size == sizeof(size))
            memcpy(&size, o[i].value.bytes, sizeof(size));
    }
    if (size == 0 || cr_socket_option(fd, SOL_SOCKET, name) == size)
        return 0;
    set_size(fd, name, name == SO_SNDBUF ? SO_SNDBUFFORCE : SO_RCVBUFFORCE, size);
    if (cr_socket_option(fd, SOL_SOCKET, name) >= size ||
        (has_level(s, IPPROTO_TCP) && (s->buffer_lock & lock) == 0))
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "socket %d had a %s buffer of %d bytes, which this host does not allow; raise "
                   "net.core.%s and restart",
                   s->fd, name == SO_SNDBUF ? "send" : "receive", size / 2,
                   name == SO_SNDBUF ? "wmem_max" : "rmem_max");
}

static int put_back(int fd, const quiesce_image_Socket *s, const quiesce_image_SocketOption *o,
                    struct cr_error *err)
{
    const struct option name = {o->level, o->name};
    uint8_t now[VALUE_MAX];
    int size = get(fd, &name, now);
    long rc;

    if (size == (int)o->value.size && memcmp(now, o->value.bytes, (size_t)size) == 0)
        return 0;
    rc = cr_sys(SYS_setsockopt, fd, o->level, o->name, o->value.bytes, o->value.size);
    /* A socket with an address cannot change this one, which counts when it gets its address. */
    if (rc >= 0 || (o->level == IPPROTO_IPV6 && o->name == IPV6_V6ONLY))
        return 0;
    return cr_fail(err, (int)-rc,
                   "socket %d cannot be given its option %d of level %d again: %s; restart as a "
                   "user who may set it",
                   s->fd, o->name, o->level, cr_error_words((int)-rc));
}

int cr_socket_options_put_back(int fd, const quiesce_image_Socket *s, struct cr_error *err)
{
    int rc = put_back_size(fd, s, SO_SNDBUF, err);

    if (rc == 0)
        rc = put_back_size(fd, s, SO_RCVBUF, err);
    for (pb_size_t i = 0; rc == 0 && i < s->option_count; i++) {
        const quiesce_image_SocketOption *o = &s->option[i];

        if (o->level != SOL_SOCKET || (o->name != SO_SNDBUF && o->name != SO_RCVBUF))
            rc = put_back(fd, s, o, err);
    }
    if (cr_socket_option(fd, SOL_SOCKET, SO_BUF_LOCK) != (int)s->buffer_lock)
        cr_socket_set(fd, SOL_SOCKET, SO_BUF_LOCK, (int)s->buffer_lock);
    return rc;
}
