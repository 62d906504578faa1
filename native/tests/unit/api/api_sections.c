/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Critical sections: errors, nesting, and threads that enter and leave while checkpoints are taken without a pause. In a
 * section a thread breaks an invariant; a callback, which only runs when none is open, would see it broken.
 */
#include "api_test.h"

#include <sys/mman.h>

#define THREADS 4
#define ROUNDS 40

static volatile int stop;
static volatile long lefts[THREADS], rights[THREADS];
static volatile long handled[THREADS];
static volatile int broken, checks;
static volatile int callback_sections;

static int look(void *unused)
{
    (void)unused;
    checks++;
    for (int i = 0; i < THREADS; i++)
        broken += lefts[i] != rights[i];
    callback_sections |= cr_enter_cs(CR_ID_CALLBACK) != 0 || cr_tryenter_cs(CR_ID_CALLBACK) != 0 ||
                         cr_leave_cs(CR_ID_CALLBACK) != 0;
    cr_checkpoint(0);
    return 0;
}

static __thread int own_number = -1;
static __thread cr_client_id_t own_id;

/* Sections may be entered in handlers, whatever the thread does at that moment. */
static void handle(int number)
{
    (void)number;
    if (own_number < 0)
        return;
    cr_enter_cs(own_id);
    handled[own_number]++;
    cr_leave_cs(own_id);
}

static void *work(void *argument)
{
    long n = (long)argument;

    own_id = cr_init();
    own_number = (int)n;
    while (!stop) {
        if (n % 2 == 0)
            cr_enter_cs(own_id);
        else if (cr_tryenter_cs(own_id) != 0)
            continue;
        lefts[n]++;
        cr_enter_cs(own_id);
        for (volatile int i = 0; i < 50; i++)
            ;
        cr_leave_cs(own_id);
        rights[n]++;
        cr_leave_cs(own_id);
    }
    own_number = -1;
    return NULL;
}

static int checkpoint(void)
{
    static const struct timeval limit = {60, 0};
    struct timeval t = limit;
    cr_checkpoint_args_t args;
    cr_checkpoint_handle_t handle;
    int rc;

    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = CR_SCOPE_PROC;
    args.cr_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    rc = cr_request_checkpoint(&args, &handle);
    if (rc == 0)
        rc = cr_poll_checkpoint(&handle, &t);
    close(args.cr_fd);
    return rc;
}

static void check_errors(cr_client_id_t id)
{
    tap_ok(cr_leave_cs(id) == -1 && errno == EINVAL, "leaving without being in one: EINVAL");
    tap_ok(cr_enter_cs(id + 1) == -1 && errno == EINVAL, "a bad id: EINVAL");
    tap_ok(cr_enter_cs(CR_ID_CALLBACK) == -1 && errno == EINVAL,
           "the callbacks' id outside of them: EINVAL");
    tap_ok(cr_enter_cs(id) == 0 && cr_enter_cs(id) == 0 && cr_tryenter_cs(id) == 0 &&
               cr_leave_cs(id) == 0 && cr_leave_cs(id) == 0 && cr_leave_cs(id) == 0,
           "they nest");
    tap_ok(cr_leave_cs(id) == -1, "and no deeper than they were entered");
}

static void *without_init(void *unused)
{
    (void)unused;
    tap_ok(cr_enter_cs(0) == -1 && errno == CR_ENOINIT, "without cr_init(): CR_ENOINIT");
    tap_ok(cr_status() == -1 && errno == CR_ENOINIT, "cr_status() as well");
    tap_ok(cr_register_callback(look, NULL, CR_THREAD_CONTEXT) == -1 && errno == CR_ENOINIT,
           "and cr_register_callback()");
    return NULL;
}

static void *try_enter(void *result)
{
    cr_client_id_t id = cr_init();

    *(int *)result = cr_tryenter_cs(id);
    return NULL;
}

/* The request waits for us, and is done when we have left. */
static void check_pending(cr_client_id_t id)
{
    struct timeval moment = {0, 50000};
    cr_checkpoint_args_t args;
    cr_checkpoint_handle_t handle;
    pthread_t thread;
    int before = checks;
    int entered = -2;

    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = CR_SCOPE_PROC;
    args.cr_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    tap_ok(cr_enter_cs(id) == 0 && cr_request_checkpoint(&args, &handle) == 0,
           "a checkpoint is asked for inside a section");
    tap_ok(await(cr_status() == CR_STATE_PENDING), "it becomes pending");
    tap_ok(cr_wait_checkpoint(&handle, &moment) == 0 && checks == before, "and waits");
    tap_ok(pthread_create(&thread, NULL, try_enter, &entered) == 0 &&
               pthread_join(thread, NULL) == 0 && entered == 1,
           "cr_tryenter_cs() of another thread returns 1 meanwhile");
    tap_ok(cr_enter_cs(id) == 0 && cr_leave_cs(id) == 0, "the thread inside may go deeper");
    tap_ok(cr_leave_cs(id) == 0 && checks == before + 1,
           "leaving the last one takes the checkpoint before it returns");
    tap_ok(cr_poll_checkpoint(&handle, NULL) > 0, "it was taken");
    close(args.cr_fd);
}

int main(void)
{
    pthread_t threads[THREADS];
    cr_client_id_t id;
    int taken = 0;
    long all = 0;

    pthread_create(&threads[0], NULL, without_init, NULL);
    pthread_join(threads[0], NULL);
    id = cr_init();
    tap_ok(id >= 0 && cr_init() == id, "cr_init() returns one id for one thread");
    check_errors(id);
    tap_ok(cr_register_callback(look, NULL, CR_THREAD_CONTEXT) > 0, "a callback is registered");
    check_pending(id);
    signal(SIGUSR1, handle);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < ROUNDS; i++) {
        taken += checkpoint() > 0;
        for (int n = 0; n < THREADS; n++)
            pthread_kill(threads[n], SIGUSR1);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        all += lefts[i] > 0 && lefts[i] == rights[i];
    tap_ok(taken == ROUNDS, "40 checkpoints while 4 threads enter and leave sections");
    tap_ok(broken == 0 && checks == ROUNDS + 1, "none of them was taken inside a section");
    tap_ok(all == THREADS, "every thread got on");
    tap_ok(handled[0] + handled[1] + handled[2] + handled[3] > 0, "handlers entered sections, too");
    tap_ok(callback_sections == 0, "in callbacks sections do nothing");
    return tap_done();
}
