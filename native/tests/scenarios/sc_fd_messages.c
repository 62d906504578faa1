/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSIX message queues with messages: priorities and order, a queue that is full, one without a name; and mq_notify() of an
 * empty queue and of one with messages, of which a checkpoint tells nothing.
 */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>

#define COUNT 4
#define QUEUES 5

static char names[QUEUES][64];
static volatile int told[3]; /* by SIGRTMIN and those behind it */
static void *volatile value;

static void handle(int signal, siginfo_t *info, void *context)
{
    (void)context;
    told[signal - SIGRTMIN]++;
    value = info->si_code == SI_MESGQ ? info->si_value.sival_ptr : NULL;
}

static mqd_t open_queue(int i, int flags)
{
    struct mq_attr attributes = {.mq_maxmsg = COUNT, .mq_msgsize = 100};
    mqd_t queue;

    snprintf(names[i], sizeof(names[i]), "/quiesce-messages-%d-%d", getpid(), i);
    queue = mq_open(names[i], flags | O_CREAT, 0600, &attributes);
    if (queue < 0)
        sc_skip("this machine has no POSIX message queues");
    return queue;
}

static void put(mqd_t queue, const char *text, unsigned priority)
{
    if (mq_send(queue, text, strlen(text), priority) != 0)
        sc_fail("cannot send '%s': %s", text, strerror(errno));
}

static void take(mqd_t queue, const char *text, unsigned priority)
{
    char buffer[101] = "";
    unsigned got = 0;

    if (mq_receive(queue, buffer, 100, &got) < 0 || strcmp(buffer, text) != 0 || got != priority)
        sc_fail("'%s' with priority %u is '%s' with %u", text, priority, buffer, got);
}

static void expect_told(int which, int count, const char *when)
{
    if (told[which] != count)
        sc_fail("%s: told %d times and not %d", when, told[which], count);
}

static void be_told(mqd_t queue, int which)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + which};

    event.sigev_value.sival_ptr = names[which];
    if (mq_notify(queue, &event) != 0)
        sc_fail("mq_notify: %s", strerror(errno));
}

static void check_told(mqd_t empty, mqd_t filled)
{
    expect_told(0, 0, "the empty queue");
    expect_told(1, 0, "the queue with messages");
    put(empty, "news", 0);
    expect_told(0, 1, "a message in the empty queue");
    if (value != names[0])
        sc_fail("the value is another one");
    put(filled, "more", 0);
    expect_told(1, 0, "a message behind another one");
    take(filled, "there", 3);
    take(filled, "more", 0);
    put(filled, "again", 0);
    expect_told(1, 1, "a message after the queue was empty");
    if (value != names[1])
        sc_fail("the second value is another one");
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    mqd_t full, in, out, empty, filled, written;

    sc_init(argc, argv, "messages in queues");
    sigaction(SIGRTMIN, &action, NULL);
    sigaction(SIGRTMIN + 1, &action, NULL);
    sigaction(SIGRTMIN + 2, &action, NULL);
    empty = open_queue(0, O_RDWR);
    filled = open_queue(1, O_RDWR);
    written = open_queue(4, O_WRONLY);
    full = open_queue(2, O_RDWR | O_NONBLOCK);
    in = open_queue(3, O_RDONLY);
    out = open_queue(3, O_WRONLY);
    mq_unlink(names[3]);
    put(full, "low", 1);
    put(full, "high", 7);
    put(full, "", 1);
    put(full, "lower", 0);
    put(out, "first", 2);
    put(out, "second", 2);
    put(filled, "there", 3);
    be_told(empty, 0);
    be_told(filled, 1);
    be_told(written, 2);
    sc_ready();
    sc_wait();
    if (mq_send(full, "x", 1, 0) != -1 || errno != EAGAIN)
        sc_fail("there is room in a full queue");
    take(full, "high", 7);
    take(full, "low", 1);
    take(full, "", 1);
    take(full, "lower", 0);
    take(in, "first", 2);
    take(in, "second", 2);
    check_told(empty, filled);
    put(written, "only written", 0);
    expect_told(2, 1, "a message in a queue that is only written to");
    for (int i = 0; i < QUEUES; i++)
        mq_unlink(names[i]);
    sc_pass();
}
