/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that knows nothing of checkpoints, to be attached to: its threads allocate memory, load libraries, wait in
 * calls that a signal would end, and compute. It prints what it notices, and in the end a sum that must be right.
 * usage: attach_load FILE [block]   It ends when FILE exists. With "block" every thread blocks every signal.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

static volatile int stop;
static long sums[4];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void complain(const char *what)
{
    printf("%s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(1);
}

static void *allocate(void *unused)
{
    char *kept[64] = {0};

    for (unsigned i = 0; !stop; i++) {
        char **slot = &kept[i % 64];
        free(*slot);
        *slot = malloc(i * 37 % 5000 + 1);
        (*slot)[0] = (char)i;
        pthread_mutex_lock(&lock);
        sums[0]++;
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

static void *load_libraries(void *unused)
{
    while (!stop) {
        void *handle = dlopen("libm.so.6", RTLD_NOW);
        if (handle == NULL || dlsym(handle, "cos") == NULL)
            complain("dlopen");
        dlclose(handle);
        sums[1]++;
    }
    return unused;
}

static void *wait_for_events(void *unused)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int never = eventfd(0, EFD_CLOEXEC);

    epoll_ctl(epoll, EPOLL_CTL_ADD, never, &event);
    while (!stop) {
        errno = 0;
        if (epoll_wait(epoll, &event, 1, 20) != 0)
            complain("epoll_wait");
        sums[2]++;
    }
    return unused;
}

static void *wait_for_semaphore(void *argument)
{
    struct sembuf down = {0, -1, 0};
    const struct timespec limit = {0, 20000000};

    while (!stop)
        if (semtimedop(*(int *)argument, &down, 1, &limit) != -1 || errno != EAGAIN)
            complain("semtimedop");
    return NULL;
}

static void *take_nap(void *unused)
{
    const struct timespec nap = {0, 7000000};

    while (!stop)
        if (nanosleep(&nap, NULL) != 0)
            complain("nanosleep");
    return unused;
}

/* The main thread: errno and vector registers across system calls, until FILE exists. */
static void work(const char *file)
{
    volatile double product = 1;

    while (access(file, F_OK) != 0) {
        errno = 77;
        for (int i = 1; i <= 20; i++)
            product = product * i / (i + 1) * (i + 1) / i;
        if (product < 0.999999 || product > 1.000001 || errno != 77)
            complain("arithmetic");
        usleep(500);
    }
}

int main(int argc, char **argv)
{
    int semaphore = semget(IPC_PRIVATE, 1, 0600);
    pthread_t threads[5];
    sigset_t all;

    sigfillset(&all);
    if (argc > 2)
        sigprocmask(SIG_SETMASK, &all, NULL);
    pthread_create(&threads[0], NULL, allocate, NULL);
    pthread_create(&threads[1], NULL, load_libraries, NULL);
    pthread_create(&threads[2], NULL, wait_for_events, NULL);
    pthread_create(&threads[3], NULL, wait_for_semaphore, &semaphore);
    pthread_create(&threads[4], NULL, take_nap, NULL);
    printf("begun\n");
    fflush(stdout);
    work(argc > 1 ? argv[1] : "/");
    stop = 1;
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    semctl(semaphore, 0, IPC_RMID);
    printf("%s\n", sums[0] > 0 && sums[1] > 0 && sums[2] > 0 ? "right" : "nothing was done");
    return 0;
}
