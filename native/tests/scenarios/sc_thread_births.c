/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads are made and end all the time, also while the process is being stopped; children are
 * forked.
 */
#include "scenario.h"

#include <pthread.h>
#include <sys/wait.h>

static volatile int stop;
static volatile long made[3];

static void *short_life(void *argument)
{
    return argument;
}

static void *make_threads(void *argument)
{
    long self = (long)argument;

    while (!stop) {
        pthread_t t;
        void *result = NULL;
        if (pthread_create(&t, NULL, short_life, argument) != 0)
            sc_fail("pthread_create failed");
        if (pthread_join(t, &result) != 0 || result != argument)
            sc_fail("a thread returned something else");
        made[self]++;
    }
    return NULL;
}

static void make_child(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(getppid() > 0 ? 7 : 1);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
        sc_fail("a child ended with status 0x%x", status);
}

int main(int argc, char **argv)
{
    pthread_t threads[3];
    long before;

    sc_init(argc, argv, "threads that come and go do not stand in the way");
    for (long i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, make_threads, (void *)i);
    make_child();
    sc_ready();
    sc_wait();
    make_child();
    before = made[0];
    for (int i = 0; i < 2000 && made[0] < before + 10; i++)
        usleep(1000);
    if (made[0] < before + 10)
        sc_fail("no more threads are made");
    stop = 1;
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    sc_pass();
}
