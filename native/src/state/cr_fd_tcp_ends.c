/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. A TCP connection with both ends, made anew over the loopback device: one end listens at its old address for
 * a moment, the other one is given its own and connects. No right is needed for that. The state in which the old connection
 * lingers after its end (TIME_WAIT) may forbid one direction for a second, so the other one is tried, too.
 */
#include "cr_fd_tcp.h"

#include "cr_fd_diag.h"
#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define TRIES 300 /* of 10 ms */

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

struct end {
    int family;
    const void *address; /* NULL: any */
    size_t size;
};

static void sleep_a_little(void)
{
    const struct timespec step = {0, 10000000};

    cr_sys(SYS_nanosleep, &step, 0);
}

static uint16_t port_of(const void *address)
{
    const struct sockaddr_in *in = address; /* the port of IPv6 is at the same place */

    return in->sin_port;
}

long cr_tcp_bind(struct cr_arena *scratch, int fd, const void *address, size_t size)
{
    long rc;

    cr_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    rc = cr_sys(SYS_bind, fd, address, size);
    if (rc != -EADDRINUSE)
        return rc;
    cr_diag_tcp_clear(scratch, ((const struct sockaddr *)address)->sa_family, port_of(address));
    return cr_sys(SYS_bind, fd, address, size);
}

/*
 * A port that a program did not choose by itself is chosen by connect() again: out of a range of one. So it may be that of a
 * connection that lingers.
 */
static int will_choose(int fd, const void *address)
{
    uint32_t port = ntohs(port_of(address));

    return cr_socket_set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, (int)(port << 16 | port)) >= 0;
}

/* The host alone: binding it would be seen in other options, so it is done only where the kernel takes another one by itself. */
static long bind_host(int fd, const void *address, size_t size)
{
    union cr_socket_address any_port = {0};

    memcpy(&any_port, address, size);
    any_port.in.sin_port = 0;
    cr_socket_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return cr_sys(SYS_bind, fd, &any_port, size);
}

static int has_name(int fd, const void *address, size_t size)
{
    union cr_socket_address a = {0};
    uint32_t length = sizeof(a);

    return cr_sys(SYS_getsockname, fd, &a, &length) >= 0 && length == size &&
           memcmp(&a, address, size) == 0;
}

/* Ports outside the range of the host are not chosen, but must be given. */
static int is_in_range(const void *address)
{
    char text[64];
    const char *at = text;
    uint64_t first;
    uint64_t last;
    uint64_t port = ntohs(port_of(address));

    if (cr_sys_read_file("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof(text)) < 0)
        return 0;
    first = cr_parse_u64(&at, 10);
    while (*at == ' ' || *at == '\t')
        at++;
    last = cr_parse_u64(&at, 10);
    return port >= first && port <= last;
}

static long connect_tries(struct cr_arena *scratch, int tries, int fd, const void *from,
                          const void *to, size_t to_size)
{
    long rc = -EADDRNOTAVAIL;

    for (int i = 0; i < tries && rc == -EADDRNOTAVAIL; i++) {
        if (i == 1 && from != NULL)
            cr_diag_tcp_clear(scratch, ((const struct sockaddr *)from)->sa_family, port_of(from));
        if (i > 0)
            sleep_a_little();
        rc = cr_sys(SYS_connect, fd, to, to_size);
    }
    return rc;
}

static long connect_from(struct cr_arena *scratch, int tries, int fd, const void *from,
                         size_t from_size, const void *to, size_t to_size)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int is_chosen = from != NULL && is_in_range(from) && will_choose(fd, from);
    long rc = 0;

    if (from != NULL && !is_chosen)
        rc = cr_tcp_bind(scratch, fd, from, from_size);
    if (rc >= 0)
        rc = connect_tries(scratch, tries, fd, from, to, to_size);
    if (rc >= 0 && is_chosen && !has_name(fd, from, from_size)) {
        cr_sys(SYS_connect, fd, &nobody, sizeof(nobody));
        rc = bind_host(fd, from, from_size);
        if (rc >= 0)
            rc = connect_tries(scratch, tries, fd, from, to, to_size);
    }
    cr_socket_set(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, 0);
    return rc >= 0 && from != NULL && !has_name(fd, from, from_size) ? -EADDRINUSE : rc;
}

long cr_tcp_connect(struct cr_arena *scratch, int fd, const void *from, size_t from_size,
                    const void *to, size_t to_size)
{
    return connect_from(scratch, TRIES, fd, from, from_size, to, to_size);
}

static void set_loopback(union cr_socket_address *a, int family)
{
    memset(a, 0, sizeof(*a));
    a->any.sa_family = (sa_family_t)family;
    if (family == AF_INET)
        a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        a->in6.sin6_addr.s6_addr[15] = 1;
}

static int open_listener(struct cr_arena *scratch, const struct end *e)
{
    union cr_socket_address any;
    int fd = (int)cr_sys(SYS_socket, e->family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    long rc = fd;

    set_loopback(&any, e->family);
    if (rc >= 0)
        rc = e->address != NULL ? cr_tcp_bind(scratch, fd, e->address, e->size)
                                : cr_sys(SYS_bind, fd, &any, sizeof(any.in6));
    if (rc >= 0)
        rc = cr_sys(SYS_listen, fd, 1);
    if (rc < 0 && fd >= 0)
        cr_sys_close(fd);
    return rc < 0 ? (int)rc : fd;
}

/* The same address in the other family: IPv4 in the clothes of IPv6, or without them. Returns its size. */
static size_t convert(union cr_socket_address *a, int family)
{
    union cr_socket_address from = *a;

    memset(a, 0, sizeof(*a));
    a->any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        a->in.sin_port = from.in6.sin6_port;
        memcpy(&a->in.sin_addr, &from.in6.sin6_addr.s6_addr[12], 4);
        return sizeof(a->in);
    }
    a->in6.sin6_port = from.in.sin_port;
    a->in6.sin6_addr.s6_addr[10] = 0xff;
    a->in6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&a->in6.sin6_addr.s6_addr[12], &from.in.sin_addr, 4);
    return sizeof(a->in6);
}

/* Where LISTENER is to be reached, in the family of the caller. */
static size_t address_for(int listener, int family, union cr_socket_address *a)
{
    uint32_t size = sizeof(*a);

    memset(a, 0, sizeof(*a));
    cr_sys(SYS_getsockname, listener, a, &size);
    return a->any.sa_family == family ? size : convert(a, family);
}

static long try_once(struct cr_arena *scratch, const struct end *accepted, const struct end *other,
                     int ret_fds[2])
{
    union cr_socket_address at;
    int listener = open_listener(scratch, accepted);
    int client = -1;
    long rc = listener;
    size_t size;

    if (rc >= 0)
        rc = client =
            (int)cr_sys(SYS_socket, other->family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (rc >= 0) {
        size = address_for(listener, other->family, &at);
        rc = connect_from(scratch, 2, client, other->address, other->size, &at, size);
    }
    if (rc >= 0)
        rc = cr_sys(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC);
    if (listener >= 0)
        cr_sys_close(listener);
    if (rc < 0 && client >= 0)
        cr_sys_close(client);
    ret_fds[0] = (int)rc;
    ret_fds[1] = client;
    return rc < 0 ? rc : 0;
}

/* Which end was accepted is not known for sure: the greater number was made last. */
static long make(struct cr_arena *scratch, const struct cr_socket *s, const struct end *own,
                 const struct end *other, int ret_fds[2])
{
    int own_first = s->inode > s->note->partner;
    long rc = -EADDRNOTAVAIL;

    for (int i = 0; i < TRIES && (rc == -EADDRNOTAVAIL || rc == -EADDRINUSE); i++) {
        int fds[2];

        if (i > 1)
            sleep_a_little();
        if ((i % 2 == 0) == own_first) {
            rc = try_once(scratch, own, other, ret_fds);
            continue;
        }
        rc = try_once(scratch, other, own, fds);
        ret_fds[0] = fds[1];
        ret_fds[1] = fds[0];
    }
    return rc;
}

int cr_tcp_make_ends(struct cr_arena *scratch, const struct cr_socket *own, int ret_fds[2],
                     struct cr_error *err)
{
    const quiesce_image_Socket *s = own->note;
    struct end mine = {(int)s->family, s->name.bytes, s->name.size};
    struct end other = {(int)s->partner_family, s->peer_name.bytes, s->peer_name.size};
    union cr_socket_address peer = {0};
    char local[80];
    char remote[80];
    long rc;

    cr_socket_address_text(s->name.bytes, s->name.size, local, sizeof(local));
    cr_socket_address_text(s->peer_name.bytes, s->peer_name.size, remote, sizeof(remote));
    if (s->state == quiesce_image_SocketState_SOCKET_OUTSIDE || s->peer_name.size == 0) {
        mine.address = other.address = NULL; /* they are not seen any more */
        other.family = mine.family;
    } else if (other.family != mine.family) {
        memcpy(&peer, s->peer_name.bytes, s->peer_name.size);
        other.size = convert(&peer, other.family);
        other.address = &peer;
    }
    rc = make(scratch, own, &mine, &other, ret_fds);
    if (rc >= 0)
        return 0;
    return cr_fail(
        err, (int)-rc,
        "cannot make the TCP connection from %s to %s again, which was descriptor %d: %s; "
        "see who uses these ports (ss -tanp), wait a minute if they are in TIME-WAIT, and restart "
        "on a host with these addresses",
        local, remote, s->fd, cr_error_words((int)-rc));
}
