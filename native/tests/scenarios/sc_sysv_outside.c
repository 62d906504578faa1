/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A System V segment that a process outside has attached would fall apart. refused: attached by */
#include "memory.h"

#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>

/* Leaves a process behind that is nobody's, until this one ends. */
static void leave_outsider(void)
{
    int ends[2];
    char byte;

    if (pipe(ends) != 0)
        sc_fail("pipe");
    if (fork() == 0) {
        if (fork() == 0) {
            setsid();
            close(ends[1]);
            for (int fd = 0; fd < 64; fd++)
                if (fd != ends[0])
                    close(fd);
            while (read(ends[0], &byte, 1) < 0)
                continue;
        }
        _exit(0);
    }
    wait(NULL);
    close(ends[0]);
}

int main(int argc, char **argv)
{
    char *shared;
    int segment;

    sc_init(argc, argv, "a System V segment that somebody else has attached is refused by name");
    segment = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    shared = shmat(segment, NULL, 0);
    if (shared == (char *)-1)
        sc_skip("no System V segments here");
    shmctl(segment, IPC_RMID, NULL);
    shared[0] = 's';
    leave_outsider();
    sc_ready();
    sc_wait();
    if (shared[0] != 's')
        sc_fail("the segment has changed");
    sc_pass();
}
