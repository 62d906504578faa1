/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a program can see of how it was started; the same natively and as the upper half of
 * cr_mpirank. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8

static __thread long number = 5;

static void *work(void *argument)
{
    char *p = malloc(1 << 20);

    number += *(int *)argument;
    memset(p, 1, 1 << 20);
    free(p);
    return (void *)number;
}

/* Uses most of a usual stack. */
static int deep(int depth)
{
    volatile char frame[4096];

    frame[0] = (char)depth;
    return depth == 0 ? 0 : frame[0] * 0 + 1 + deep(depth - 1);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    struct timespec now;
    void *result;
    long sum = 0;
    int i;

    for (i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, work, &numbers[i]);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%s %d %ld deep %d child %d year %d cwd %d\n", argv[0], argc, sum, deep(1500),
           system("exit 3") >> 8, (int)(now.tv_sec / 31556952 + 1970), getpid() == gettid());
    return 42;
}
