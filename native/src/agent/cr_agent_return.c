/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The way back into a restored process, together with all that were saved with
 * it: each puts back what it can by itself, waits until the others stand as well, completes what
 * needs them, and waits until all are complete.
 */
#include "cr_agent_handles.h"
#include "cr_agent_parts.h"

#include "cr_agent_state.h"
#include "cr_fmt.h"
#include "cr_freeze.h"
#include "cr_handoff.h"
#include "cr_relocate.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define STATUS_CANNOT_RESTART 8
#define STATUS_CALLBACK_ENDED_RESTART (CR_ERSTRTABRT & 255)

/* What connects this process to cr_restart; h NULL: it came back by itself. */
struct handoff {
    struct cr_handoff *h;
    const struct cr_handoff_member *member;
    int socket;
    int had_signal; /* SIGCHLD was pending in the image */
};

static struct handoff handoff;

static void report(const struct handoff *o, uint32_t stage, const struct cr_error *err)
{
    static struct cr_return_report r;

    r.stage = stage;
    r.code = err->code;
    cr_str_copy(r.text, sizeof(r.text), err->text);
    cr_sys(SYS_sendto, o->socket, &r, sizeof(r), MSG_NOSIGNAL, 0, 0);
}

/* Ends the process: it has no state to go on from. */
static void die(const struct handoff *o, const struct cr_error *err, int status)
{
    char text[CR_ERROR_TEXT_MAX + 64];
    size_t n;

    if (o->h != NULL) {
        report(o, CR_RETURN_FAILED, err);
    } else {
        n = cr_fmt(text, sizeof(text), "cr_restart: cannot restart process %d: %s\n",
                   cr_freeze_known_tid(cr_sys_getpid()), err->text);
        cr_sys_write_all(2, text, n);
    }
    cr_sys(SYS_exit_group, status);
}

/* Waits until all processes have reached STAGE. cr_restart hangs up if one of them cannot. */
static void await_others(const struct handoff *o, uint32_t stage)
{
    struct cr_error none = {0};
    struct cr_return_order order;
    long n;

    if (o->h == NULL)
        return;
    report(o, stage, &none);
    /* One that sends a signal to all leaves without our last report: the error comes before the order that it has sent, once. */
    do
        n = cr_sys(SYS_recvfrom, o->socket, &order, sizeof(order), 0, 0, 0);
    while (n == -EINTR || n == -ECONNRESET);
    if (n != sizeof(order) || order.stage != stage)
        cr_sys(SYS_exit_group, STATUS_CANNOT_RESTART);
}

static void unmap_restorer(void)
{
    if (cr_agent_state.restorer_end != 0)
        cr_sys_munmap(cr_agent_state.restorer_start,
                      cr_agent_state.restorer_end - cr_agent_state.restorer_start);
    cr_agent_state.restorer_start = 0;
    cr_agent_state.restorer_end = 0;
}

static int open_handoff(struct handoff *o, struct cr_error *err)
{
    int fd = cr_agent_state.handoff_fd;
    struct stat st;
    uint64_t at;

    *o = (struct handoff){.socket = -1};
    if (fd <= 0)
        return 0;
    cr_agent_state.handoff_fd = 0;
    if (cr_sys(SYS_fstat, fd, &st) < 0)
        return cr_fail(err, CR_EINTERNAL, "cr_restart has left no descriptor %d", fd);
    at = cr_sys_mmap(0, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_sys_close(fd);
    if (cr_sys_is_error(at))
        return cr_fail(err, ENOMEM, "cannot map what cr_restart tells");
    o->h = (struct cr_handoff *)at;
    o->socket = cr_agent_state.restart_fd;
    cr_agent_state.restart_fd = 0;
    o->member = &cr_handoff_members(o->h)[cr_agent_state.handoff_member];
    cr_callbacks_restarted_by(o->h->restarter, o->h->source);
    if (o->h->relocations != 0)
        cr_relocate_use((const char *)o->h + o->h->relocations);
    return 0;
}

/* Everybody learns this process's ids from the common memory. */
static void tell_ids(const struct handoff *o)
{
    struct cr_freeze_id *ids;
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);

    if (o->h == NULL)
        return;
    ids = cr_handoff_ids(o->h) + o->member->first_id;
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; threads[i].gone == 0 && k < o->member->id_count; k++)
            if (ids[k].known == threads[i].tid)
                ids[k].kernel = threads[i].kernel_tid;
}

static int put_back(struct cr_link *link, struct handoff *o, struct cr_error *err)
{
    struct cr_dump *d = &cr_agent.dump;
    struct cr_foreign foreign;
    int rc;

    /* The connection of this return is the socket to cr_restart: nobody may close it. */
    link->fd = o->socket;
    cr_agent_rank_foreign(link, &foreign);
    link->fd = -1;
    d->state.inherited = NULL;
    d->state.inherited_count = 0;
    if (o->h != NULL) {
        d->state.inherited = cr_handoff_fds(o->h) + o->member->first_fd;
        d->state.inherited_count = o->member->fd_count;
    }
    rc = cr_dump_put_back(d, &foreign, err);
    if (rc < 0)
        return rc;
    /* From here on they are descriptors like others: an epoll instance may hold them. */
    d->foreign.fd_count -= cr_handles_put_back();
    tell_ids(o);
    await_others(o, CR_RETURN_STANDS);
    if (o->h != NULL)
        rc = cr_freeze_adopt_ids(cr_handoff_ids(o->h), o->h->id_count, err);
    return rc < 0 ? rc : cr_dump_complete(d, err);
}

/* A stop must catch this thread first: the others are let go when it runs again. */
static void stop_again(void)
{
    cr_sys_tgkill(cr_sys_getpid(), cr_sys_gettid(), SIGSTOP);
}

static int rebuild(struct cr_error *err)
{
    const struct cr_rank_ops *ops = cr_agent.ops;
    int rc;

    if (ops == NULL)
        return 0;
    rc = ops->rebuild(err);
    return rc < 0 ? rc : cr_agent_register(err);
}

void cr_agent_return(struct cr_link *link)
{
    struct cr_error err = {0};
    struct cr_thread *threads;
    struct handoff *o = &handoff;
    int rc;

    link->fd = -1;
    link->signals = -1;
    link->requester = 0;
    link->passed = -1;
    cr_freeze_threads(&threads);
    cr_thread_restore(&threads[0]);
    cr_agent.tid = threads[0].kernel_tid;
    cr_agent_block_signals();
    cr_agent_state.generation++;
    rc = open_handoff(o, &err);
    if (rc == 0)
        rc = cr_freeze_await_restored(&err);
    unmap_restorer();
    if (rc == 0)
        rc = put_back(link, o, &err);
    if (rc == 0)
        rc = rebuild(&err);
    if (rc == 0)
        rc = cr_dump_finish(&cr_agent.dump, &err);
    if (rc < 0)
        die(o, &err, STATUS_CANNOT_RESTART);
    o->had_signal = cr_agent_children_signalled();
    await_others(o, CR_RETURN_COMPLETE);
    if (cr_state_verify(&cr_agent.dump.state, &err) < 0)
        die(o, &err, STATUS_CANNOT_RESTART);
}

void cr_agent_returned(int rc, const struct cr_error *err)
{
    static const struct cr_error none;
    struct handoff *o = &handoff;
    int stopped = o->h != NULL && (o->member->flags & CR_MEMBER_STOPPED) != 0;

    cr_agent.dump.state.inherited = NULL;
    cr_agent.dump.state.inherited_count = 0;
    if (rc < 0)
        die(o, err, STATUS_CALLBACK_ENDED_RESTART);
    if (o->h == NULL)
        return;
    cr_relocate_use(NULL);
    if (stopped) {
        report(o, CR_RETURN_CALLED, &none);
    } else {
        await_others(o, CR_RETURN_CALLED);
        cr_agent_children_put_back(o->h, (uint32_t)(o->member - cr_handoff_members(o->h)),
                                   o->had_signal);
    }
    cr_sys_munmap((uint64_t)o->h, o->h->size);
    cr_sys_close(o->socket);
    o->h = NULL;
    if (stopped)
        stop_again();
}
