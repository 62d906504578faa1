/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A queue with messages that somebody outside has open is left alone. refused: which is not saved, may receive */
#include "sc_family.h"

#include <fcntl.h>
#include <mqueue.h>

/* Ends when the scenario has. */
static void outsider(int ready)
{
    char path[600];
    struct stat st;

    setsid();
    if (fork() != 0)
        _exit(0);
    sc_write_all(ready, "r", 1);
    close(ready);
    snprintf(path, sizeof(path), "%s/result", sc_directory);
    for (int i = 0; i < 60000 && stat(path, &st) != 0 && stat(sc_directory, &st) == 0; i++)
        sc_pause();
    _exit(0);
}

int main(int argc, char **argv)
{
    char name[64], buffer[8192], byte;
    int ready[2];
    mqd_t queue;
    pid_t pid;

    sc_init(argc, argv, "a message queue of which somebody else may receive");
    snprintf(name, sizeof(name), "/quiesce-refused-%d", getpid());
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    if (queue < 0)
        sc_skip("this machine has no POSIX message queues");
    mq_unlink(name);
    mq_send(queue, "kept", 4, 1);
    if (pipe(ready) != 0)
        return 2;
    pid = fork();
    if (pid == 0)
        outsider(ready[1]);
    close(ready[1]);
    sc_hear(ready[0], &byte, 1);
    sc_expect_exit(pid, 0);
    close(ready[0]);
    sc_ready();
    sc_wait();
    if (mq_receive(queue, buffer, sizeof(buffer), NULL) != 4 || memcmp(buffer, "kept", 4) != 0)
        sc_fail("the message is lost");
    sc_pass();
}
