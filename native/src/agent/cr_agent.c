/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The life of the agent's thread. */
#include "cr_agent_handles.h"
#include "cr_agent_parts.h"

#include "cr_fmt.h"
#include "cr_freeze.h"
#include "cr_session.h"
#include "cr_slice.h"
#include "cr_sys.h"

#include <errno.h>
#include <pthread.h>
#include <sys/prctl.h>

#define LIBC_SETXID_SIGNAL 33 /* glibc: SIGSETXID */
#define STACK_SIZE (256UL << 10)
#define READY_TIMEOUT_MS 5000

struct cr_agent cr_agent;
int cr_agent_omits;

static struct cr_link link_of_round = {.fd = -1, .signals = -1, .passed = -1};

static void serve_wake_up(const siginfo_t *info)
{
    int value = info->si_value.sival_int;
    struct cr_agent_request *request;

    if (info->si_code != SI_QUEUE)
        return;
    if (value >= 0 && cr_link_open(&link_of_round, info->si_pid, (uint32_t)value, "round") == 0) {
        cr_round_serve(&link_of_round);
        cr_link_close(&link_of_round);
    }
    /* Its signal may have been taken during the round. */
    request = __atomic_exchange_n(&cr_agent.request, NULL, __ATOMIC_ACQ_REL);
    if (request != NULL)
        cr_round_serve_self(&link_of_round, request);
}

void cr_agent_block_signals(void)
{
    /* A setuid() waits until every thread has answered libc's own signal. */
    const uint64_t blocked = ~(1UL << (LIBC_SETXID_SIGNAL - 1));

    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, 0, 8);
}

static void *run(void *unused)
{
    const uint64_t wake = 1UL << (CR_SIGNAL - 1);
    siginfo_t info;

    (void)unused;
    cr_agent_block_signals();
    cr_sys(SYS_prctl, PR_SET_NAME, CR_AGENT_NAME, 0, 0, 0);
    cr_slice_shorten();
    cr_agent.tid = cr_sys_gettid();
    cr_sys_futex_wake((volatile uint32_t *)&cr_agent.tid, INT32_MAX);
    for (;;)
        if (cr_sys(SYS_rt_sigtimedwait, &wake, &info, 0, 8) == CR_SIGNAL)
            serve_wake_up(&info);
    return NULL;
}

static int start_thread(void)
{
    const uint64_t all = ~0UL;
    uint64_t before;
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    if (pthread_attr_init(&attributes) != 0)
        return -ENOMEM;
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* The new thread inherits the mask: no handler of the application may ever run in it. */
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, 8);
    rc = pthread_create(&thread, &attributes, run, NULL);
    /* A requester knows it by its name, even if this process is stopped before it runs. */
    if (rc == 0)
        pthread_setname_np(thread, CR_AGENT_NAME);
    before &= ~(1UL << (CR_SIGNAL - 1));
    cr_sys(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
    pthread_attr_destroy(&attributes);
    return -rc;
}

/* A requester may look for the agent as soon as the program runs, so it must be there by then. */
static int await_ready(void)
{
    const struct timespec step = {0, 1000000};

    for (int i = 0; i < READY_TIMEOUT_MS && cr_agent.tid == 0; i++)
        cr_sys_futex_wait((volatile uint32_t *)&cr_agent.tid, 0, &step);
    return cr_agent.tid != 0 ? 0 : -ETIMEDOUT;
}

CR_AGENT_EXPORT int cr_agent_start(void)
{
    int rc = cr_freeze_init();

    if (rc == 0)
        rc = cr_dump_init(&cr_agent.dump);
    if (rc == 0)
        rc = start_thread();
    return rc < 0 ? rc : await_ready();
}

void cr_agent_report(const struct cr_agent_request *request, const struct cr_error *err)
{
    char text[CR_ERROR_TEXT_MAX + sizeof(request->file) + 64];
    size_t n;

    if (!request->reports)
        return;
    n = cr_fmt(text, sizeof(text), "libcr: cannot checkpoint process %d into %s: %s\n",
               cr_freeze_known_tid(cr_sys_getpid()), request->file, err->text);
    cr_sys_write_all(2, text, n);
}

void cr_agent_forked(void)
{
    cr_agent.tid = 0;
    cr_agent.status = 0;
    cr_agent.in_collectives = 0;
    cr_agent.request = NULL;
    cr_freeze_forked();
    cr_section_forked();
    cr_callbacks_forked();
    cr_handles_forked();
    cr_link_forked(&link_of_round);
    cr_dump_forked(&cr_agent.dump);
    cr_arena_reset(&cr_agent.dump.arena);
    if (cr_agent.ops != NULL)
        cr_agent.disabled = "it is a child of an MPI process";
    start_thread();
}

CR_AGENT_EXPORT int cr_agent_is_ready(void)
{
    return cr_agent.tid != 0;
}

CR_AGENT_EXPORT int cr_agent_status(void)
{
    return (int)cr_agent.status;
}

void cr_agent_disable(const char *reason)
{
    const struct timespec step = {0, 1000000};

    cr_agent.disabled = reason;
    while (cr_agent.status != 0)
        cr_sys_futex_wait(&cr_agent.status, cr_agent.status, &step);
}

static void wake_agent(int value)
{
    siginfo_t info = {.si_code = SI_QUEUE};
    int pid = cr_sys_getpid();

    info.si_pid = pid;
    info.si_value.sival_int = value;
    cr_sys(SYS_rt_tgsigqueueinfo, pid, cr_agent.tid, CR_SIGNAL, &info);
}

void cr_agent_report_changed(void)
{
    if (cr_agent.in_collectives != 0 &&
        __atomic_exchange_n(&cr_agent.report_pending, 1, __ATOMIC_ACQ_REL) == 0)
        wake_agent(CR_WAKE_REPORT);
}

void cr_agent_report_later(void)
{
    cr_agent.report_later = 1;
}

CR_AGENT_EXPORT int cr_agent_submit(struct cr_agent_request *request)
{
    struct cr_agent_request *expected = NULL;

    request->state = 0;
    request->restarted = 0;
    request->error.code = 0;
    if (!__atomic_compare_exchange_n(&cr_agent.request, &expected, request, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return -CR_EBUSY;
    if (cr_agent.status == 0)
        cr_agent.status = 1;
    wake_agent(CR_WAKE_SELF);
    return 0;
}

CR_AGENT_EXPORT int cr_agent_checkpoint(struct cr_agent_request *request)
{
    int rc = cr_agent_submit(request);

    if (rc < 0)
        return rc;
    while (__atomic_load_n(&request->state, __ATOMIC_ACQUIRE) == 0)
        cr_sys_futex_wait(&request->state, 0, NULL);
    return 0;
}

CR_AGENT_EXPORT int cr_agent_interface(void)
{
    return CR_AGENT_INTERFACE;
}

CR_AGENT_EXPORT void cr_agent_set_callbacks(struct cr_freeze_callbacks *ops)
{
    ops->serve = cr_callbacks_serve;
    cr_freeze_set_callbacks(ops);
}

void cr_agent_set_rank(const struct cr_rank_ops *ops)
{
    const struct cr_freeze_rules rules = {ops->may_park, ops->thread_is_foreign};

    cr_freeze_set_rules(&rules);
    __atomic_store_n(&cr_agent.ops, ops, __ATOMIC_RELEASE);
}
