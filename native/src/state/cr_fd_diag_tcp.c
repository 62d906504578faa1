/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. TCP sockets by sock_diag. */
#include "cr_fd_diag.h"

#include "cr_fd_socket.h"
#include "cr_state_util.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#define BUFFER_SIZE (64UL << 10)

struct request {
    struct nlmsghdr head;
    struct inet_diag_req_v2 body;
};

static int fail(long code, struct cr_error *err)
{
    return cr_fail(err, CR_EKERNEL,
                   "asking the kernel about TCP sockets (sock_diag): %s; without it they cannot be "
                   "saved; allow netlink in the container's or service's filter",
                   cr_error_words((int)-code));
}

/* IPv4 in the clothes of IPv6 is looked for as IPv4, whatever family the other socket has. */
static int is_ipv4(const union cr_socket_address *a)
{
    return a->any.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

static void set_address(__be32 out[4], __be16 *port, const union cr_socket_address *a, int ipv4)
{
    *port = a->any.sa_family == AF_INET ? a->in.sin_port : a->in6.sin6_port;
    if (a->any.sa_family == AF_INET)
        out[0] = a->in.sin_addr.s_addr;
    else if (ipv4)
        memcpy(out, &a->in6.sin6_addr.s6_addr[12], 4);
    else
        memcpy(out, &a->in6.sin6_addr, 16);
}

static void fill(struct request *r, int family, uint32_t states, int flags)
{
    *r = (struct request){
        {sizeof(*r), SOCK_DIAG_BY_FAMILY, (uint16_t)(NLM_F_REQUEST | flags), 1, 0},
        {.sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states}};
    r->body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    r->body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
}

static int ask(const struct request *request)
{
    int fd = (int)cr_sys(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    long n = fd < 0 ? fd : cr_sys(SYS_sendto, fd, request, sizeof(*request), 0, 0, 0);

    if (fd >= 0 && n < 0)
        cr_sys_close(fd);
    return n < 0 ? (int)n : fd;
}

static size_t take_address(int family, const __be32 *address, __be16 port, uint8_t *out)
{
    union cr_socket_address a = {0};
    size_t size = family == AF_INET ? sizeof(a.in) : sizeof(a.in6);

    a.any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        a.in.sin_port = port;
        a.in.sin_addr.s_addr = address[0];
    } else {
        a.in6.sin6_port = port;
        memcpy(&a.in6.sin6_addr, address, 16);
    }
    memcpy(out, &a, size);
    return size;
}

/* Returns 0 if HEAD is no answer about a socket. */
static int take(const struct nlmsghdr *head, size_t left, struct cr_diag_tcp *ret_info)
{
    const struct inet_diag_msg *m = (const void *)((const char *)head + NLMSG_HDRLEN);
    const char *at = (const char *)(m + 1);
    const char *end = (const char *)head + head->nlmsg_len;

    if (left < sizeof(*head) || head->nlmsg_len > left || head->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        at > end)
        return 0;
    *ret_info = (struct cr_diag_tcp){.family = m->idiag_family,
                                     .state = m->idiag_state,
                                     .inode = m->idiag_inode,
                                     .unread = m->idiag_rqueue,
                                     .unacknowledged = m->idiag_wqueue};
    take_address(m->idiag_family, m->id.idiag_src, m->id.idiag_sport, ret_info->local);
    ret_info->address_size =
        take_address(m->idiag_family, m->id.idiag_dst, m->id.idiag_dport, ret_info->remote);
    while (at + sizeof(struct rtattr) <= end) {
        const struct rtattr *a = (const void *)at;

        if (a->rta_len < sizeof(*a) || at + a->rta_len > end)
            break;
        if (a->rta_type == INET_DIAG_SHUTDOWN && a->rta_len > sizeof(*a))
            ret_info->shutdown = *(const uint8_t *)(a + 1);
        at += RTA_ALIGN(a->rta_len);
    }
    return 1;
}

int cr_diag_tcp(struct cr_arena *arena, const union cr_socket_address *local,
                const union cr_socket_address *remote, struct cr_diag_tcp *ret_info,
                struct cr_error *err)
{
    int ipv4 = is_ipv4(local);
    struct nlmsghdr *head = cr_arena_alloc(arena, BUFFER_SIZE);
    struct request request;
    long n;
    int fd;

    if (head == NULL)
        return cr_fail_memory(err);
    fill(&request, ipv4 ? AF_INET : AF_INET6, ~0U, 0);
    set_address(request.body.id.idiag_src, &request.body.id.idiag_sport, local, ipv4);
    set_address(request.body.id.idiag_dst, &request.body.id.idiag_dport, remote, ipv4);
    fd = ask(&request);
    if (fd < 0)
        return fail(fd, err);
    n = cr_sys(SYS_recvfrom, fd, head, BUFFER_SIZE, 0, 0, 0);
    cr_sys_close(fd);
    if (n < 0)
        return fail(n, err);
    return take(head, (size_t)n, ret_info) ? 0 : -ENOENT;
}

int cr_diag_tcp_each(struct cr_arena *arena, int family, uint32_t states, uint16_t port,
                     cr_diag_tcp_fn *each, void *argument, struct cr_error *err)
{
    char *buffer = cr_arena_alloc(arena, BUFFER_SIZE);
    struct cr_diag_tcp info;
    struct request request;
    int fd;
    long n;

    if (buffer == NULL)
        return cr_fail_memory(err);
    fill(&request, family, states, NLM_F_DUMP);
    request.body.id.idiag_sport = port;
    fd = ask(&request);
    if (fd < 0)
        return fail(fd, err);
    while ((n = cr_sys(SYS_recvfrom, fd, buffer, BUFFER_SIZE, 0, 0, 0)) > 0) {
        const char *at = buffer;
        size_t left = (size_t)n;

        while (take((const void *)at, left, &info)) {
            size_t size = NLMSG_ALIGN(((const struct nlmsghdr *)at)->nlmsg_len);

            each(&info, argument);
            at += size;
            left = size < left ? left - size : 0;
        }
        if (left > 0) /* the end, or an error */
            break;
    }
    cr_sys_close(fd);
    return n < 0 ? fail(n, err) : 0;
}

static void end_one(const struct cr_diag_tcp *info, void *argument)
{
    union cr_socket_address local = {0};
    union cr_socket_address remote = {0};
    struct request request;
    int fd;

    (void)argument;
    if (info->inode != 0)
        return;
    memcpy(&local, info->local, info->address_size);
    memcpy(&remote, info->remote, info->address_size);
    fill(&request, info->family, ~0U, 0);
    request.head.nlmsg_type = SOCK_DESTROY;
    set_address(request.body.id.idiag_src, &request.body.id.idiag_sport, &local,
                info->family == AF_INET);
    set_address(request.body.id.idiag_dst, &request.body.id.idiag_dport, &remote,
                info->family == AF_INET);
    fd = ask(&request);
    if (fd >= 0)
        cr_sys_close(fd);
}

void cr_diag_tcp_clear(struct cr_arena *arena, int family, uint16_t port)
{
    const uint32_t states = 1U << CR_DIAG_TIME_WAIT | 1U << CR_DIAG_FIN_WAIT1 |
                            1U << CR_DIAG_FIN_WAIT2 | 1U << CR_DIAG_CLOSING |
                            1U << CR_DIAG_LAST_ACK;
    size_t mark = arena->used;

    cr_diag_tcp_each(arena, AF_INET, states, port, end_one, NULL, NULL);
    if (family == AF_INET6)
        cr_diag_tcp_each(arena, AF_INET6, states, port, end_one, NULL, NULL);
    arena->used = mark;
}
