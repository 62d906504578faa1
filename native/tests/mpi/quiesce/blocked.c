/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rank says after a drain of whether it does nothing but wait for a message. Rank 1 comes into each state, rank 0 stays
 * outside of MPI, asks for a checkpoint with the call that rank 1 must name ("none": it must name none), and then sends what
 * lets rank 1 go on. All ranks that say so are deadlocked: a wrong word would alarm people about a job that is fine.
 */
#include "qt.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum { TAG = 7, BACK = 8 };

static int number, value, other;
static pthread_t thread;
static volatile int thread_ends;

static void *rest(void *unused)
{
    (void)unused;
    while (!thread_ends)
        usleep(1000);
    return NULL;
}

static void receive(void)
{
    MPI_Recv(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void receive_any(void)
{
    MPI_Recv(&value, 1, MPI_INT, MPI_ANY_SOURCE, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void probe(void)
{
    MPI_Probe(0, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    receive();
}

static void matched_probe(void)
{
    MPI_Message message;

    MPI_Mprobe(0, TAG, MPI_COMM_WORLD, &message, MPI_STATUS_IGNORE);
    MPI_Mrecv(&value, 1, MPI_INT, &message, MPI_STATUS_IGNORE);
}

static void wait_one(void)
{
    MPI_Request r;

    MPI_Irecv(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, &r);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
}

/* The send has long ended. */
static void wait_all(void)
{
    MPI_Request r[3] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL, MPI_REQUEST_NULL};

    MPI_Irecv(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, &r[0]);
    MPI_Isend(&other, 1, MPI_INT, 1, BACK, MPI_COMM_WORLD, &r[2]);
    MPI_Recv(&other, 1, MPI_INT, 1, BACK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Waitall(3, r, MPI_STATUSES_IGNORE);
}

static void end_other(MPI_Request *r)
{
    MPI_Cancel(r);
    MPI_Wait(r, MPI_STATUS_IGNORE);
}

static void wait_any(void)
{
    MPI_Request r[2];
    int index;

    MPI_Irecv(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, &r[0]);
    MPI_Irecv(&other, 1, MPI_INT, 0, BACK, MPI_COMM_WORLD, &r[1]);
    MPI_Waitany(2, r, &index, MPI_STATUS_IGNORE);
    end_other(&r[1]);
}

static void exchange(void)
{
    MPI_Sendrecv(&other, 1, MPI_INT, 0, BACK, &value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
}

static void send_synchronously(void)
{
    MPI_Ssend(&other, 1, MPI_INT, 0, BACK, MPI_COMM_WORLD);
    receive();
}

/* ---- not blocked, or not for certain ---- */

static void test_again_and_again(void)
{
    MPI_Request r;
    int flag = 0;

    MPI_Irecv(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, &r);
    while (!flag)
        MPI_Test(&r, &flag, MPI_STATUS_IGNORE);
}

static int no_query(void *state, MPI_Status *status)
{
    (void)state;
    MPI_Status_set_cancelled(status, 0);
    MPI_Status_set_elements(status, MPI_INT, 0);
    return MPI_SUCCESS;
}

static int no_free(void *state)
{
    (void)state;
    return MPI_SUCCESS;
}

static int no_cancel(void *state, int complete)
{
    (void)state;
    (void)complete;
    return MPI_SUCCESS;
}

/* A signal handler may complete it. */
static void wait_any_generalized(void)
{
    MPI_Request r[2];
    int index;

    MPI_Irecv(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, &r[0]);
    MPI_Grequest_start(no_query, no_free, no_cancel, NULL, &r[1]);
    MPI_Waitany(2, r, &index, MPI_STATUS_IGNORE);
    MPI_Grequest_complete(r[1]);
    MPI_Wait(&r[1], MPI_STATUS_IGNORE);
}

static void receive_beside_thread(void)
{
    thread_ends = 0;
    pthread_create(&thread, NULL, rest, NULL);
    receive();
    thread_ends = 1;
    pthread_join(thread, NULL);
}

static void receive_before_alarm(void)
{
    alarm(3600);
    receive();
    alarm(0);
}

static void receive_before_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec late = {{0, 0}, {3600, 0}};
    timer_t timer;

    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &late, NULL);
    receive();
    timer_delete(timer);
}

/* Its message is there when all stand still. */
static void receive_what_comes(void)
{
    qt_until("begun", number);
    receive();
}

static const struct state {
    const char *name, *call;
    void (*enter)(void);
    int sends, early; /* rank 1 sends as well; rank 0 sends before the checkpoint */
} states[] = {
    {"receive", "MPI_Recv", receive, 0, 0},
    {"receive from any", "MPI_Recv", receive_any, 0, 0},
    {"probe", "MPI_Probe", probe, 0, 0},
    {"matched probe", "MPI_Mprobe", matched_probe, 0, 0},
    {"wait", "MPI_Wait", wait_one, 0, 0},
    {"wait for all", "MPI_Waitall", wait_all, 0, 0},
    {"wait for any", "MPI_Waitany", wait_any, 0, 0},
    {"exchange", "MPI_Sendrecv", exchange, 1, 0},
    {"synchronous send", "MPI_Ssend", send_synchronously, 1, 0},
    {"test", "none", test_again_and_again, 0, 0},
    {"wait for any, generalized", "none", wait_any_generalized, 0, 0},
    {"beside a thread", "none", receive_beside_thread, 0, 0},
    {"before an alarm", "none", receive_before_alarm, 0, 0},
    {"before a timer", "none", receive_before_timer, 0, 0},
    {"what comes", "none", receive_what_comes, 0, 1},
};

static void ask(const struct state *s)
{
    char hidden[512], path[512];
    FILE *f;

    qt_path(path, sizeof(path), "want", number);
    qt_path(hidden, sizeof(hidden), "hidden", number);
    f = fopen(hidden, "w");
    if (f == NULL)
        return;
    fprintf(f, "%s\n\n%s\n", s->name, s->call);
    fclose(f);
    rename(hidden, path);
}

static void let_go(const struct state *s)
{
    int got;

    if (s->early)
        MPI_Send(&number, 1, MPI_INT, 1, TAG, MPI_COMM_WORLD);
    qt_compute(0.05);
    ask(s);
    qt_until("done", number);
    if (s->sends)
        MPI_Recv(&got, 1, MPI_INT, 1, BACK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (!s->early)
        MPI_Send(&number, 1, MPI_INT, 1, TAG, MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    int all = 0, level;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        number++;
        if (qt_rank == 0)
            let_go(&states[i]);
        else
            states[i].enter();
        QT_CHECK(qt_rank == 0 || value == number, "%s: %d", states[i].name, value);
    }
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s blocked, %d checkpoints\n", all ? "not ok" : "ok", number);
    MPI_Finalize();
    return all != 0;
}
