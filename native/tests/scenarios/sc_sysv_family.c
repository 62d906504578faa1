/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* A parent and its child with one System V segment, one set of semaphores and one queue; each has something to undo. */
#include "memory.h"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>

#define SIZE (32 * PAGE)

static int segment, set, queue;
static char *shared;

static int operate(int number, int operation, int flags)
{
    struct sembuf one = {(unsigned short)number, (short)operation, (short)flags};

    return semop(set, &one, 1);
}

static int value(int number)
{
    return semctl(set, number, GETVAL);
}

/* Says what it is told to, and ends with what it has to undo. */
static void be_child(void)
{
    struct {
        long type;
        char text[8];
    } message = {5, "answer"};

    if (operate(1, -4, SEM_UNDO) != 0)
        _exit(1);
    shared[0] = 'r';
    if (operate(2, -1, 0) != 0)
        _exit(2);
    if (shared[PAGE] != 'q' || msgsnd(queue, &message, sizeof(message.text), 0) != 0)
        _exit(3);
    _exit(0);
}

static void set_up(void)
{
    unsigned short values[3] = {9, 9, 0};

    segment = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
    set = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
    queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    shared = shmat(segment, NULL, 0);
    if (segment < 0 || set < 0 || queue < 0 || shared == (char *)-1 ||
        semctl(set, 0, SETALL, values) != 0)
        sc_skip("no System V objects here");
    mem_fill(shared + 2 * PAGE, SIZE - 2 * PAGE, 1);
    operate(0, -2, SEM_UNDO);
}

int main(int argc, char **argv)
{
    char text[64];
    int status = -1;
    pid_t child;

    sc_init(argc, argv, "System V objects stay shared between a parent and its child");
    set_up();
    child = fork();
    if (child == 0)
        be_child();
    while (*(volatile char *)shared != 'r')
        usleep(1000);
    sc_ready();
    sc_wait();
    mem_check("segment", shared + 2 * PAGE, SIZE - 2 * PAGE, 1);
    if (value(0) != 7 || value(1) != 5)
        sc_fail("values are %d and %d, not 7 and 5", value(0), value(1));
    shared[PAGE] = 'q';
    operate(2, 1, 0);
    if (waitpid(child, &status, 0) != child || status != 0)
        sc_fail("the child ended with %d", status);
    if (value(1) != 9)
        sc_fail("what the child had to undo left %d, not 9", value(1));
    if (msgrcv(queue, text, 8, 5, IPC_NOWAIT) != 8 || strcmp(text + sizeof(long), "answer") != 0)
        sc_fail("the child's message did not come");
    shmctl(segment, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    sc_pass();
}
