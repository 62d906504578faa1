/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling policy, nice value, CPUs, I/O priority, timer slack, name and death signal: each thread has its own. */
#include "scenario.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define THREADS 4
#define BEST_EFFORT(level) (2 << 13 | (level))

static volatile int set_up_count, go_on;
static char wrong[THREADS][128];

static const int POLICIES[THREADS] = {SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR};

/* Real time needs a right that root in a control group without a share of it does not have either. */
static int may_run_in_real_time(void)
{
    struct sched_param parameter = {.sched_priority = 1};
    const struct sched_param other = {0};
    int may = syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &parameter) == 0;

    syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &other);
    return may;
}

static int policy_of(int i)
{
    static int may = -1;

    if (may < 0)
        may = may_run_in_real_time();
    return i >= 2 && !may ? SCHED_BATCH : POLICIES[i];
}

static int priority_of(int i)
{
    return policy_of(i) == SCHED_FIFO || policy_of(i) == SCHED_RR ? 3 + i : 0;
}

static void set_up(int i)
{
    struct sched_param parameter = {.sched_priority = priority_of(i)};
    cpu_set_t cpus;
    char name[16];

    CPU_ZERO(&cpus);
    CPU_SET(i % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
    if (syscall(SYS_sched_setscheduler, 0, policy_of(i), &parameter) != 0)
        snprintf(wrong[i], sizeof(wrong[i]), "no policy %d", policy_of(i));
    setpriority(PRIO_PROCESS, (id_t)gettid(), 5 + i);
    syscall(SYS_ioprio_set, 1, 0, BEST_EFFORT(3 + i));
    prctl(PR_SET_TIMERSLACK, 70000 + i);
    prctl(PR_SET_PDEATHSIG, SIGUSR1 + i);
    snprintf(name, sizeof(name), "worker %d", i);
    prctl(PR_SET_NAME, name);
}

static void check(int i)
{
    struct sched_param parameter;
    cpu_set_t cpus;
    int death = 0;
    char name[16] = "";

    syscall(SYS_sched_getparam, 0, &parameter);
    sched_getaffinity(0, sizeof(cpus), &cpus);
    prctl(PR_GET_PDEATHSIG, &death);
    prctl(PR_GET_NAME, name);
    if (sched_getscheduler(0) != policy_of(i) || parameter.sched_priority != priority_of(i))
        snprintf(wrong[i], sizeof(wrong[i]), "policy %d", sched_getscheduler(0));
    else if (getpriority(PRIO_PROCESS, 0) != 5 + i)
        snprintf(wrong[i], sizeof(wrong[i]), "nice %d", getpriority(PRIO_PROCESS, 0));
    else if (CPU_COUNT(&cpus) != 1 || !CPU_ISSET(i % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpus))
        snprintf(wrong[i], sizeof(wrong[i]), "other CPUs");
    else if (syscall(SYS_ioprio_get, 1, 0) != BEST_EFFORT(3 + i))
        snprintf(wrong[i], sizeof(wrong[i]), "I/O priority %lx", syscall(SYS_ioprio_get, 1, 0));
    else if (priority_of(i) == 0 && prctl(PR_GET_TIMERSLACK) != 70000 + i)
        snprintf(wrong[i], sizeof(wrong[i]), "timer slack %d", prctl(PR_GET_TIMERSLACK));
    else if (death != SIGUSR1 + i)
        snprintf(wrong[i], sizeof(wrong[i]), "death signal %d", death);
    else if (strncmp(name, "worker ", 7) != 0 || name[7] != '0' + i)
        snprintf(wrong[i], sizeof(wrong[i]), "name %s", name);
}

static void *run(void *argument)
{
    int i = (int)(long)argument;

    set_up(i);
    __atomic_add_fetch(&set_up_count, 1, __ATOMIC_SEQ_CST);
    while (!go_on)
        usleep(1000);
    if (wrong[i][0] == '\0')
        check(i);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    cpu_set_t all;
    cpu_set_t now;

    sc_init(argc, argv, "each thread keeps its scheduling, CPUs and settings");
    sched_getaffinity(0, sizeof(all), &all);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    while (set_up_count < THREADS)
        usleep(1000);
    sc_ready();
    sc_wait();
    go_on = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        if (wrong[i][0] != '\0')
            sc_fail("thread %d: %s", i, wrong[i]);
    sched_getaffinity(0, sizeof(now), &now);
    if (!CPU_EQUAL(&all, &now) || sched_getscheduler(0) != SCHED_OTHER)
        sc_fail("the main thread has got settings of another one");
    sc_pass();
}
