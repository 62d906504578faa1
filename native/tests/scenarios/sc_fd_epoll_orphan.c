/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An epoll instance with a member that nobody in the checkpoint has open: a process outside holds it.
 * refused: no process of the checkpoint has open
 */
#include "scenario.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* It leaves the tree, keeps what it was born with, and ends with the scenario. */
static void start_holder(void)
{
    pid_t scenario = getpid();
    pid_t child = fork();

    if (child != 0) {
        waitpid(child, NULL, 0);
        return;
    }
    if (fork() != 0)
        _exit(0);
    while (kill(scenario, 0) == 0)
        usleep(10000);
    _exit(0);
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
    int ends[2];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    sc_init(argc, argv, "an epoll instance with a member outside is refused");
    if (pipe(ends) != 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) != 0)
        sc_fail("cannot set up");
    start_holder();
    close(ends[0]);
    if (write(ends[1], "x", 1) != 1)
        sc_fail("cannot write");
    close(ends[1]);
    sc_ready();
    sc_wait();
    if (epoll_wait(epoll, &event, 1, 5000) != 1 || event.data.u32 != 7)
        sc_fail("the member is gone");
    sc_pass();
}
