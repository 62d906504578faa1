/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_fd_diag.h"

#include "cr_state_util.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE (64UL << 10)

struct unix_request {
    struct nlmsghdr head;
    struct unix_diag_req body;
};

static int fail(int code, struct cr_error *err)
{
    return cr_fail(err, CR_EKERNEL,
                   "asking the kernel about sockets (sock_diag): %s; without it sockets cannot be "
                   "saved; allow netlink in the container's or service's filter",
                   cr_error_words(-code));
}

static void fill_request(struct unix_request *request, uint32_t inode)
{
    *request = (struct unix_request){
        {sizeof(*request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | (inode == 0 ? NLM_F_DUMP : 0), 1,
         0},
        {AF_UNIX,
         0,
         0,
         inode == 0 ? 1U << CR_DIAG_LISTENING : ~0U,
         inode,
         UDIAG_SHOW_PEER | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS,
         {~0U, ~0U}}};
}

static const void *payload(const struct rtattr *a)
{
    return (const char *)a + RTA_LENGTH(0);
}

static void take_attribute(const struct rtattr *a, struct cr_diag_unix *info)
{
    size_t size = a->rta_len - RTA_LENGTH(0);
    const uint32_t *words = payload(a);

    if (a->rta_type == UNIX_DIAG_PEER && size >= 4) {
        info->has_peer = 1;
        info->peer = words[0];
    } else if (a->rta_type == UNIX_DIAG_VFS && size >= 8) {
        info->has_file = 1;
        info->file_inode = words[0];
    } else if (a->rta_type == UNIX_DIAG_RQLEN && size >= 8) {
        info->received = words[0];
        info->backlog = words[1];
    } else if (a->rta_type == UNIX_DIAG_SHUTDOWN && size >= 1) {
        info->shutdown = *(const uint8_t *)words;
    } else if (a->rta_type == UNIX_DIAG_ICONS) {
        info->waiting = words;
        info->waiting_count = size / 4;
    }
}

/* Returns the inode that the message is about, 0 if it is none. */
static uint32_t take_message(const struct nlmsghdr *head, struct cr_diag_unix *ret_info)
{
    const struct unix_diag_msg *m = (const void *)((const char *)head + NLMSG_HDRLEN);
    const char *at = (const char *)(m + 1);
    const char *end = (const char *)head + head->nlmsg_len;

    if (at > end)
        return 0;
    *ret_info = (struct cr_diag_unix){.state = m->udiag_state};
    while (at + sizeof(struct rtattr) <= end) {
        const struct rtattr *a = (const void *)at;

        if (a->rta_len < sizeof(*a) || at + a->rta_len > end)
            break;
        take_attribute(a, ret_info);
        at += RTA_ALIGN(a->rta_len);
    }
    return m->udiag_ino;
}

static int open_and_ask(const struct unix_request *request)
{
    int fd = (int)cr_sys(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    long n;

    if (fd < 0)
        return fd;
    n = cr_sys(SYS_sendto, fd, request, sizeof(*request), 0, 0, 0);
    if (n < 0)
        cr_sys_close(fd);
    return n < 0 ? (int)n : fd;
}

int cr_diag_unix(struct cr_arena *arena, uint32_t inode, struct cr_diag_unix *ret_info,
                 struct cr_error *err)
{
    struct unix_request request;
    struct nlmsghdr *head = cr_arena_alloc(arena, BUFFER_SIZE);
    long n;
    int fd;

    if (head == NULL)
        return cr_fail_memory(err);
    fill_request(&request, inode);
    fd = open_and_ask(&request);
    if (fd < 0)
        return fail(fd, err);
    n = cr_sys(SYS_recvfrom, fd, head, BUFFER_SIZE, 0, 0, 0);
    cr_sys_close(fd);
    if (n < 0)
        return fail((int)n, err);
    if ((size_t)n < sizeof(*head) || head->nlmsg_len > (size_t)n ||
        head->nlmsg_type != SOCK_DIAG_BY_FAMILY || take_message(head, ret_info) != inode)
        return -ENOENT;
    return 0;
}

/* Looks through one answer. Returns 1 at the end of all, with the listener or without. */
static int search(const char *at, size_t size, uint32_t inode, int64_t *listener)
{
    const char *end = at + size;

    while (at + sizeof(struct nlmsghdr) <= end) {
        const struct nlmsghdr *head = (const void *)at;
        struct cr_diag_unix info = {0};
        uint32_t found;

        if (head->nlmsg_len < sizeof(*head) || head->nlmsg_len > (size_t)(end - at) ||
            head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
            return 1;
        found = take_message(head, &info);
        for (size_t i = 0; i < info.waiting_count; i++) {
            if (info.waiting[i] == inode)
                *listener = found;
        }
        at += NLMSG_ALIGN(head->nlmsg_len);
    }
    return *listener != 0;
}

int64_t cr_diag_unix_listener(struct cr_arena *arena, uint32_t inode, struct cr_error *err)
{
    struct unix_request request;
    char *buffer = cr_arena_alloc(arena, BUFFER_SIZE);
    int64_t listener = 0;
    long n;
    int fd;

    if (buffer == NULL)
        return cr_fail_memory(err);
    fill_request(&request, 0);
    fd = open_and_ask(&request);
    if (fd < 0)
        return fail(fd, err);
    do
        n = cr_sys(SYS_recvfrom, fd, buffer, BUFFER_SIZE, 0, 0, 0);
    while (n > 0 && !search(buffer, (size_t)n, inode, &listener));
    cr_sys_close(fd);
    return n < 0 ? fail((int)n, err) : listener;
}
