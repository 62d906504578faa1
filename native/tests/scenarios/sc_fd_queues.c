/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queues that are empty keep name, attributes and access. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>

static mqd_t open_queue(const char *name, int flags)
{
    struct mq_attr attributes = {.mq_maxmsg = 7, .mq_msgsize = 100};
    mqd_t queue = mq_open(name, flags | O_CREAT, 0640, &attributes);

    if (queue < 0)
        sc_skip("this machine has no POSIX message queues");
    return queue;
}

static void check(mqd_t out, mqd_t in, const char *text)
{
    struct mq_attr attributes;
    char buffer[100] = "";
    unsigned priority = 0;

    if (mq_getattr(in, &attributes) != 0 || attributes.mq_maxmsg != 7 ||
        attributes.mq_msgsize != 100 || attributes.mq_curmsgs != 0)
        sc_fail("the attributes are others");
    if (mq_send(out, text, strlen(text), 5) != 0 ||
        mq_receive(in, buffer, sizeof(buffer), &priority) != (ssize_t)strlen(text) ||
        strcmp(buffer, text) != 0 || priority != 5)
        sc_fail("\"%s\" became \"%s\": %s", text, buffer, strerror(errno));
    if (mq_send(in, "x", 1, 0) != -1 || errno != EBADF)
        sc_fail("a reader may write");
}

int main(int argc, char **argv)
{
    char name[64], gone[64];
    mqd_t in, out, other_in, other_out;

    sc_init(argc, argv, "message queues are kept");
    snprintf(name, sizeof(name), "/quiesce-scenario-%d", getpid());
    snprintf(gone, sizeof(gone), "/quiesce-scenario-%d-gone", getpid());
    in = open_queue(name, O_RDONLY | O_NONBLOCK);
    out = open_queue(name, O_WRONLY);
    other_in = open_queue(gone, O_RDONLY);
    other_out = open_queue(gone, O_RDWR);
    mq_unlink(gone);
    sc_ready();
    sc_wait();
    check(out, in, "by name");
    check(other_out, other_in, "without a name");
    if (mq_receive(in, (char[100]){0}, 100, NULL) != -1 || errno != EAGAIN)
        sc_fail("O_NONBLOCK is lost");
    mq_unlink(name);
    sc_pass();
}
