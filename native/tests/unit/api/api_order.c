/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of callbacks under threads, before and after a checkpoint and after a restart. Checkpoints itself into the file
 * named; api.sh restarts it from there.
 */
#include "api_test.h"

static volatile int stop_working;
static volatile unsigned long work[2];
static volatile unsigned long work_seen; /* by the last callback before the checkpoint */
static volatile int worked_in_hold;
static pid_t library_tid;

static int say(char who, int outcome_expected)
{
    int rc;

    (void)outcome_expected;
    note(who, '<', cr_get_checkpoint_info() != NULL);
    rc = cr_checkpoint(CR_CHECKPOINT_READY);
    note(who, '>', rc);
    return 0;
}

static int in_thread(void *who)
{
    library_tid = gettid();
    return say(*(const char *)who, 0);
}

static int in_signal(void *who)
{
    return say(*(const char *)who, 0);
}

/* The library calls cr_checkpoint() for it. */
static int without_call(void *who)
{
    note(*(const char *)who, '<', 0);
    return 0;
}

/* The first registered, so the last to run after the checkpoint: nobody has gone on by then. */
static int watch(void *who)
{
    unsigned long before = work[0] + work[1];
    int rc;

    note(*(const char *)who, '<', 0);
    rc = cr_checkpoint(0);
    before = work[0] + work[1];
    for (int i = 0; i < 200; i++)
        usleep(100);
    worked_in_hold = work[0] + work[1] != before;
    note(*(const char *)who, '>', rc);
    return 0;
}

static void *worker(void *number)
{
    static const char who[2][2] = {{'A', 'B'}, {'C', 'D'}};
    long n = (long)number;

    cr_init();
    if (cr_register_callback(in_signal, (void *)&who[n][0], CR_SIGNAL_CONTEXT) < 0 ||
        cr_register_callback(in_signal, (void *)&who[n][1], CR_SIGNAL_CONTEXT) < 0)
        return number;
    work[n] = 1;
    while (!stop_working)
        work[n]++;
    return NULL;
}

static void check_story(int outcome)
{
    const struct note *n;
    int same = 1;

    printf("# %s\n", story());
    tap_ok(when('Z', '<') < when('Y', '<') && when('Y', '<') < when('X', '<') &&
               when('X', '<') < when('W', '<') && when('Z', '<') >= 0,
           "in thread context the one registered last runs first");
    tap_ok(when('W', '<') < when('B', '<') && when('W', '<') < when('D', '<') &&
               when('W', '<') < when('M', '<'),
           "all in thread context have reached cr_checkpoint() before any in signal context");
    tap_ok(when('B', '<') < when('A', '<') && when('D', '<') < when('C', '<'),
           "in signal context, too");
    tap_ok(when('A', '>') < when('B', '>') && when('C', '>') < when('D', '>') && when('A', '>') > 0,
           "afterwards the order is the opposite one");
    tap_ok(when('B', '>') < when('W', '>') && when('D', '>') < when('W', '>'),
           "those in signal context end first");
    tap_ok(when('W', '>') < when('X', '>') && when('X', '>') < when('Z', '>'),
           "then those in thread context, nested");
    tap_ok(when('Y', '>') < 0, "one that does not call cr_checkpoint() returns before it");
    for (const char *who = "ABCDMXZ"; *who != '\0'; who++) {
        n = at(*who, '>');
        same = same && n->value == outcome;
    }
    tap_ok(same, outcome != 0 ? "cr_checkpoint() returns 1 in the restarted process"
                              : "cr_checkpoint() returns 0 where the process goes on");
    tap_ok(at('Z', '<')->value == 1, "the info of the checkpoint is there before it");
    tap_ok(at('A', '<')->tid == at('B', '<')->tid && at('A', '<')->tid != at('C', '<')->tid &&
               at('A', '<')->tid != library_tid && at('Z', '<')->tid == library_tid &&
               at('W', '<')->tid == library_tid,
           "signal context is the thread's own, thread context the library's");
    tap_ok(at('M', '<')->tid == getpid() || outcome != 0, "that of the main thread, too");
    tap_ok(!worked_in_hold, "no thread runs normal code before the last callback has ended");
}

int main(int argc, char **argv)
{
    static const char names[] = "WXYZM";
    pthread_t threads[2];
    int rc;

    if (argc < 2 || cr_init() < 0)
        return 2;
    cr_register_callback(watch, (void *)&names[0], CR_THREAD_CONTEXT);
    cr_register_callback(in_thread, (void *)&names[1], CR_THREAD_CONTEXT);
    cr_register_callback(without_call, (void *)&names[2], CR_THREAD_CONTEXT);
    cr_register_callback(in_thread, (void *)&names[3], CR_THREAD_CONTEXT);
    cr_register_callback(in_signal, (void *)&names[4], CR_SIGNAL_CONTEXT);
    for (long i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, worker, (void *)i) != 0)
            return 2;
    tap_ok(await(work[0] != 0 && work[1] != 0), "threads have registered their callbacks");
    rc = cr_checkpoint_self(argv[1]);
    work_seen = work[0];
    tap_ok(rc == 0 || rc == 1, rc == 1 ? "restarted" : "checkpointed");
    if (rc < 0)
        printf("# %s\n", cr_strerror(errno));
    check_story(rc);
    tap_ok(await(work[0] != work_seen), "threads run on");
    if (rc == 0) {
        forget_story();
        rc = cr_checkpoint_self(argv[1]);
        tap_ok(rc == 0 || rc == 1,
               rc == 1 ? "restarted from the second image" : "checkpointed again");
        check_story(rc);
    }
    stop_working = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return tap_done();
}
