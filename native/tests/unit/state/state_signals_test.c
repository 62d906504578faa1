/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Actions and pending signals survive: none is lost, the order is kept, and each stays with its thread or the process. */
#include "state_support.h"

#include "cr_fault.h"
#include "cr_state_signals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int handled;

static void on_signal(int signal)
{
    handled = signal;
}

static void block_all(void)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* The C library's sigtimedwait() hides the difference between kill() and tgkill(). */
static int take(int signal, siginfo_t *info)
{
    static const struct timespec AT_ONCE;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return (int)syscall(SYS_rt_sigtimedwait, &set, info, &AT_ONCE, 8);
}

static void test_actions(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK};
    struct sigaction now;
    struct fixture f;

    sigaddset(&action.sa_mask, SIGALRM);
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_signals_collect(&f.state, &f.err)) == 0, "actions are collected");
    signal(SIGUSR1, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    tap_ok(fixture_say(&f, cr_signals_put_back(&f.state, &f.err)) == 0, "and put back");
    sigaction(SIGUSR1, NULL, &now);
    tap_ok(now.sa_handler == on_signal && (now.sa_flags & SA_RESTART) &&
               (now.sa_flags & SA_ONSTACK) && sigismember(&now.sa_mask, SIGALRM) == 1,
           "a handler has its flags and mask");
    sigaction(SIGPIPE, NULL, &now);
    tap_ok(now.sa_handler == SIG_IGN, "an ignored signal is ignored again");
    sigaction(SIGHUP, NULL, &now);
    tap_ok(now.sa_handler == SIG_DFL, "what the restart ignores is not inherited");
    raise(SIGUSR1);
    tap_ok(handled == SIGUSR1, "the handler runs");
    fixture_end(&f);
}

static void queue_own(int signal, int value)
{
    sigqueue(getpid(), signal, (union sigval){.sival_int = value});
}

static int values_are(int signal, const int *values, int count)
{
    siginfo_t info;

    for (int i = 0; i < count; i++) {
        if (take(signal, &info) != signal || info.si_value.sival_int != values[i])
            return 0;
    }
    return take(signal, &info) < 0 && errno == EAGAIN;
}

static void *run_process_pending(void *argument)
{
    static const int ORDER[] = {3, 1, 2};
    struct fixture f;
    siginfo_t info;

    (void)argument;
    kill(getpid(), SIGUSR2);
    for (int i = 0; i < 3; i++)
        queue_own(SIGRTMIN + 3, ORDER[i]);
    cr_signals_begin();
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_signals_collect(&f.state, &f.err)) == 0,
           "signals pending for the process are collected");
    tap_ok(take(SIGUSR2, &info) == SIGUSR2 && info.si_code == SI_USER && info.si_pid == getpid(),
           "a signal stays pending, with its sender");
    tap_ok(values_are(SIGRTMIN + 3, ORDER, 3), "queued signals stay, in their order");
    tap_ok(fixture_say(&f, cr_signals_queue_again(&f.state, &f.err)) == 0,
           "in another process they are made pending again");
    tap_ok(take(SIGUSR2, &info) == SIGUSR2 && info.si_code == SI_USER && info.si_pid == getpid(),
           "with sender");
    tap_ok(values_are(SIGRTMIN + 3, ORDER, 3), "and in their order");
    fixture_end(&f);
    return NULL;
}

/* The agent is a thread that is not the main one: the kernel lets it do less. */
static void test_process_pending(void)
{
    pthread_t agent;

    printf("# by the main thread\n");
    run_process_pending(NULL);
    printf("# by another thread\n");
    pthread_create(&agent, NULL, run_process_pending, NULL);
    pthread_join(agent, NULL);
}

static void *run_old_kernel(void *argument)
{
    struct fixture f;
    siginfo_t info;

    (void)argument;
    kill(getpid(), SIGUSR2);
    cr_signals_begin();
    cr_fault_init("signals:pidfd=fail");
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_signals_collect(&f.state, &f.err)) == 0 &&
               take(SIGUSR2, &info) == SIGUSR2 && info.si_pid == getpid(),
           "on a kernel before 6.9 no signal is lost, and its sender is kept");
    cr_fault_init(NULL);
    fixture_end(&f);
    return NULL;
}

static void test_old_kernel(void)
{
    pthread_t agent;

    pthread_create(&agent, NULL, run_old_kernel, NULL);
    pthread_join(agent, NULL);
}

struct parked {
    pthread_t thread;
    pthread_barrier_t barrier;
    int ok_live;
    int ok_restored;
    int tid;
};

static int check_own(void)
{
    static const int ORDER[] = {5, 4};
    siginfo_t info;

    /* SIGUSR1 is pending for the process too: that one must come second. */
    return take(SIGUSR1, &info) == SIGUSR1 && info.si_code == SI_TKILL &&
           values_are(SIGRTMIN + 5, ORDER, 2);
}

static void *run_parked(void *argument)
{
    struct parked *p = argument;
    union sigval value = {.sival_int = 5};

    p->tid = (int)syscall(SYS_gettid);
    pthread_kill(pthread_self(), SIGUSR1);
    pthread_sigqueue(pthread_self(), SIGRTMIN + 5, value);
    value.sival_int = 4;
    pthread_sigqueue(pthread_self(), SIGRTMIN + 5, value);
    cr_signals_collect_thread(1234);
    pthread_barrier_wait(&p->barrier);
    pthread_barrier_wait(&p->barrier);
    p->ok_live = check_own();
    cr_signals_put_back_thread(1234);
    p->ok_restored = check_own();
    return NULL;
}

static void test_thread_pending(void)
{
    quiesce_image_Signals *message = calloc(1, sizeof(*message));
    struct parked p = {0};
    struct fixture f;
    siginfo_t info;
    int own = 0;

    pthread_barrier_init(&p.barrier, NULL, 2);
    cr_signals_begin();
    kill(getpid(), SIGUSR1);
    pthread_create(&p.thread, NULL, run_parked, &p);
    pthread_barrier_wait(&p.barrier);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_signals_collect(&f.state, &f.err)) == 0,
           "signals of threads are collected");
    cr_state_decode(f.state.first, quiesce_image_Signals_fields, message, NULL);
    for (unsigned i = 0; i < message->pending_count; i++)
        own += message->pending[i].tid == 1234;
    tap_ok(own == 3 && message->pending_count == 4, "the image has each one, with its thread");
    pthread_barrier_wait(&p.barrier);
    pthread_join(p.thread, NULL);
    tap_ok(p.ok_live, "they stay pending for their thread");
    tap_ok(p.ok_restored, "and are made pending again for their thread");
    tap_ok(take(SIGUSR1, &info) == SIGUSR1 && info.si_code == SI_USER,
           "the one of the process is still the process's");
    fixture_end(&f);
    free(message);
}

static void test_late_signal(void)
{
    struct parked p = {0};
    struct fixture f;
    int rc;

    pthread_barrier_init(&p.barrier, NULL, 2);
    cr_signals_begin();
    pthread_create(&p.thread, NULL, run_parked, &p);
    pthread_barrier_wait(&p.barrier);
    pthread_kill(p.thread, SIGWINCH);
    fixture_begin(&f);
    rc = cr_signals_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -EAGAIN, "a signal that came after its thread had looked is noticed");
    pthread_barrier_wait(&p.barrier);
    pthread_join(p.thread, NULL);
    fixture_end(&f);
}

static void test_too_many(void)
{
    struct fixture f;
    siginfo_t info;
    int rc;
    int left = 0;

    for (int i = 0; i < CR_PENDING_MAX + 10; i++)
        queue_own(SIGRTMIN + 4, i);
    cr_signals_begin();
    fixture_begin(&f);
    rc = cr_signals_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED, "more pending signals than an image holds are refused");
    while (take(SIGRTMIN + 4, &info) > 0)
        left++;
    tap_equal_u64(left, CR_PENDING_MAX + 10, "and none is lost");
    fixture_end(&f);
}

int main(void)
{
    test_actions();
    block_all();
    test_process_pending();
    test_old_kernel();
    test_thread_pending();
    test_late_signal();
    test_too_many();
    return tap_done();
}
