/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* System V semaphores: values, what is undone at the end of a process, a thread that waits for one. */
#include "memory.h"

#include <pthread.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>

static int set;

static int operate(int number, int operation, int flags)
{
    struct sembuf one = {(unsigned short)number, (short)operation, (short)flags};

    return semop(set, &one, 1);
}

static int value(int number)
{
    return semctl(set, number, GETVAL);
}

/* Waits with SEM_UNDO until number 3 is raised. */
static void *wait_for_it(void *argument)
{
    (void)argument;
    return (void *)(long)operate(3, -2, SEM_UNDO);
}

static void check_undo(void)
{
    int status;

    if (fork() == 0) {
        if (operate(0, -1, SEM_UNDO) != 0)
            _exit(1);
        _exit(0);
    }
    if (wait(&status) < 0 || status != 0 || value(0) != 6)
        sc_fail("the kernel did not undo what a child had done");
}

int main(int argc, char **argv)
{
    unsigned short values[5] = {9, 0, 5, 0, 1};
    int keeper, status;
    int to_child[2];
    pthread_t waiter;
    char byte = 0;

    sc_init(argc, argv, "System V semaphores keep values, and what is to be undone");
    set = semget(IPC_PRIVATE, 5, IPC_CREAT | 0600);
    if (set < 0 || semctl(set, 0, SETALL, values) != 0)
        sc_skip("no System V semaphores here");
    operate(0, -3, SEM_UNDO);
    operate(1, 4, SEM_UNDO);
    operate(1, -1, 0);
    operate(2, -5, SEM_UNDO);
    operate(2, 5, SEM_UNDO);
    pthread_create(&waiter, NULL, wait_for_it, NULL);
    sc_ready();
    sc_wait();
    if (value(0) != 6 || value(1) != 3 || value(2) != 5 || value(3) != 0 || value(4) != 1)
        sc_fail("values are %d %d %d %d %d", value(0), value(1), value(2), value(3), value(4));
    check_undo();
    operate(3, 3, 0);
    pthread_join(waiter, NULL);
    if (value(3) != 1)
        sc_fail("the thread that waited left %d", value(3));
    /* A child goes on; this process ends, and the child sees what is undone. */
    if (pipe(to_child) != 0)
        sc_fail("pipe");
    keeper = fork();
    if (keeper != 0) {
        close(to_child[0]);
        if (keeper < 0)
            sc_fail("fork");
        _exit(0);
    }
    close(to_child[1]);
    status = (int)read(to_child[0], &byte, 1);
    for (int i = 0; i < 5000 && value(0) == 6; i++)
        usleep(1000);
    if (status != 0 || value(0) != 9 || value(1) != 0 || value(2) != 5 || value(3) != 3)
        sc_fail("undone at the end: %d %d %d %d, not 9 0 5 3", value(0), value(1), value(2),
                value(3));
    semctl(set, 0, IPC_RMID);
    sc_pass();
}
