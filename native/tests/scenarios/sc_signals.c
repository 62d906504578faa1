/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers, masks of each thread, alternate stacks, pending signals, and a thread that is inside a
 * handler when it is saved.
 */
#include "scenario.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

static volatile int on_stack, in_handler, leave_handler, left_handler, usr2, stop;
static volatile int queued[3];
static volatile int queued_count;
static uint8_t alternate[65536];

static void on_usr1(int number)
{
    char here;

    (void)number;
    on_stack = (uint8_t *)&here >= alternate && (uint8_t *)&here < alternate + sizeof(alternate);
}

static void on_usr2(int number)
{
    (void)number;
    usr2++;
}

static void on_hup(int number)
{
    (void)number;
    in_handler = 1;
    while (!leave_handler)
        usleep(1000);
    left_handler = 1;
}

static void on_queued(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (queued_count < 3)
        queued[queued_count++] = info->si_value.sival_int;
}

/* Blocks everything, even what it may not; waits in its own handler. */
static void *wait_in_handler(void *unused)
{
    sigset_t all;

    sigfillset(&all);
    sigdelset(&all, SIGHUP);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    while (!stop)
        usleep(1000);
    return unused;
}

static void block(int number)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int is_blocked(int number)
{
    sigset_t now;

    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return sigismember(&now, number);
}

static void set_up(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    struct sigaction info = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO};

    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN + 3, &info, NULL);
    signal(SIGUSR2, on_usr2);
    action.sa_handler = on_hup;
    sigfillset(&action.sa_mask); /* with the stop signal in it */
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(61, SIG_IGN); /* has no effect on checkpoints */
}

static void check(void)
{
    struct sigaction action;
    stack_t stack;

    sigaltstack(NULL, &stack);
    if (stack.ss_sp != alternate || stack.ss_size != sizeof(alternate))
        sc_fail("the alternate stack is another one");
    sigaction(SIGPIPE, NULL, &action);
    if (action.sa_handler != SIG_IGN)
        sc_fail("SIGPIPE is not ignored any more");
    sigaction(61, NULL, &action);
    if (action.sa_handler != SIG_IGN)
        sc_fail("the action that was set for signal 61 is not shown");
    if (!is_blocked(SIGUSR2) || is_blocked(SIGTERM))
        sc_fail("the signal mask has changed");
    if (usr2 != 0 || queued_count != 0)
        sc_fail("a blocked signal was delivered");
    raise(SIGUSR1);
    if (!on_stack)
        sc_fail("the handler did not run on the alternate stack");
}

static void check_pending(void)
{
    sigset_t none;

    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    if (usr2 != 1)
        sc_fail("the pending SIGUSR2 was delivered %d times", usr2);
    if (queued_count != 3 || queued[0] != 7 || queued[1] != 8 || queued[2] != 9)
        sc_fail("%d queued signals came: %d %d %d", queued_count, queued[0], queued[1], queued[2]);
}

int main(int argc, char **argv)
{
    pthread_t thread;

    sc_init(argc, argv, "signals stay as they are");
    set_up();
    pthread_create(&thread, NULL, wait_in_handler, NULL);
    pthread_kill(thread, SIGHUP);
    while (!in_handler)
        usleep(1000);
    block(SIGUSR2);
    block(SIGRTMIN + 3);
    raise(SIGUSR2);
    for (int i = 7; i < 10; i++)
        sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = i});
    sc_ready();
    sc_wait();
    check();
    check_pending();
    leave_handler = 1;
    for (int i = 0; i < 1000 && !left_handler; i++)
        usleep(1000);
    if (!left_handler)
        sc_fail("a thread did not leave its handler");
    stop = 1;
    pthread_join(thread, NULL);
    sc_pass();
}
