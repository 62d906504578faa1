/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. A queue with messages that parent and child have open, and of which the child is told. */
#include "sc_family.h"

#include <fcntl.h>
#include <mqueue.h>

static volatile int told;

static void handle(int signal)
{
    (void)signal;
    told++;
}

static void take(mqd_t queue, const char *wanted)
{
    char buffer[51] = "";

    if (mq_receive(queue, buffer, 50, NULL) < 0 || strcmp(buffer, wanted) != 0)
        sc_fail("'%s' is '%s'", wanted, buffer);
}

static void child(mqd_t queue, int ready)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

    signal(SIGUSR1, handle);
    if (mq_notify(queue, &event) != 0)
        sc_fail("mq_notify: %s", strerror(errno));
    sc_write_all(ready, "r", 1);
    sc_wait();
    if (told != 0)
        sc_fail("the child was told of a checkpoint");
    take(queue, "one");
    take(queue, "two");
    if (mq_send(queue, "three", 5, 0) != 0 || told != 1)
        sc_fail("the child was told %d times", told);
    _exit(21);
}

int main(int argc, char **argv)
{
    struct mq_attr attributes = {.mq_maxmsg = 5, .mq_msgsize = 50};
    char name[64], byte;
    int ready[2];
    mqd_t queue;
    pid_t pid;

    sc_init(argc, argv, "a message queue of two processes");
    snprintf(name, sizeof(name), "/quiesce-family-%d", getpid());
    queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attributes);
    if (queue < 0)
        sc_skip("this machine has no POSIX message queues");
    mq_unlink(name);
    if (mq_send(queue, "two", 3, 1) != 0 || mq_send(queue, "one", 3, 2) != 0 || pipe(ready) != 0)
        return 2;
    pid = fork();
    if (pid == 0)
        child(queue, ready[1]);
    sc_hear(ready[0], &byte, 1);
    sc_ready();
    sc_wait();
    sc_expect_exit(pid, 21);
    take(queue, "three");
    sc_pass();
}
