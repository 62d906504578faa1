/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replacing callbacks, hooks, holding, what fork() does to callbacks, the ends of threads, spin locks, words for errors.
 * Checkpoints itself into the file named; api.sh restarts it from there, twice with the argument of cr_restart's source.
 */
#include "api_test.h"

static const char *image;

/* ---- registering and replacing ---- */

static volatile int first_runs, second_runs;
static volatile int self_rc, self_other_context;

static int first(void *unused)
{
    (void)unused;
    first_runs++;
    return 0;
}

static int second(void *unused)
{
    (void)unused;
    second_runs++;
    return 0;
}

static int replaces_itself(void *unused)
{
    (void)unused;
    first_runs++;
    self_other_context = cr_replace_self(second, NULL, CR_SIGNAL_CONTEXT) == -1 ? errno : 0;
    self_rc = cr_replace_self(second, NULL, CR_THREAD_CONTEXT);
    return 0;
}

static int checkpoint(void)
{
    first_runs = second_runs = 0;
    return cr_checkpoint_self(image);
}

static void check_replacing(void)
{
    int id = cr_register_callback(first, NULL, CR_THREAD_CONTEXT);

    tap_ok(id > 0 && (id & CR_THREAD_CONTEXT) != 0, "an id");
    tap_ok(cr_register_callback(first, NULL, 0) == -1 && errno == EINVAL, "a context is needed");
    tap_ok(cr_register_callback(first, NULL, CR_THREAD_CONTEXT | CR_SIGNAL_CONTEXT) == -1 &&
               errno == EINVAL,
           "exactly one");
    tap_ok(cr_register_callback(NULL, NULL, CR_SIGNAL_CONTEXT) == -1 && errno == EINVAL,
           "and a function");
    tap_ok(checkpoint() == 0 && first_runs == 1, "it is called");
    tap_ok(cr_replace_callback(id, second, NULL, CR_SIGNAL_CONTEXT) == -1 && errno == EINVAL,
           "a replacement has the same context");
    tap_ok(cr_replace_callback(id + 1, second, NULL, CR_THREAD_CONTEXT) == -1 && errno == EINVAL,
           "the id must be one");
    tap_ok(cr_replace_callback(id, second, NULL, CR_THREAD_CONTEXT) == id && checkpoint() == 0 &&
               first_runs == 0 && second_runs == 1,
           "the replacement is called");
    tap_ok(cr_replace_callback(id, NULL, NULL, CR_THREAD_CONTEXT) == id && checkpoint() == 0 &&
               first_runs + second_runs == 0,
           "NULL switches off");
    tap_ok(cr_replace_self(first, NULL, CR_THREAD_CONTEXT) == -1 && errno == CR_ENOTCB,
           "cr_replace_self() belongs into callbacks");
    cr_replace_callback(id, replaces_itself, NULL, CR_THREAD_CONTEXT);
    tap_ok(checkpoint() == 0 && first_runs == 1 && second_runs == 0 && self_rc == id &&
               self_other_context == EINVAL,
           "a callback replaces itself");
    tap_ok(checkpoint() == 0 && first_runs == 0 && second_runs == 1, "from the next time on");
    cr_replace_callback(id, NULL, NULL, CR_THREAD_CONTEXT);
    id = cr_register_callback(first, NULL, CR_SIGNAL_CONTEXT);
    tap_ok(checkpoint() == 0 && first_runs == 1, "in signal context, too");
    tap_ok(cr_replace_callback(id, NULL, NULL, CR_SIGNAL_CONTEXT) == id && checkpoint() == 0 &&
               first_runs == 0,
           "and off");
    tap_ok(cr_get_checkpoint_info() == NULL && cr_get_restart_info() == NULL,
           "outside of callbacks there is no info");
    tap_ok(cr_forward_checkpoint(CR_SCOPE_PROC, 1) == -1 && errno == CR_ENOTCB,
           "and nothing can be forwarded");
}

static volatile int many_runs;

static int one_of_many(void *unused)
{
    (void)unused;
    many_runs++;
    return 0;
}

static void check_many(void)
{
    static int ids[500];
    int good = 0;

    for (int i = 0; i < 500; i++)
        good += (ids[i] = cr_register_callback(one_of_many, NULL, CR_THREAD_CONTEXT)) > 0;
    tap_ok(good == 500 && checkpoint() == 0 && many_runs == 500, "500 callbacks run");
    for (int i = 0; i < 500; i++)
        cr_replace_callback(ids[i], NULL, NULL, CR_THREAD_CONTEXT);
}

/* ---- hooks ---- */

static volatile int hook_runs[CR_NUM_HOOKS];
static volatile int hook_before_callback;

static void hook(cr_hook_event_t event)
{
    hook_runs[event]++;
}

static int after_hook(void *unused)
{
    int rc;

    (void)unused;
    rc = cr_checkpoint(0);
    hook_before_callback +=
        hook_runs[rc > 0 ? CR_HOOK_RSTRT_THREAD_CONTEXT : CR_HOOK_CONT_THREAD_CONTEXT];
    return 0;
}

static volatile int stop;

static void *idle(void *unused)
{
    while (!stop)
        usleep(1000);
    return unused;
}

static void set_hooks(cr_hook_fn_t function)
{
    for (int i = 0; i < CR_NUM_HOOKS; i++)
        cr_register_hook((cr_hook_event_t)i, function);
}

static void check_hooks(void)
{
    pthread_t thread;
    int in_thread, in_signal;

    tap_ok(cr_register_hook((cr_hook_event_t)6, hook) == CR_HOOK_FN_ERROR && errno == EINVAL,
           "an unknown event is refused");
    tap_ok(cr_register_hook(CR_HOOK_CONT_NO_CALLBACKS, hook) == NULL &&
               cr_register_hook(CR_HOOK_CONT_NO_CALLBACKS, NULL) == hook,
           "the function before is returned");
    set_hooks(hook);
    in_thread = cr_register_callback(after_hook, NULL, CR_THREAD_CONTEXT);
    in_signal = cr_register_callback(second, NULL, CR_SIGNAL_CONTEXT);
    pthread_create(&thread, NULL, idle, NULL);
    if (checkpoint() == 0)
        tap_ok(hook_runs[CR_HOOK_CONT_SIGNAL_CONTEXT] == 1 &&
                   hook_runs[CR_HOOK_CONT_THREAD_CONTEXT] == 1 &&
                   hook_runs[CR_HOOK_CONT_NO_CALLBACKS] == 1,
               "each hook runs once for each thread that it is for");
    tap_ok(hook_before_callback == 1, "before what is left of the callbacks");
    tap_ok(hook_runs[CR_HOOK_RSTRT_SIGNAL_CONTEXT] + hook_runs[CR_HOOK_RSTRT_THREAD_CONTEXT] +
                   hook_runs[CR_HOOK_RSTRT_NO_CALLBACKS] ==
               0,
           "and not those of the other event");
    stop = 1;
    pthread_join(thread, NULL);
    set_hooks(NULL);
    cr_replace_callback(in_thread, NULL, NULL, CR_THREAD_CONTEXT);
    cr_replace_callback(in_signal, NULL, NULL, CR_SIGNAL_CONTEXT);
}

/* ---- holding ---- */

static volatile unsigned long turns;
static volatile int went_on;

static void *turn(void *unused)
{
    stop = 0;
    while (!stop)
        turns++;
    return unused;
}

static int wait_for_turns(void *unused)
{
    unsigned long before;

    (void)unused;
    cr_checkpoint(0);
    before = turns;
    for (int i = 0; i < 50 && turns == before; i++)
        usleep(1000);
    went_on = turns != before;
    return 0;
}

static void check_hold(void)
{
    pthread_t thread;
    int id;

    tap_ok(cr_hold_ctrl(CR_HOLD_SCOPE_THREAD, CR_HOLD_READ) == CR_HOLD_DFLT &&
               cr_hold_ctrl(CR_HOLD_SCOPE_INIT, CR_HOLD_READ) == CR_HOLD_BOTH &&
               cr_hold_ctrl(CR_HOLD_SCOPE_UNINIT, CR_HOLD_READ) == CR_HOLD_BOTH,
           "all threads are held by default");
    tap_ok(cr_hold_ctrl(3, CR_HOLD_NONE) == -1 && errno == EINVAL &&
               cr_hold_ctrl(CR_HOLD_SCOPE_INIT, CR_HOLD_DFLT) == -1 && errno == EINVAL &&
               cr_hold_ctrl(CR_HOLD_SCOPE_THREAD, 17) == -1 && errno == EINVAL,
           "bad scopes and flags are refused");
    pthread_create(&thread, NULL, turn, NULL);
    id = cr_register_callback(wait_for_turns, NULL, CR_THREAD_CONTEXT);
    tap_ok(await(turns != 0) && checkpoint() == 0 && !went_on,
           "a held thread waits for the callbacks of others");
    tap_ok(cr_hold_ctrl(CR_HOLD_SCOPE_UNINIT, CR_HOLD_RSTRT) == CR_HOLD_BOTH && checkpoint() == 0 &&
               went_on,
           "one that is not held goes on");
    tap_ok(cr_hold_ctrl(CR_HOLD_SCOPE_UNINIT, CR_HOLD_BOTH) == CR_HOLD_RSTRT && checkpoint() == 0 &&
               !went_on,
           "and is held again");
    tap_ok(cr_hold_ctrl(CR_HOLD_SCOPE_THREAD, CR_HOLD_NONE) == CR_HOLD_DFLT && checkpoint() == 0 &&
               cr_hold_ctrl(CR_HOLD_SCOPE_THREAD, CR_HOLD_DFLT) == CR_HOLD_NONE,
           "for the calling thread as well");
    stop = 1;
    pthread_join(thread, NULL);
    cr_replace_callback(id, NULL, NULL, CR_THREAD_CONTEXT);
}

/* ---- fork ---- */

static volatile int fork_status = -1;

static int in_child(void *unused)
{
    (void)unused;
    first_runs++;
    return 0;
}

static int forks(void *unused)
{
    pid_t child;
    int status = -1;

    (void)unused;
    child = fork();
    if (child == 0)
        _exit(cr_checkpoint(0) == -CR_ENOTCB ? 0 : 1);
    waitpid(child, &status, 0);
    fork_status = status;
    return 0;
}

static int child_main(void)
{
    char name[4096];
    int before;

    snprintf(name, sizeof(name), "%s.child", image);
    first_runs = 0;
    if (!await(cr_available()) || cr_status() != CR_STATE_IDLE)
        return 2;
    if (cr_checkpoint_self(name) != 0)
        return 3;
    unlink(name);
    before = first_runs;
    return before == 2 ? 0 : 10 + before;
}

static void check_fork(void)
{
    int in_thread = cr_register_callback(in_child, NULL, CR_THREAD_CONTEXT);
    int in_signal = cr_register_callback(in_child, NULL, CR_SIGNAL_CONTEXT);
    int status = -1;
    pid_t child = fork();

    if (child == 0)
        _exit(child_main());
    waitpid(child, &status, 0);
    tap_ok(status == 0, "a child of fork() has copies of the callbacks");
    if (status != 0)
        printf("# status %d\n", status >> 8);
    cr_replace_callback(in_signal, NULL, NULL, CR_SIGNAL_CONTEXT);
    cr_replace_callback(in_thread, forks, NULL, CR_THREAD_CONTEXT);
    tap_ok(checkpoint() == 0 && fork_status == 0,
           "in a child that a callback forks no checkpoint goes on");
    cr_replace_callback(in_thread, NULL, NULL, CR_THREAD_CONTEXT);
}

/* ---- threads end ---- */

static pthread_key_t key;
static volatile int in_destructor;

static void destructor(void *unused)
{
    (void)unused;
    in_destructor = cr_status() >= 0 && cr_enter_cs(cr_init()) == 0 &&
                    cr_leave_cs(cr_init()) == 0 && cr_dec_persist() == 1;
}

static void *ends(void *unused)
{
    cr_init();
    cr_register_callback(second, NULL, CR_SIGNAL_CONTEXT);
    return unused;
}

static void *ends_late(void *unused)
{
    cr_init();
    pthread_setspecific(key, &key);
    return cr_inc_persist() == 0 ? unused : NULL;
}

static void *ends_in_section(void *unused)
{
    cr_enter_cs(cr_init());
    return unused;
}

static void run(void *(*main)(void *))
{
    pthread_t thread;

    pthread_create(&thread, NULL, main, &key);
    pthread_join(thread, NULL);
}

static void check_ends(void)
{
    run(ends);
    tap_ok(checkpoint() == 0 && second_runs == 0, "the callbacks of a thread end with it");
    pthread_key_create(&key, destructor);
    run(ends_late);
    tap_ok(in_destructor, "a thread's destructors may use the library with cr_inc_persist()");
    tap_ok(cr_dec_persist() == -1 && errno == ERANGE, "it cannot be lowered below 0");
    run(ends_in_section);
    tap_ok(checkpoint() == 0, "a thread that ends leaves its critical section");
}

/* ---- locks, words, and the rest ---- */

static cr_spinlock_t lock = CR_SPINLOCK_INITIALIZER;
static long counted;

static void *count(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        cr_spinlock_lock(&lock);
        counted++;
        cr_spinlock_unlock(&lock);
    }
    return unused;
}

static void check_lock(void)
{
    cr_spinlock_t other;
    pthread_t threads[3];

    cr_spinlock_init(&other);
    tap_ok(cr_spinlock_trylock(&other) != 0 && cr_spinlock_trylock(&other) == 0,
           "a lock is taken once");
    cr_spinlock_unlock(&other);
    tap_ok(cr_spinlock_trylock(&other) != 0, "and free again");
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    tap_ok(counted == 60000, "three threads count without a loss");
}

static void check_words(void)
{
    int good = 0;

    for (int i = CR_ETEMPFAIL; i <= CR_ENOINIT; i++)
        good += strncmp(cr_strerror(i), "unknown", 7) != 0;
    tap_ok(good == 12, "cr_strerror() knows BLCR's errors");
    tap_equal_text(cr_strerror(ENOENT), strerror(ENOENT), "errno");
    tap_equal_text(cr_strerror(1300), "file is not a Quiesce image", "and Quiesce's own");
    tap_equal_text(cr_strerror(123456), "unknown error 123456", "and says when it does not know");
}

/* ---- the restarted process ---- */

static char source[4096];
static volatile int restarted_requester;

static int learn(void *unused)
{
    const struct cr_restart_info *info;

    (void)unused;
    cr_checkpoint(0);
    info = cr_get_restart_info();
    if (info != NULL) {
        restarted_requester = info->requester;
        snprintf(source, sizeof(source), "%s", info->src);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int rc;

    if (argc < 2 || cr_init() < 0)
        return 2;
    image = argv[1];
    check_replacing();
    check_many();
    check_hooks();
    check_hold();
    check_fork();
    check_ends();
    check_lock();
    check_words();
    cr_register_callback(learn, NULL, CR_THREAD_CONTEXT);
    set_hooks(hook);
    memset((void *)hook_runs, 0, sizeof(hook_runs));
    rc = checkpoint();
    tap_ok(rc == 0 || (restarted_requester > 0 && hook_runs[CR_HOOK_RSTRT_THREAD_CONTEXT] == 1 &&
                       hook_runs[CR_HOOK_RSTRT_NO_CALLBACKS] == 1 &&
                       hook_runs[CR_HOOK_CONT_THREAD_CONTEXT] == 0),
           rc == 0 ? "the last checkpoint"
                   : "in the restarted process the info and the hooks of a restart are there");
    if (rc == 1)
        tap_equal_text(source, image, "with the file that it comes from");
    return rc < 0 ? 3 : tap_done();
}
