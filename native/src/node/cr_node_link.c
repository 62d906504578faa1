/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_node_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_SIZE CR_FRAME_MAX
#define OUT_SIZE (2 * CR_FRAME_MAX)

int cr_node_link_open(struct cr_node_link *link, struct cr_loop *loop, int fd, cr_watch_fn ready)
{
    void *memory = mmap(NULL, IN_SIZE + OUT_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int rc;

    memset(link, 0, sizeof(*link));
    link->watch.fd = -1;
    if (memory == MAP_FAILED) {
        close(fd);
        return -ENOMEM;
    }
    link->loop = loop;
    link->memory = memory;
    link->out = link->memory + IN_SIZE;
    cr_frame_reader_init(&link->reader, memory, IN_SIZE);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rc = cr_loop_add(loop, &link->watch, fd, EPOLLIN, ready);
    if (rc < 0) {
        munmap(memory, IN_SIZE + OUT_SIZE);
        close(fd);
        link->watch.fd = -1;
    }
    return rc;
}

int cr_node_link_is_open(const struct cr_node_link *link)
{
    return link->memory != NULL && link->watch.fd >= 0;
}

/* Sends what waits, as far as the socket takes it. Returns 0 or -errno. */
static int flush(struct cr_node_link *link)
{
    int waited = link->out_end > link->out_start;
    ssize_t n;

    while (link->out_start < link->out_end) {
        n = send(link->watch.fd, link->out + link->out_start, link->out_end - link->out_start,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return -errno;
        link->out_start += (size_t)n;
    }
    if (link->out_start == link->out_end)
        link->out_start = link->out_end = 0;
    if (waited)
        cr_loop_change(link->loop, &link->watch, link->out_end > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return 0;
}

/* Moves what waits to the front, to have as much room as there is. */
static size_t make_room(struct cr_node_link *link)
{
    if (link->out_start > 0) {
        memmove(link->out, link->out + link->out_start, link->out_end - link->out_start);
        link->out_end -= link->out_start;
        link->out_start = 0;
    }
    return OUT_SIZE - link->out_end;
}

int cr_node_link_send_bytes(struct cr_node_link *link, const void *data, size_t size)
{
    if (!cr_node_link_is_open(link))
        return -EPIPE;
    if (make_room(link) < size)
        return -ENOBUFS;
    memcpy(link->out + link->out_end, data, size);
    link->out_end += size;
    return flush(link);
}

int cr_node_link_send(struct cr_node_link *link, const quiesce_wire_Frame *frame,
                      struct cr_error *err)
{
    size_t room;
    long n;
    int rc;

    if (!cr_node_link_is_open(link))
        return cr_fail(err, EPIPE, "the connection has ended");
    room = make_room(link);
    n = cr_frame_encode(frame, link->out + link->out_end, room, err);
    if (n < 0)
        return room < CR_FRAME_MAX ? -ENOBUFS : (int)n;
    link->out_end += (size_t)n;
    rc = flush(link);
    if (rc < 0)
        return cr_fail(err, -rc, "sending: %s", cr_error_words(-rc));
    return 0;
}

int cr_node_link_service(struct cr_node_link *link, uint32_t events)
{
    long n;
    int rc = 0;

    if ((events & EPOLLOUT) != 0)
        rc = flush(link);
    if (rc < 0)
        return rc;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0)
        return 0;
    n = cr_frame_read(&link->reader, link->watch.fd);
    if (n == 0)
        return -ECONNRESET;
    if (n == -EAGAIN)
        return 0;
    return n < 0 ? (int)n : 1;
}

void cr_node_link_drain(struct cr_node_link *link, int timeout_ms)
{
    int64_t end = cr_loop_now_ms() + timeout_ms;
    struct pollfd p = {.fd = link->watch.fd, .events = POLLOUT};

    while (cr_node_link_is_open(link) && flush(link) == 0 && link->out_end > 0 &&
           cr_loop_now_ms() < end)
        poll(&p, 1, timeout_ms);
}

void cr_node_link_close(struct cr_node_link *link)
{
    if (link->memory == NULL)
        return;
    cr_loop_close(link->loop, &link->watch);
    munmap(link->memory, IN_SIZE + OUT_SIZE);
    link->memory = NULL;
}
