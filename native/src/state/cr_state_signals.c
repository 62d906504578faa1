/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_signals.h"

#include "cr_state_kinds.h"
#include "cr_state_util.h"

#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define SIGNAL_COUNT 64
#define SIGINFO_SIZE 128
#define MASK_SIZE 8UL
#define PENDING_PER_NOTE 64
#define BIT(signal) (1ULL << ((signal)-1))

/* Flags of pidfd_open() and pidfd_send_signal(), which older headers lack. */
#define PIDFD_OF_THREAD O_EXCL
#define TO_THREAD_GROUP (1 << 1)

/* As rt_sigaction(2) takes it. */
struct kernel_action {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

struct pending {
    int32_t tid; /* as the application knows it, 0: for the process */
    int32_t kernel_tid;
    uint32_t reserved;
    uint32_t signal;
    uint8_t siginfo[SIGINFO_SIZE];
};

/* What the threads found. It lies in our memory, so each restored thread finds its own signals here again. */
static struct pending collected[CR_PENDING_MAX];
static uint32_t collected_count; /* goes beyond CR_PENDING_MAX when there are too many */

static int get_action(int signal, struct kernel_action *action)
{
    return (int)cr_sys(SYS_rt_sigaction, signal, 0, action, MASK_SIZE);
}

static int set_action(int signal, const struct kernel_action *action)
{
    return (int)cr_sys(SYS_rt_sigaction, signal, action, 0, MASK_SIZE);
}

static int is_settable(int signal)
{
    return signal != SIGKILL && signal != SIGSTOP;
}

static int is_foreign_code(const struct cr_foreign *foreign, uint64_t address)
{
    for (size_t i = 0; i < foreign->range_count; i++) {
        if (address >= foreign->ranges[i].start && address < foreign->ranges[i].end)
            return 1;
    }
    return 0;
}

/* WHAT: "SigPnd:", pending for thread TID alone, or "ShdPnd:", for the process. Nothing if the thread is gone. */
static uint64_t read_pending(int tid, const char *what)
{
    char path[48];
    char value[24];
    const char *at = value;

    cr_fmt(path, sizeof(path), "/proc/self/task/%d/status", tid);
    if (cr_proc_find(path, what, value, sizeof(value)) < 0)
        return 0;
    return cr_parse_u64(&at, 16) & ~BIT(CR_CHECKPOINT_SIGNAL);
}

/* Takes one pending SIGNAL; the kernel looks at the queue of this thread before that of the process. */
static int dequeue(int signal, uint8_t *siginfo)
{
    static const struct timespec AT_ONCE = {0, 0};
    uint64_t mask = BIT(signal);

    memset(siginfo, 0, SIGINFO_SIZE);
    return (int)cr_sys(SYS_rt_sigtimedwait, &mask, siginfo, &AT_ONCE, MASK_SIZE);
}

/* A place is taken before a signal is, so that none is taken that cannot be kept. */
static struct pending *new_pending(int32_t tid, int32_t kernel_tid)
{
    uint32_t at = __atomic_fetch_add(&collected_count, 1, __ATOMIC_SEQ_CST);

    if (at >= CR_PENDING_MAX)
        return NULL;
    collected[at] = (struct pending){.tid = tid, .kernel_tid = kernel_tid};
    return &collected[at];
}

static uint32_t collected_places(void)
{
    uint32_t count = __atomic_load_n(&collected_count, __ATOMIC_SEQ_CST);

    return count < CR_PENDING_MAX ? count : CR_PENDING_MAX;
}

static int queue_to_thread(const struct pending *p)
{
    return (int)cr_sys(SYS_rt_tgsigqueueinfo, cr_sys_getpid(), cr_sys_gettid(), p->signal,
                       p->siginfo);
}

/* Kernel 6.9: a thread may name itself by a pidfd, and mean its whole process. */
static int queue_by_pidfd(uint32_t signal, const uint8_t *siginfo)
{
    int fd = (int)cr_sys(SYS_pidfd_open, cr_sys_gettid(), PIDFD_OF_THREAD);
    int rc;

    if (fd < 0)
        return fd;
    rc = (int)cr_sys(SYS_pidfd_send_signal, fd, signal, siginfo, TO_THREAD_GROUP);
    cr_sys_close(fd);
    return rc;
}

/*
 * Only the main thread may queue a signal to its process under the code of kill() or of the kernel. Where there is no way
 * around that, the code becomes that of sigqueue(), and the sender is kept.
 */
static int queue_to_process(uint32_t signal, const uint8_t *siginfo)
{
    siginfo_t changed;
    int rc = (int)cr_sys(SYS_rt_sigqueueinfo, cr_sys_getpid(), signal, siginfo);

    if (rc == -EPERM)
        rc = cr_fault("signals:pidfd") != 0 ? -ENOSYS : queue_by_pidfd(signal, siginfo);
    if (rc == 0)
        return 0;
    memcpy(&changed, siginfo, sizeof(changed));
    changed.si_code = SI_QUEUE;
    return (int)cr_sys(SYS_rt_sigqueueinfo, cr_sys_getpid(), signal, &changed);
}

/*
 * Takes all that is pending in the queue that IS_PROCESS names, lowest number first. For as long as the queue of this
 * thread has a signal, the kernel does not give out the process's ones of the same number. Those of the process are taken
 * by the agent, to which alone nobody sends any, so a row of the same number needs no look in between.
 */
static void take_all(int is_process, int32_t tid)
{
    int32_t kernel_tid = cr_sys_gettid();

    for (;;) {
        uint64_t mask = read_pending(kernel_tid, "SigPnd:");
        struct pending *place;
        int signal;

        if (is_process)
            mask = read_pending(kernel_tid, "ShdPnd:") & ~mask;
        if (mask == 0)
            return;
        signal = __builtin_ctzll(mask) + 1;
        do {
            place = new_pending(tid, is_process ? 0 : kernel_tid);
            if (place == NULL)
                return;
            if (dequeue(signal, place->siginfo) == signal)
                place->signal = (uint32_t)signal;
        } while (is_process && place->signal != 0);
    }
}

void cr_signals_begin(void)
{
    __atomic_store_n(&collected_count, 0, __ATOMIC_SEQ_CST);
}

static int nothing_pending(void)
{
    uint64_t mask = 0;

    return cr_sys(SYS_rt_sigpending, &mask, MASK_SIZE) == 0 &&
           (mask & ~BIT(CR_CHECKPOINT_SIGNAL)) == 0;
}

void cr_signals_collect_thread(int32_t tid)
{
    int32_t kernel_tid = cr_sys_gettid();
    uint32_t first = collected_places();

    if (nothing_pending())
        return;
    take_all(0, tid);
    for (uint32_t i = first; i < collected_places(); i++) {
        if (collected[i].signal != 0 && collected[i].kernel_tid == kernel_tid)
            queue_to_thread(&collected[i]);
    }
}

void cr_signals_put_back_thread(int32_t tid)
{
    for (uint32_t i = 0; i < collected_places(); i++) {
        if (collected[i].signal != 0 && collected[i].tid == tid)
            queue_to_thread(&collected[i]);
    }
}

static int collect_process(struct cr_error *err)
{
    uint32_t first = collected_places();

    if (nothing_pending())
        return 0;
    take_all(1, 0);
    for (uint32_t i = first; i < collected_places(); i++) {
        int rc = 0;

        if (collected[i].signal != 0 && collected[i].kernel_tid == 0)
            rc = queue_to_process(collected[i].signal, collected[i].siginfo);
        if (rc < 0)
            return cr_fail(err, -rc, "cannot leave signal %u pending: %s", collected[i].signal,
                           cr_error_words(-rc));
    }
    return 0;
}

static uint64_t collected_mask(int kernel_tid)
{
    uint64_t mask = 0;

    for (uint32_t i = 0; i < collected_places(); i++) {
        if (collected[i].signal != 0 && collected[i].kernel_tid == kernel_tid)
            mask |= BIT(collected[i].signal);
    }
    return mask;
}

/*
 * A thread that stopped early may have got a signal from one that stopped late, after it had looked. That is seen here,
 * and the caller may release everybody and try again.
 */
static int check_threads(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    size_t count;
    int *tids;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = cr_proc_list(&scratch.arena, "/proc/self/task", &tids, &count, err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (tids[i] == cr_sys_gettid())
            continue;
        if ((read_pending(tids[i], "SigPnd:") & ~collected_mask(tids[i])) != 0)
            rc = cr_fail(err, EAGAIN,
                         "thread %d got a signal while the process was being stopped; take the "
                         "checkpoint again",
                         tids[i]);
    }
    cr_scratch_end(&scratch);
    return rc;
}

static void encode_actions(const struct cr_foreign *foreign, quiesce_image_Signals *message)
{
    for (int signal = 1; signal <= SIGNAL_COUNT; signal++) {
        struct kernel_action action = {0};

        if (!is_settable(signal) || get_action(signal, &action) < 0)
            continue;
        if (action.handler == (uintptr_t)SIG_DFL || is_foreign_code(foreign, action.handler))
            continue;
        message->action[message->action_count++] = (quiesce_image_SignalAction){
            .signal = (uint32_t)signal,
            .handler = action.handler,
            .flags = action.flags,
            .restorer = action.restorer,
            .mask = action.mask,
        };
    }
}

/* Encodes at most COUNT pending signals from place *AT on, and moves *AT behind the last one. */
static pb_size_t encode_pending(uint32_t *at, quiesce_image_PendingSignal *out, pb_size_t count)
{
    pb_size_t n = 0;

    for (; *at < collected_places() && n < count; (*at)++) {
        if (collected[*at].signal == 0)
            continue;
        out[n].tid = (uint32_t)collected[*at].tid;
        memcpy(out[n].siginfo, collected[*at].siginfo, SIGINFO_SIZE);
        n++;
    }
    return n;
}

/* Those from place AT on, for which the first note has no room. */
static int encode_more(struct cr_state *state, uint32_t at, quiesce_image_PendingSignals *message,
                       struct cr_error *err)
{
    int rc = 0;

    if (message == NULL)
        return cr_fail_memory(err);
    while (rc == 0) {
        message->pending_count = encode_pending(&at, message->pending, PENDING_PER_NOTE);
        if (message->pending_count == 0)
            break;
        rc = cr_state_add(state, quiesce_image_NoteType_NOTE_PENDING,
                          quiesce_image_PendingSignals_fields, message, err);
    }
    return rc;
}

static int encode(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    quiesce_image_Signals *message = cr_arena_alloc(arena, sizeof(*message));
    uint32_t at = 0;
    int rc;

    if (message == NULL)
        return cr_fail_memory(err);
    encode_actions(state->foreign, message);
    message->pending_count = encode_pending(&at, message->pending, PENDING_PER_NOTE);
    rc = cr_state_add(state, quiesce_image_NoteType_NOTE_SIGNALS, quiesce_image_Signals_fields,
                      message, err);
    if (rc < 0 || at == collected_places())
        return rc;
    return encode_more(state, at, cr_arena_alloc(arena, sizeof(quiesce_image_PendingSignals)), err);
}

int cr_signals_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    rc = collect_process(err);
    if (rc < 0)
        return rc;
    if (__atomic_load_n(&collected_count, __ATOMIC_SEQ_CST) > CR_PENDING_MAX)
        return cr_fail(err, CR_EREFUSED,
                       "more than %d signals are pending; let the program handle them before the "
                       "checkpoint",
                       CR_PENDING_MAX);
    rc = check_threads(state, err);
    if (rc < 0)
        return rc;
    cr_scratch_begin(&scratch, state->arena);
    rc = encode(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}

static int decode(const struct cr_state *state, struct cr_arena *arena,
                  quiesce_image_Signals **ret_message, struct cr_error *err)
{
    quiesce_image_Signals *message = cr_arena_alloc(arena, sizeof(*message));

    if (message == NULL)
        return cr_fail_memory(err);
    *ret_message = message;
    for (const struct cr_note *note = state->first; note != NULL; note = note->next) {
        if (note->type == quiesce_image_NoteType_NOTE_SIGNALS)
            return cr_state_decode(note, quiesce_image_Signals_fields, message, err);
    }
    return cr_fail(err, CR_EDAMAGED, "the image has no note of signals");
}

/* A signal that is not in the image had its default action; but a handler of the lower half stays. */
static void reset_others(const struct cr_foreign *foreign, const quiesce_image_Signals *message)
{
    static const struct kernel_action BY_DEFAULT = {0};
    uint64_t saved = 0;

    for (pb_size_t i = 0; i < message->action_count; i++)
        saved |= BIT(message->action[i].signal);
    for (int signal = 1; signal <= SIGNAL_COUNT; signal++) {
        struct kernel_action now = {0};

        if (!is_settable(signal) || (saved & BIT(signal)) || get_action(signal, &now) < 0)
            continue;
        if (now.handler != (uintptr_t)SIG_DFL && !is_foreign_code(foreign, now.handler))
            set_action(signal, &BY_DEFAULT);
    }
}

static int set_actions(const quiesce_image_Signals *message, struct cr_error *err)
{
    for (pb_size_t i = 0; i < message->action_count; i++) {
        const quiesce_image_SignalAction *saved = &message->action[i];
        struct kernel_action action = {saved->handler, saved->flags, saved->restorer, saved->mask};
        int rc;

        if (saved->signal < 1 || saved->signal > SIGNAL_COUNT)
            return cr_fail(err, CR_EDAMAGED, "the image names signal %u", saved->signal);
        rc = set_action((int)saved->signal, &action);
        if (rc < 0)
            return cr_fail(err, -rc, "cannot put back the handler of signal %u: %s", saved->signal,
                           cr_error_words(-rc));
    }
    return 0;
}

int cr_signals_put_back(struct cr_state *state, struct cr_error *err)
{
    quiesce_image_Signals *message;
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = decode(state, &scratch.arena, &message, err);
    if (rc == 0)
        rc = set_actions(message, err);
    if (rc == 0)
        reset_others(state->foreign, message);
    cr_scratch_end(&scratch);
    return rc;
}

static int queue_again(const quiesce_image_PendingSignal *pending, pb_size_t count,
                       struct cr_error *err)
{
    int rc = 0;

    for (pb_size_t i = 0; rc == 0 && i < count; i++) {
        uint32_t signal;

        if (pending[i].tid != 0)
            continue;
        memcpy(&signal, pending[i].siginfo, sizeof(signal));
        rc = queue_to_process(signal, pending[i].siginfo);
        if (rc < 0)
            rc = cr_fail(err, -rc, "cannot make signal %u pending again: %s", signal,
                         cr_error_words(-rc));
    }
    return rc;
}

static int queue_more(const struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    quiesce_image_PendingSignals *message = cr_arena_alloc(arena, sizeof(*message));
    int rc = message != NULL ? 0 : cr_fail_memory(err);

    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_PENDING)
            continue;
        rc = cr_state_decode(note, quiesce_image_PendingSignals_fields, message, err);
        if (rc == 0)
            rc = queue_again(message->pending, message->pending_count, err);
    }
    return rc;
}

int cr_signals_queue_again(struct cr_state *state, struct cr_error *err)
{
    quiesce_image_Signals *message;
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = decode(state, &scratch.arena, &message, err);
    if (rc == 0)
        rc = queue_again(message->pending, message->pending_count, err);
    if (rc == 0)
        rc = queue_more(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}
