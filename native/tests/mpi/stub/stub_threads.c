/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads that come and go and call MPI, while signals arrive whose handler uses thread-local
 * variables: each must see its own, also when the signal finds the thread in the lower half.
 */
#include "stub_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#define THREADS 6
#define LIVES 8

static __thread int mine;
static volatile int wrong, handled;
static MPI_Comm comms[THREADS];

static void handler(int number)
{
    char *space = strdup("a word"); /* also the application's libc */

    (void)number;
    if (space == NULL || mine < 0 || mine > THREADS)
        wrong = 1;
    handled++;
}

static void *run(void *argument)
{
    int which = (int)(long)argument, out, in, sum;
    int right = (rank + 1) % size, left = (rank + size - 1) % size;

    mine = which;
    for (int i = 0; i < 50; i++) {
        out = rank * 1000 + which * 10 + i;
        MPI_Sendrecv(&out, 1, MPI_INT, right, which, &in, 1, MPI_INT, left, which, MPI_COMM_WORLD,
                     MPI_STATUS_IGNORE);
        if (in != left * 1000 + which * 10 + i)
            wrong = 2;
        MPI_Allreduce(&which, &sum, 1, MPI_INT, MPI_SUM, comms[which]);
        if (sum != which * size || mine != which)
            wrong = 3;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    struct sigaction action, seen;
    pthread_t threads[THREADS];
    int level, main_thread;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (int i = 0; i < THREADS; i++)
        MPI_Comm_dup(MPI_COMM_WORLD, &comms[i]);
    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_IGN;
    sigaction(SIGALRM, &action, NULL);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &seen);
    line("was ignored %d", seen.sa_handler == SIG_IGN);
    sigaction(SIGALRM, NULL, &seen);
    line("handler %d siginfo %d", seen.sa_handler == handler, (seen.sa_flags & SA_SIGINFO) != 0);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int life = 0; life < LIVES; life++) {
        for (long i = 0; i < THREADS; i++)
            pthread_create(&threads[i], NULL, run, (void *)i);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    MPI_Is_thread_main(&main_thread);
    line("wrong %d, handled %d, main %d", wrong, handled > 0, main_thread);
    for (int i = 0; i < THREADS; i++)
        MPI_Comm_free(&comms[i]);
    MPI_Finalize();
    return 0;
}
