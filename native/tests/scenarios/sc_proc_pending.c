/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Hundreds of queued signals with what they carry, for the process and for one thread, in their order. */
#include "scenario.h"

#include <pthread.h>
#include <signal.h>

#define COUNT 300
#define FOR_PROCESS (SIGRTMIN + 2)
#define FOR_THREAD (SIGRTMIN + 4)

static volatile int ready, go_on;
static char wrong[128];

static void take(int number, int count, const char *what)
{
    const struct timespec at_once = {0, 0};
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    for (int i = 0; i < count; i++)
        if (sigtimedwait(&set, &info, &at_once) != number || info.si_value.sival_int != i ||
            info.si_code != SI_QUEUE || info.si_uid != getuid()) {
            snprintf(wrong, sizeof(wrong), "signal %d for the %s: value %d, code %d", i, what,
                     info.si_value.sival_int, info.si_code);
            return;
        }
    if (sigtimedwait(&set, &info, &at_once) == number)
        snprintf(wrong, sizeof(wrong), "one signal too many for the %s", what);
}

static void *run(void *unused)
{
    for (int i = 0; i < COUNT; i++)
        pthread_sigqueue(pthread_self(), FOR_THREAD, (union sigval){.sival_int = i});
    ready = 1;
    while (!go_on)
        usleep(1000);
    take(FOR_THREAD, COUNT, "thread");
    return unused;
}

int main(int argc, char **argv)
{
    siginfo_t info;
    pthread_t thread;
    sigset_t set;

    sc_init(argc, argv, "queued signals keep number, order and contents");
    sigemptyset(&set);
    sigaddset(&set, FOR_PROCESS);
    sigaddset(&set, FOR_THREAD);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, run, NULL);
    while (!ready)
        usleep(1000);
    for (int i = 0; i < COUNT; i++)
        sigqueue(getpid(), FOR_PROCESS, (union sigval){.sival_int = i});
    kill(getpid(), SIGTERM);
    sc_ready();
    sc_wait();
    go_on = 1;
    pthread_join(thread, NULL);
    take(FOR_PROCESS, COUNT, "process");
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    if (sigwaitinfo(&set, &info) != SIGTERM || info.si_code != SI_USER)
        sc_fail("the code of kill() has become %d", info.si_code);
    if (wrong[0] != '\0')
        sc_fail("%s", wrong);
    sc_pass();
}
