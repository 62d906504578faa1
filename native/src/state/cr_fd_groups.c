/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Multicast groups of a socket. The kernel does not list them for a socket; it lists those of the host, and
 * answers for each of them whether the socket is a member.
 */
#include "cr_fd_socket.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define GROUPS_MAX (sizeof(((quiesce_image_Socket *)0)->group) / sizeof(quiesce_image_SocketGroup))

struct membership {
    uint32_t interface;
    union cr_socket_address group;
};

static int level_of(const struct membership *m)
{
    return m->group.any.sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
}

/* Asks for the filter of the group, which only a member has. Returns the number of sources, or -1. */
static int sources_of(int fd, const struct membership *m, uint32_t *ret_mode)
{
    union {
        struct group_filter filter;
        char space[GROUP_FILTER_SIZE(1)];
    } f = {0};
    uint32_t length = GROUP_FILTER_SIZE(0);

    f.filter.gf_interface = m->interface;
    memcpy(&f.filter.gf_group, &m->group, sizeof(m->group.in6));
    if (cr_sys(SYS_getsockopt, fd, level_of(m), MCAST_MSFILTER, &f, &length) < 0)
        return -1;
    *ret_mode = f.filter.gf_fmode;
    return (int)f.filter.gf_numsrc;
}

static void take(struct cr_fd_collect *c, int fd, quiesce_image_Socket *s,
                 const struct membership *m)
{
    uint32_t mode = MCAST_EXCLUDE;
    int sources = sources_of(fd, m, &mode);
    quiesce_image_SocketGroup *group = &s->group[s->group_count];
    size_t size = m->group.any.sa_family == AF_INET ? sizeof(m->group.in) : sizeof(m->group.in6);

    if (sources < 0)
        return;
    if (sources > 0 || mode != MCAST_EXCLUDE || s->group_count == GROUPS_MAX) {
        cr_refuse(c->refusals,
                  "socket %d is in a multicast group with chosen senders, or in more than %lu "
                  "groups; leave it before the checkpoint",
                  fd, (unsigned long)GROUPS_MAX);
        return;
    }
    group->interface = m->interface;
    group->address.size = (pb_size_t)size;
    memcpy(group->address.bytes, &m->group, size);
    s->group_count++;
}

static const char *next_line(const char *at)
{
    while (*at != '\0' && *at != '\n')
        at++;
    return *at == '\n' ? at + 1 : at;
}

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* A line "2 eth0 : 1 V3" tells the interface; lines with a blank before them are its groups, "010000E0 1 0:00000000 0". */
static void take_ipv4(struct cr_fd_collect *c, int fd, quiesce_image_Socket *s, const char *text)
{
    struct membership m = {0};

    m.group.in.sin_family = AF_INET;
    for (const char *at = next_line(text); *at != '\0'; at = next_line(at)) {
        const char *word = skip_blanks(at);

        if (word == at) {
            m.interface = (uint32_t)cr_parse_u64(&word, 10);
            continue;
        }
        m.group.in.sin_addr.s_addr = (uint32_t)cr_parse_u64(&word, 16);
        take(c, fd, s, &m);
    }
}

static void parse_ipv6(const char *at, struct in6_addr *out)
{
    char pair[3] = "";

    for (int i = 0; i < 16 && at[0] != '\0' && at[1] != '\0'; i++, at += 2) {
        const char *digits = pair;

        pair[0] = at[0];
        pair[1] = at[1];
        out->s6_addr[i] = (uint8_t)cr_parse_u64(&digits, 16);
    }
}

/* "2 eth0 ff020000000000000000000000000001 1 0000000C 0" */
static void take_ipv6(struct cr_fd_collect *c, int fd, quiesce_image_Socket *s, const char *text)
{
    struct membership m = {0};

    m.group.in6.sin6_family = AF_INET6;
    for (const char *at = text; *at != '\0'; at = next_line(at)) {
        const char *word = at;

        m.interface = (uint32_t)cr_parse_u64(&word, 10);
        word = skip_blanks(word);
        while (*word != ' ' && *word != '\t' && *word != '\0' && *word != '\n')
            word++;
        parse_ipv6(skip_blanks(word), &m.group.in6.sin6_addr);
        take(c, fd, s, &m);
    }
}

int cr_groups_collect(struct cr_fd_collect *c, int fd, quiesce_image_Socket *s)
{
    struct cr_error err = {0};
    size_t length;
    char *text;

    if (s->family == AF_INET &&
        cr_proc_read(c->scratch, "/proc/thread-self/net/igmp", &text, &length, &err) == 0)
        take_ipv4(c, fd, s, text);
    if (s->family == AF_INET6 &&
        cr_proc_read(c->scratch, "/proc/thread-self/net/igmp6", &text, &length, &err) == 0)
        take_ipv6(c, fd, s, text);
    return 0;
}

int cr_groups_put_back(int fd, const quiesce_image_Socket *s, struct cr_error *err)
{
    for (pb_size_t i = 0; i < s->group_count; i++) {
        const quiesce_image_SocketGroup *g = &s->group[i];
        int level = s->family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
        struct group_req request = {.gr_interface = g->interface};
        char name[80];
        long rc;

        memcpy(&request.gr_group, g->address.bytes, g->address.size);
        rc = cr_sys(SYS_setsockopt, fd, level, MCAST_JOIN_GROUP, &request, sizeof(request));
        if (rc >= 0 || rc == -EADDRINUSE)
            continue;
        cr_socket_address_text(g->address.bytes, g->address.size, name, sizeof(name));
        return cr_fail(err, (int)-rc,
                       "socket %d cannot join the multicast group %s at interface %u again: %s; "
                       "restart on a host with this interface",
                       s->fd, name, g->interface, cr_error_words((int)-rc));
    }
    return 0;
}
