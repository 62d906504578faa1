/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The handler in which a thread stands while it is stopped. In the restored
 * process it comes back in the same place, and everything that the signal frame holds (registers,
 * vector state, mask, alternate stack) is given back by the handler's return.
 */
#include "cr_park.h"

#include "cr_continue.h"
#include "cr_frame_registers.h"
#include "cr_park_socket.h"
#include "cr_state_signals.h"
#include "cr_state_thread.h"
#include "cr_sys.h"
#include "cr_wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

__thread struct cr_wait *cr_wait_current __attribute__((tls_model("initial-exec")));

/* Memory that the stop handler keeps on the thread's stack between its steps. */
struct standing {
    struct cr_continue more; /* first: cr_continue_call() hands its address to a later stop */
    ucontext_t *frame;
    struct cr_call call;
    struct cr_park_socket socket;
    int must_finish; /* the call goes on rightly only if it is finished in the handler */
    int waited_for;  /* a wait for the process that the program knows as this; 0: another call */
};

static struct cr_wait *noted_wait(const ucontext_t *frame)
{
    struct cr_wait *w = cr_wait_current;
    uint64_t sp = cr_registers_stack(frame);

    if ((uint64_t)w <= sp || (uint64_t)w - sp > CR_PARK_NOTE_DISTANCE || w->magic != CR_WAIT_MAGIC)
        return NULL;
    return w;
}

/* Whether the kernel keeps the call's relative timeout for restart_syscall. */
static int has_relative_timeout(const struct cr_call *call)
{
    switch (call->number) {
    case SYS_nanosleep:
    case SYS_restart_syscall:
        return 1;
    case SYS_clock_nanosleep:
        return (call->args[1] & TIMER_ABSTIME) == 0;
    case SYS_poll:
        return (int32_t)call->args[2] > 0;
    case SYS_futex:
        return (call->args[1] & FUTEX_CMD_MASK) == FUTEX_WAIT && call->args[3] != 0;
    default:
        return 0;
    }
}

/* Decides how the interrupted call goes on, and rewinds it where that is enough. */
static void treat_call(struct standing *s, const struct cr_thread *t)
{
    struct cr_wait *wait;

    s->must_finish = 0;
    s->waited_for = 0;
    s->socket.deadline = 0;
    if (!cr_registers_interrupted(s->frame, &t->call, &s->call))
        return;
    wait = noted_wait(s->frame);
    if (wait != NULL && wait->socket < 0) {
        wait->interrupted = 1;
        return;
    }
    cr_park_socket_look(&s->call, wait, &s->socket);
    if (s->socket.deadline != 0 || has_relative_timeout(&s->call))
        s->must_finish = 1;
    else if (s->call.number >= 0)
        cr_registers_rewind(s->frame, s->call.number);
}

/* By a thread that stands: the agent wants to know what is pending now. */
static void look_again(struct cr_thread *t)
{
    uint32_t looks = __atomic_load_n(&cr_freeze.looks, __ATOMIC_ACQUIRE);

    if (t->looked == looks)
        return;
    cr_signals_collect_thread(t->tid);
    __atomic_store_n(&t->looked, looks, __ATOMIC_RELEASE);
}

static void await_release(struct cr_thread *t, uint32_t generation)
{
    uint32_t released;

    while ((released = __atomic_load_n(&cr_freeze.released, __ATOMIC_ACQUIRE)) != generation &&
           (int32_t)(generation - released) > 0) {
        look_again(t);
        cr_sys_futex_wait(&cr_freeze.released, released, NULL);
    }
}

static void arrive(struct cr_thread *t, uint32_t generation)
{
    t->looked = __atomic_load_n(&cr_freeze.looks, __ATOMIC_ACQUIRE);
    __atomic_store_n(&t->parked, generation, __ATOMIC_RELEASE);
    if (__atomic_add_fetch(&cr_freeze.parked, 1, __ATOMIC_SEQ_CST) >=
        __atomic_load_n(&cr_freeze.expected, __ATOMIC_SEQ_CST))
        cr_sys_futex_wake(&cr_freeze.parked, 1);
}

static void save_self(struct cr_thread *t)
{
    cr_thread_save(t);
    cr_attributes_save(cr_freeze_attributes(t));
    cr_signals_collect_thread(t->tid);
}

static void restore_self(struct cr_thread *t)
{
    cr_thread_restore(t);
    cr_signals_put_back_thread(t->tid);
    cr_attributes_restore(cr_freeze_attributes(t));
    __atomic_add_fetch(&cr_freeze.back, 1, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&cr_freeze.back, 1);
}

/* Stands until the stop is over. Returns 0, or 1 in the restored process. */
static int stand(struct cr_thread *t, ucontext_t *frame)
{
    const uint32_t generation = cr_freeze.generation;

    t->ucontext = frame;
    save_self(t);
    if (cr_context_save(&t->context) == 0) {
        arrive(t, generation);
        await_release(t, generation);
        return 0;
    }
    restore_self(t);
    await_release(t, generation);
    return 1;
}

void cr_park_ring(void)
{
    __atomic_add_fetch(&cr_freeze.bell, 1, __ATOMIC_SEQ_CST);
    cr_sys_futex_wake(&cr_freeze.bell, INT32_MAX);
}

static struct cr_thread *own_record(void)
{
    int tid = cr_sys_gettid();
    uint32_t count = __atomic_load_n(&cr_freeze.count, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < count; i++)
        if (cr_freeze.threads[i].kernel_tid == tid)
            return &cr_freeze.threads[i];
    return NULL;
}

/* Waits for cr_freeze_go(): NULL; or for a stop that was begun anew meanwhile: the record to stand with. */
static struct cr_thread *await_go(struct cr_thread *standing, uint32_t generation)
{
    struct cr_thread *t;

    for (;;) {
        uint32_t bell = __atomic_load_n(&cr_freeze.bell, __ATOMIC_ACQUIRE);
        if ((int32_t)(cr_freeze.going - generation) >= 0)
            return NULL;
        if (cr_freeze.generation != generation) {
            t = own_record();
            if (t != NULL && t->parked != cr_freeze.generation)
                return t;
        }
        look_again(standing);
        cr_sys_futex_wait(&cr_freeze.bell, bell, NULL);
    }
}

static int come_back_early(struct cr_stand *s)
{
    restore_self(s->thread);
    await_go(s->thread, cr_freeze.generation);
    s->restored = 1;
    return cr_freeze.outcome;
}

/* A thread that cr_freeze_go() lets go. The stop may be begun several times before that. */
static int stand_early(struct cr_stand *s)
{
    struct cr_thread *next = s->thread;

    do {
        s->thread = next;
        s->generation = cr_freeze.generation;
        next->ucontext = s->frame;
        save_self(next);
        if (cr_context_save(&s->thread->context) != 0)
            return come_back_early(s);
        arrive(s->thread, s->generation);
        next = await_go(s->thread, s->generation);
    } while (next != NULL);
    return cr_freeze.outcome;
}

/* The same for a thread that runs callbacks around it. */
static int stand_in_callbacks(struct cr_stand *s)
{
    __atomic_sub_fetch(&cr_freeze.preparing, 1, __ATOMIC_SEQ_CST);
    return stand_early(s);
}

/* Stands as the thread has to. Returns 0, or 1 in the restored process. */
static int stand_as_due(struct cr_thread *t, ucontext_t *frame)
{
    const struct cr_freeze_callbacks *callbacks = cr_freeze.callbacks;
    int kind = callbacks != NULL && cr_freeze_is_stopping() ? callbacks->kind() : CR_STAND_PLAIN;
    struct cr_stand s = {stand_early, t, frame, cr_freeze.generation, 0};

    if (kind == CR_STAND_PLAIN)
        return stand(t, frame);
    if (kind == CR_STAND_EARLY) {
        stand_early(&s);
        return s.restored;
    }
    s.here = stand_in_callbacks;
    __atomic_add_fetch(&cr_freeze.running, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&cr_freeze.preparing, 1, __ATOMIC_SEQ_CST);
    kind = callbacks->run(&s);
    if (__atomic_sub_fetch(&cr_freeze.running, 1, __ATOMIC_SEQ_CST) == 0)
        cr_sys_futex_wake(&cr_freeze.running, 1);
    if (kind)
        await_release(s.thread, s.generation);
    return s.restored;
}

static void move_deadline(const ucontext_t *frame)
{
    struct cr_wait *wait = noted_wait(frame);
    int64_t gap = cr_sys_clock_ns(CLOCK_MONOTONIC) - cr_freeze.stopped_at;

    for (; wait != NULL && wait->magic == CR_WAIT_MAGIC; wait = wait->outer)
        wait->deadline += gap;
}

static int kernel_id(int known, uint32_t kind)
{
    int kernel = cr_freeze_kernel_id(known, kind);

    return kernel > 0 ? kernel : CR_ID_NOBODY;
}

static int id_now(int old, uint32_t kind)
{
    int now = kernel_id(cr_park_known_before(old, kind), kind);

    return kind == CR_ID_GROUP ? cr_freeze_group_or_own(now) : now;
}

/*
 * A wait for a process or group begins anew, with the id that it has now. Callers of wait4() inside the C library compare its
 * answer with the id that they passed: that one stays in the frame.
 */
static void translate_call(struct standing *s)
{
    int64_t number = cr_registers_next_call(s->frame);
    uint64_t *first = cr_registers_argument(s->frame, 0);
    uint64_t *second = cr_registers_argument(s->frame, 1);
    int id = (int)*first;

    if (number == SYS_wait4 && id > 0 && id_now(id, CR_ID_PROCESS) != id) {
        s->waited_for = cr_park_known_before(id, CR_ID_PROCESS);
        s->must_finish = 1;
        cr_registers_skip(s->frame);
    } else if (number == SYS_wait4 && id < -1) {
        *first = (uint64_t)-id_now(-id, CR_ID_GROUP);
    } else if (number == SYS_waitid && (id == P_PID || id == P_PGID)) {
        *second = (uint64_t)id_now((int)*second, id == P_PID ? CR_ID_PROCESS : CR_ID_GROUP);
    }
}

/*
 * In the restored process the kernel has forgotten the deadline. nanosleep() has written what was
 * left to its second buffer, if it was given one; any other call begins anew.
 */
static int prepare_restored_call(struct standing *s)
{
    uint64_t left = s->call.number == SYS_nanosleep ? s->call.args[1] : s->call.args[3];

    if ((s->call.number != SYS_nanosleep && s->call.number != SYS_clock_nanosleep) || left == 0)
        return 0;
    s->more.number = s->call.number;
    for (int i = 0; i < 4; i++)
        s->more.args[i] = s->call.args[i];
    s->more.args[s->call.number == SYS_nanosleep ? 0 : 2] = left;
    return 1;
}

static void prepare_wait(struct standing *s)
{
    s->more.number = SYS_wait4;
    for (int i = 1; i < 4; i++)
        s->more.args[i] = *cr_registers_argument(s->frame, i);
    s->more.args[0] = (uint64_t)kernel_id(s->waited_for, CR_ID_PROCESS);
}

/* Makes S->more what finishes the call. Returns 0 if the call simply begins anew. */
static int prepare_call(struct standing *s, int restored)
{
    if (s->waited_for != 0) {
        prepare_wait(s);
        return 1;
    }
    s->more.number = SYS_restart_syscall;
    if (restored && (s->socket.deadline != 0 || !prepare_restored_call(s))) {
        cr_registers_rewind(s->frame, s->call.number);
        return 0;
    }
    if (s->socket.deadline != 0)
        cr_park_socket_prepare(&s->socket, &s->more);
    return 1;
}

/* RESULT is what the call that finishes it has answered. */
static void answer(struct standing *s, long result)
{
    if (s->socket.deadline != 0 && result > 0)
        cr_registers_rewind(s->frame, s->call.number);
    else if (s->socket.deadline != 0 && result == 0)
        cr_registers_set_result(s->frame, cr_park_socket_late(&s->call));
    else if (s->waited_for != 0 && result > 0)
        cr_registers_set_result(s->frame, (long)*cr_registers_argument(s->frame, 0));
    else
        cr_registers_set_result(s->frame, result);
}

/* Finishes the call here and now, standing again as often as a stop comes in between. */
static void finish_call(struct standing *s, int restored)
{
    const uint64_t all = ~0UL;
    struct cr_thread *volatile later;
    long result;

    if (!prepare_call(s, restored))
        return;
    if (cr_context_save(&s->more.again) != 0) {
        later = s->more.thread;
        if (!prepare_call(s, stand_as_due(later, s->frame)))
            return;
    }
    result = cr_continue_call(&s->more, cr_registers_mask(s->frame));
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, 0, 8);
    answer(s, result);
}

static void park(struct cr_thread *t, ucontext_t *frame)
{
    struct cr_continue *unfinished = cr_registers_continuing(frame);
    struct standing s;
    int restored;

    if (unfinished != NULL) {
        /* Returning would make the kernel forget the deadline, so this frame is abandoned. */
        unfinished->thread = t;
        cr_context_jump(&unfinished->again);
    }
    s.frame = frame;
    treat_call(&s, t);
    cr_registers_note(frame);
    restored = stand_as_due(t, frame);
    if (restored) {
        move_deadline(frame);
        cr_park_settle_id_calls(frame);
        translate_call(&s);
    }
    if (s.must_finish)
        finish_call(&s, restored);
}

/*
 * The record that the signal names, if it is the calling thread's; a late signal may name another
 * one's.
 */
static struct cr_thread *named_record(const siginfo_t *info)
{
    uint64_t offset = (uint64_t)info->si_value.sival_ptr - (uint64_t)cr_freeze.threads;
    struct cr_thread *t;

    if (info->si_code != SI_QUEUE || info->si_pid != cr_freeze.pid)
        return NULL;
    if (offset % sizeof(*t) != 0 || offset / sizeof(*t) >= cr_freeze.count)
        return NULL;
    t = &cr_freeze.threads[offset / sizeof(*t)];
    return t->kernel_tid == cr_sys_gettid() ? t : own_record();
}

void cr_park_handler(int signal, siginfo_t *info, void *frame)
{
    struct cr_thread *t = named_record(info);
    struct cr_call call;

    (void)signal;
    if (t == NULL || t->parked == cr_freeze.generation)
        return;
    t->siginfo = info;
    if (cr_freeze.rules.may_park == NULL || cr_freeze.rules.may_park(frame)) {
        park(t, frame);
        return;
    }
    if (cr_registers_interrupted(frame, &t->call, &call) && call.number >= 0)
        cr_registers_rewind(frame, call.number);
    t->deferred = cr_freeze.generation;
}

int cr_park_signal(const struct cr_thread *t)
{
    siginfo_t info = {.si_code = SI_QUEUE};

    info.si_pid = cr_freeze.pid;
    info.si_value.sival_ptr = (void *)t;
    return (int)cr_sys(SYS_rt_tgsigqueueinfo, cr_freeze.pid, t->kernel_tid, CR_STOP_SIGNAL, &info);
}

void cr_freeze_park_self(void)
{
    struct cr_thread *t;

    if (!cr_freeze_is_stopping())
        return;
    t = own_record();
    if (t != NULL && t->parked != cr_freeze.generation)
        cr_park_signal(t);
}
