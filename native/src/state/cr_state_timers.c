/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Interval timers and POSIX timers, with the time that was left. */
#include "cr_state_kinds.h"
#include "cr_state_util.h"

#include "cr_fmt.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#define PR_TIMER_CREATE_RESTORE_IDS 77
#define TRIES_MAX 100000

/* Clocks of CPU time by id are negative: ~pid << 3, and this bit for a thread. */
#define CPU_CLOCK_OF_THREAD 4

static int64_t to_us(const struct timeval *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static int64_t to_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static struct timeval from_us(int64_t us)
{
    return (struct timeval){us / 1000000, us % 1000000};
}

static struct timespec from_ns(int64_t ns)
{
    return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static void collect_interval_timers(quiesce_image_Timers *message)
{
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
        struct itimerval timer;

        if (cr_sys(SYS_getitimer, which, &timer) < 0 || to_us(&timer.it_value) == 0)
            continue;
        message->interval_timer[message->interval_timer_count++] = (quiesce_image_IntervalTimer){
            .which = (uint32_t)which,
            .value_us = to_us(&timer.it_value),
            .interval_us = to_us(&timer.it_interval),
        };
    }
}

/* The value behind NAME in the lines from AT to the next timer. */
static const char *find_value(const char *at, const char *name)
{
    for (; *at != '\0' && !cr_str_starts(at, "\nID:"); at++) {
        if (*at == '\n' && cr_str_starts(at + 1, name))
            return at + 1 + cr_strlen(name);
    }
    return "";
}

/* "notify: signal/tid.123", "none/pid.123", "thread/pid.1" */
static void parse_notify(const char *text, quiesce_image_PosixTimer *timer)
{
    const char *at = text;

    timer->notify = cr_str_starts(text, " none")     ? SIGEV_NONE
                    : cr_str_starts(text, " thread") ? SIGEV_THREAD
                                                     : SIGEV_SIGNAL;
    while (*at != '\0' && *at != '/' && *at != '\n')
        at++;
    if (!cr_str_starts(at, "/tid."))
        return;
    at += sizeof("/tid.") - 1;
    timer->notify |= SIGEV_THREAD_ID;
    timer->tid = (uint32_t)cr_parse_u64(&at, 10);
}

static void parse_timer(const char *at, quiesce_image_PosixTimer *timer)
{
    const char *value = at + sizeof("ID: ") - 1;

    timer->id = (int32_t)cr_parse_i64(&value);
    value = find_value(at, "signal: ");
    timer->signal = (uint32_t)cr_parse_u64(&value, 10);
    if (*value == '/') {
        value++;
        timer->value = cr_parse_u64(&value, 16);
    }
    parse_notify(find_value(at, "notify:"), timer);
    value = find_value(at, "ClockID: ");
    timer->clock = (int32_t)cr_parse_i64(&value);
}

static void read_times(quiesce_image_PosixTimer *timer)
{
    struct itimerspec left = {0};
    long overrun = cr_sys(SYS_timer_getoverrun, timer->id);

    cr_sys(SYS_timer_gettime, timer->id, &left);
    timer->remaining_ns = to_ns(&left.it_value);
    timer->interval_ns = to_ns(&left.it_interval);
    timer->overrun = overrun > 0 ? (int32_t)overrun : 0;
}

/* The thread or process whose CPU time CLOCK counts; 0: the caller or its process. Only for negative ones. */
static int owner_of_clock(int clock)
{
    return ~(clock >> 3);
}

static int with_owner(int clock, int owner)
{
    return (int)((uint32_t)~owner << 3) | (clock & 7);
}

/*
 * Clocks of CPU time get the ids that the application knows, and the process's own none. Returns 0 where the owner cannot
 * be said again: the thread that has made the timer, which the kernel does not tell.
 */
static int keep_clock(const struct cr_state *state, quiesce_image_PosixTimer *timer)
{
    int owner;

    if (timer->clock >= 0)
        return timer->clock != CLOCK_THREAD_CPUTIME_ID;
    owner = owner_of_clock(timer->clock);
    if ((timer->clock & CPU_CLOCK_OF_THREAD) == 0) {
        timer->clock = with_owner(timer->clock, 0);
        return owner == 0 || owner == cr_sys_getpid();
    }
    if (owner != 0 && state->known_tid != NULL)
        timer->clock = with_owner(timer->clock, state->known_tid(owner));
    return owner != 0;
}

static int clock_now(const struct cr_state *state, int clock)
{
    if (clock >= 0 || (clock & CPU_CLOCK_OF_THREAD) == 0 || state->kernel_tid == NULL)
        return clock;
    return with_owner(clock, state->kernel_tid(owner_of_clock(clock)));
}

static int collect_posix_timers(const struct cr_state *state, struct cr_arena *arena,
                                quiesce_image_Timers *message, struct cr_error *err)
{
    size_t limit = sizeof(message->posix_timer) / sizeof(*message->posix_timer);
    size_t length;
    char *text;
    int rc = cr_proc_read(arena, "/proc/self/timers", &text, &length, err);

    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    for (const char *at = text; *at != '\0'; at++) {
        quiesce_image_PosixTimer *timer = &message->posix_timer[message->posix_timer_count];

        if (!cr_str_starts(at, "ID: ") || (at != text && at[-1] != '\n'))
            continue;
        if (message->posix_timer_count == limit)
            return cr_fail(err, CR_EREFUSED,
                           "more than %zu POSIX timers; delete some with timer_delete() before the "
                           "checkpoint",
                           limit);
        parse_timer(at, timer);
        if (!keep_clock(state, timer))
            return cr_fail(
                err, CR_EREFUSED,
                "POSIX timer %d measures the CPU time of a thread that the kernel does not name; "
                "make it with timer_create() under cr_run, or with the clock of "
                "pthread_getcpuclockid()",
                timer->id);
        if (timer->tid != 0 && state->known_tid != NULL)
            timer->tid = (uint32_t)state->known_tid((int)timer->tid);
        read_times(timer);
        message->posix_timer_count++;
    }
    return 0;
}

static int collect(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    quiesce_image_Timers *message = cr_arena_alloc(arena, sizeof(*message));
    int rc;

    if (message == NULL)
        return cr_fail_memory(err);
    collect_interval_timers(message);
    rc = collect_posix_timers(state, arena, message, err);
    return rc < 0 ? rc
                  : cr_state_add(state, quiesce_image_NoteType_NOTE_TIMERS,
                                 quiesce_image_Timers_fields, message, err);
}

int cr_timers_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}

static int put_back_interval_timer(const quiesce_image_IntervalTimer *saved, struct cr_error *err)
{
    struct itimerval timer = {from_us(saved->interval_us), from_us(saved->value_us)};
    int rc = (int)cr_sys(SYS_setitimer, saved->which, &timer, 0);

    return rc < 0 ? cr_fail(err, -rc, "cannot put back interval timer %u: %s", saved->which,
                            cr_error_words(-rc))
                  : 0;
}

/*
 * Without the kernel's help (before 6.15) ids are given in ascending order: those before the wanted one are made and
 * deleted.
 */
static int create_by_trying(int clock, struct sigevent *event, int wanted)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        int id = -1;
        int rc = (int)cr_sys(SYS_timer_create, clock, event, &id);

        if (rc < 0)
            return rc;
        if (id == wanted)
            return 0;
        cr_sys(SYS_timer_delete, id);
        if (id > wanted)
            return -EEXIST;
    }
    return -EEXIST;
}

static int create_with_id(int clock, struct sigevent *event, int wanted)
{
    int id = wanted;
    int rc = (int)cr_sys(SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0);

    if (rc < 0)
        return create_by_trying(clock, event, wanted);
    rc = (int)cr_sys(SYS_timer_create, clock, event, &id);
    cr_sys(SYS_prctl, PR_TIMER_CREATE_RESTORE_IDS, 0, 0, 0, 0);
    return rc;
}

static int put_back_posix_timer(const struct cr_state *state, const quiesce_image_PosixTimer *saved,
                                struct cr_error *err)
{
    struct itimerspec times = {from_ns(saved->interval_ns), from_ns(saved->remaining_ns)};
    struct sigevent event;
    int rc;

    memset(&event, 0, sizeof(event));
    event.sigev_notify = (int)saved->notify;
    event.sigev_signo = (int)saved->signal;
    event.sigev_value.sival_ptr = (void *)saved->value;
    event._sigev_un._tid = (int)saved->tid;
    if (saved->tid != 0 && state->kernel_tid != NULL)
        event._sigev_un._tid = state->kernel_tid((int)saved->tid);
    rc = create_with_id(clock_now(state, saved->clock), &event, saved->id);
    if (rc == 0 && saved->remaining_ns > 0)
        rc = (int)cr_sys(SYS_timer_settime, saved->id, 0, &times, 0);
    return rc < 0 ? cr_fail(err, -rc, "cannot put back POSIX timer %d: %s", saved->id,
                            cr_error_words(-rc))
                  : 0;
}

static int put_back_all(const struct cr_state *state, const quiesce_image_Timers *message,
                        struct cr_error *err)
{
    int rc = 0;

    for (pb_size_t i = 0; rc == 0 && i < message->interval_timer_count; i++)
        rc = put_back_interval_timer(&message->interval_timer[i], err);
    for (pb_size_t i = 0; rc == 0 && i < message->posix_timer_count; i++)
        rc = put_back_posix_timer(state, &message->posix_timer[i], err);
    return rc;
}

int cr_timers_put_back(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Timers *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_TIMERS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Timers_fields, message, err);
        if (rc == 0)
            rc = put_back_all(state, message, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}
