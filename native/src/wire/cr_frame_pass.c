/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. A descriptor that goes along with a frame on a Unix socket. */
#include "cr_frame.h"

#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
};

int cr_frame_send_with(int fd, const quiesce_wire_Frame *frame, int passed, void *buffer,
                       size_t size, struct cr_error *err)
{
    long total = cr_frame_encode(frame, buffer, size, err);
    struct iovec iov = {buffer, total > 0 ? (size_t)total : 0};
    union control control;
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    long n;

    if (total < 0)
        return (int)total;
    memset(&control, 0, sizeof(control));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
    do
        n = cr_sys(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
    while (n == -EINTR);
    if (n < 0)
        return cr_fail(err, (int)-n, "sending to the peer: %s", cr_error_words((int)-n));
    return cr_frame_send_encoded(fd, (uint8_t *)buffer + n, (size_t)(total - n), err);
}

static void take_descriptor(const struct msghdr *message, int *passed)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);

    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int)))
        return;
    if (*passed >= 0)
        cr_sys_close(*passed);
    memcpy(passed, CMSG_DATA(header), sizeof(*passed));
}

long cr_frame_read_with(struct cr_frame_reader *reader, int fd, int *passed)
{
    struct iovec iov = {reader->buffer + reader->used, reader->size - reader->used};
    union control control;
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    long n;

    if (reader->used == reader->size)
        return -ENOBUFS;
    do
        n = cr_sys(SYS_recvmsg, fd, &message, MSG_CMSG_CLOEXEC);
    while (n == -EINTR);
    if (n > 0) {
        take_descriptor(&message, passed);
        reader->used += (size_t)n;
    }
    return n;
}
