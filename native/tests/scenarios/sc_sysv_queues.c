/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* System V message queues: messages in their order, types, id and key; a thread that waits for a message. */
#include "memory.h"

#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>

struct message {
    long type;
    char text[8000];
};

static int queue;

static void *receive(void *argument)
{
    static struct message m;

    (void)argument;
    return (void *)(long)(msgrcv(queue, &m, sizeof(m.text), 77, 0) == 4 &&
                          memcmp(m.text, "late", 4) == 0);
}

static void expect(long type, size_t size, unsigned seed)
{
    static struct message m;
    ssize_t n = msgrcv(queue, &m, sizeof(m.text), type, IPC_NOWAIT);

    if (n != (ssize_t)size)
        sc_fail("a message of type %ld has %zd bytes, not %zu", type, n, size);
    mem_check("message", m.text, size & ~3UL, seed);
}

static void put(long type, size_t size, unsigned seed)
{
    static struct message m;

    m.type = type;
    mem_fill(m.text, size, seed);
    if (msgsnd(queue, &m, size, IPC_NOWAIT) != 0)
        sc_fail("msgsnd");
}

int main(int argc, char **argv)
{
    key_t key = (key_t)(0x52000000 + getpid());
    struct msqid_ds status;
    pthread_t waiter;
    void *got;

    sc_init(argc, argv, "System V queues keep their messages");
    queue = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
    if (queue < 0)
        sc_skip("no System V queues here");
    put(3, 100, 1);
    put(5, 4000, 2);
    put(3, 0, 3);
    put(9, 7000, 4);
    pthread_create(&waiter, NULL, receive, NULL);
    sc_ready();
    sc_wait();
    if (msgget(key, 0) != queue)
        sc_fail("the key leads to another queue");
    if (msgctl(queue, IPC_STAT, &status) != 0 || status.msg_qnum != 4)
        sc_fail("%lu messages in the queue, not 4", (unsigned long)status.msg_qnum);
    expect(9, 7000, 4);
    expect(0, 100, 1);
    expect(0, 4000, 2);
    expect(0, 0, 3);
    if (msgsnd(queue, &(struct message){77, "late"}, 4, 0) != 0)
        sc_fail("msgsnd");
    pthread_join(waiter, &got);
    if (got == NULL)
        sc_fail("the thread that waited got something else");
    msgctl(queue, IPC_RMID, NULL);
    sc_pass();
}
