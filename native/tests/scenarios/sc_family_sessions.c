/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. Sessions and process groups, also of leaders that have died. */
#include "sc_family.h"

struct place {
    pid_t pid, parent, group, session;
};

/* Tells where it is, now and when it is asked again; ends with the pipe. */
__attribute__((noreturn)) static void stand(int in, int out)
{
    char byte;

    do {
        struct place here = {getpid(), getppid(), getpgrp(), getsid(0)};
        sc_write_all(out, &here, sizeof(here));
    } while (sc_read_all(in, &byte, 1));
    _exit(0);
}

enum { LEADER, IN_SESSION, OLDER, IN_DEAD_GROUP, PLACES };

static int ask[PLACES][2];
static int tell[PLACES][2];

static void stand_as(int which)
{
    for (int i = 0; i < PLACES; i++) {
        close(ask[i][1]);
        close(tell[i][0]);
    }
    stand(ask[which][0], tell[which][1]);
}

/* A session whose leader has a child that is older than it, and one that is in it. */
static pid_t start_session(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    if (fork() == 0)
        stand_as(OLDER);
    setsid();
    if (fork() == 0) {
        setpgid(0, 0);
        stand_as(IN_SESSION);
    }
    stand_as(LEADER);
    return 0;
}

/* A member of a group whose leader is dead. */
static pid_t start_in_dead_group(void)
{
    pid_t leader = fork();
    pid_t pid;

    if (leader == 0) {
        setpgid(0, 0);
        for (;;)
            pause();
    }
    setpgid(leader, leader);
    pid = fork();
    if (pid == 0) {
        setpgid(0, leader);
        stand_as(IN_DEAD_GROUP);
    }
    setpgid(pid, leader);
    kill(leader, SIGKILL);
    waitpid(leader, NULL, 0);
    return pid;
}

static void check(const struct place *then)
{
    for (int i = 0; i < PLACES; i++) {
        struct place now;
        sc_write_all(ask[i][1], "", 1);
        sc_hear(tell[i][0], &now, sizeof(now));
        if (memcmp(&now, &then[i], sizeof(now)) != 0)
            sc_fail("process %d was %d/%d/%d/%d and is %d/%d/%d/%d", i, then[i].pid, then[i].parent,
                    then[i].group, then[i].session, now.pid, now.parent, now.group, now.session);
    }
    if (kill(-then[IN_DEAD_GROUP].group, 0) != 0)
        sc_fail("the group of the dead leader is gone");
}

int main(int argc, char **argv)
{
    struct place then[PLACES];
    pid_t session;
    pid_t member;

    sc_init(argc, argv, "sessions and process groups are as they were");
    for (int i = 0; i < PLACES; i++)
        if (pipe(ask[i]) != 0 || pipe(tell[i]) != 0)
            return 2;
    session = start_session();
    member = start_in_dead_group();
    for (int i = 0; i < PLACES; i++) {
        close(ask[i][0]);
        close(tell[i][1]);
        sc_read_all(tell[i][0], &then[i], sizeof(then[i]));
    }
    sc_ready();
    sc_wait();
    check(then);
    for (int i = 0; i < PLACES; i++)
        close(ask[i][1]);
    sc_expect_exit(session, 0);
    sc_expect_exit(member, 0);
    sc_pass();
}
