/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Waiting for the end of a request, and what that was. */
#include "cr_api_handle.h"

#include "cr_api.h"
#include "cr_api_helper.h"
#include "cr_handle_reply.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The descriptor, or -1 with EINVAL. */
static int descriptor_of(const unsigned long *handle)
{
    if (handle == NULL || *handle > 0x7fffffffUL || !cr_agent_has_handle((int)*handle))
        return cr_api_fail(EINVAL);
    return (int)*handle;
}

int cr_handle_wait(const unsigned long *handle, const struct timeval *timeout)
{
    struct pollfd fds = {descriptor_of(handle), POLLIN, 0};
    struct timespec limit;

    if (fds.fd < 0)
        return -1;
    if (timeout != NULL) {
        if (timeout->tv_sec < 0 || timeout->tv_usec < 0 || timeout->tv_usec >= 1000000)
            return cr_api_fail(EINVAL);
        limit = (struct timespec){timeout->tv_sec, timeout->tv_usec * 1000};
    }
    return ppoll(&fds, 1, timeout != NULL ? &limit : NULL, NULL);
}

/* Reads the reply with FLAGS into REPLY, whose text ends with NUL. 0; or -1: EAGAIN, not yet. */
static int receive(int fd, int flags, struct cr_handle_reply *reply)
{
    size_t head = offsetof(struct cr_handle_reply, text);
    ssize_t n;

    do
        n = recv(fd, reply, sizeof(*reply) - 1, flags | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return -1;
    if (n >= (ssize_t)head && reply->magic == CR_HANDLE_MAGIC) {
        reply->text[(size_t)n - head] = '\0';
        return 0;
    }
    reply->error = EIO;
    strcpy(reply->text, "the helper ended without a reply");
    return 0;
}

int cr_handle_log(const unsigned long *handle, unsigned int length, char *buffer)
{
    struct cr_handle_reply reply;
    int fd = descriptor_of(handle);
    size_t need;

    if (fd < 0)
        return -1;
    if (receive(fd, MSG_PEEK, &reply) < 0 || reply.text[0] == '\0')
        return 0;
    need = strlen(reply.text) + 1;
    if (buffer != NULL && length > 0) {
        size_t n = need <= length ? need : length;
        memcpy(buffer, reply.text, n);
        buffer[n - 1] = '\0';
    }
    return (int)need;
}

/* What programs know, for what only we know. */
static int public_number(int error)
{
    switch (error) {
    case CR_ENOAGENT:
        return CR_ENOSUPPORT;
    case CR_EBUSY:
        return EBUSY;
    case CR_ECANCELLED:
        return ECANCELED;
    case CR_ETIMEOUT:
        return ETIMEDOUT;
    case CR_ERANKLOST:
    case CR_EOMITTED:
        return ESRCH;
    case CR_EPERMISSION:
        return EPERM;
    case CR_EPIDTAKEN:
        return EBUSY;
    case CR_ECPU:
        return CR_EBADARCH;
    default:
        return error;
    }
}

int cr_handle_reap(unsigned long *handle)
{
    struct cr_handle_reply reply;
    int fd = descriptor_of(handle);
    uint64_t before;
    int rc;

    if (fd < 0)
        return -1;
    /* A stop finds the handle whole, or gone. */
    before = cr_api_block_stop();
    rc = receive(fd, 0, &reply);
    if (rc == 0) {
        cr_agent_remove_handle(fd);
        close(fd);
    }
    cr_api_unblock_stop(before);
    if (rc < 0)
        return cr_api_fail(EAGAIN);
    cr_helper_end(fd);
    if (reply.error != 0)
        return cr_api_fail(public_number(reply.error));
    return reply.value > 0 ? reply.value : 1;
}

/* The text, for the caller to free; NULL if there is none. 0 or -1. */
static int copy_log(const unsigned long *handle, char **ret_message)
{
    int need = cr_handle_log(handle, 0, NULL);
    char *text = NULL;

    if (need > 0) {
        text = malloc((size_t)need);
        if (text == NULL)
            return -1;
        cr_handle_log(handle, (unsigned int)need, text);
    }
    *ret_message = text;
    return need < 0 ? -1 : 0;
}

int cr_handle_poll(unsigned long *handle, const struct timeval *timeout, char **message)
{
    int rc = cr_handle_wait(handle, timeout);
    int code;

    if (rc <= 0)
        return rc < 0 ? CR_POLL_CHKPT_ERR_PRE : 0;
    if (message != NULL && copy_log(handle, message) < 0)
        return CR_POLL_CHKPT_ERR_LOG;
    rc = cr_handle_reap(handle);
    if (rc > 0)
        return rc;
    code = errno;
    if (code == EAGAIN)
        return 0;
    errno = code;
    return CR_POLL_CHKPT_ERR_POST;
}
