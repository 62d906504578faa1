/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. MPI_Probe, MPI_Iprobe, matched probes and their receives. */
#include "cr_probe.h"

#include "cr_blocked.h"
#include "cr_clock.h"
#include "cr_receive.h"
#include "cr_unexpected.h"
#include "cr_wait.h"

#include <string.h>

static struct cr_matched *held;
static struct cr_lock held_lock;
uint64_t cr_probe_order;

struct cr_matched *cr_probe_first(void)
{
    return held;
}

static struct cr_matched *hold(MPI_Comm comm, const MPI_Status *status)
{
    struct cr_matched *m = cr_pool_alloc(sizeof(*m));

    m->handle.magic = CR_HANDLE_MAGIC;
    m->handle.kind = CR_KIND_MESSAGE;
    m->comm = comm;
    m->status = *status;
    cr_communicator_retain(comm);
    cr_lock_take(&held_lock);
    m->number = ++cr_probe_order;
    if (held == NULL)
        cr_request_slow_set(CR_SLOW_HELD);
    m->next = held;
    m->link = &held;
    if (held != NULL)
        held->link = &m->next;
    held = m;
    cr_lock_give(&held_lock);
    return m;
}

static void let_go(struct cr_matched *m)
{
    cr_lock_take(&held_lock);
    *m->link = m->next;
    if (m->next != NULL)
        m->next->link = m->link;
    if (held == NULL)
        cr_request_slow_clear(CR_SLOW_HELD);
    cr_lock_give(&held_lock);
    m->handle.magic = 0;
    cr_communicator_release(m->comm);
    cr_pool_free(m, sizeof(*m));
}

static int is_in_class(const struct cr_matched *m, MPI_Comm comm, int source, int tag)
{
    return m->comm == comm && m->status.MPI_SOURCE == source && m->status.MPI_TAG == tag;
}

void cr_probe_consumed(MPI_Comm comm, int source, int tag, uint64_t order)
{
    struct cr_matched *m;

    cr_lock_take(&held_lock);
    for (m = held; m != NULL; m = m->next)
        if (m->number <= order && is_in_class(m, comm, source, tag))
            m->consumed++;
    cr_lock_give(&held_lock);
}

struct cr_message *cr_probe_held(MPI_Comm comm, int source, int tag, uint64_t after)
{
    const struct cr_matched *m, *later;

    for (m = held; m != NULL; m = m->next) {
        uint64_t count = m->consumed;

        if (!is_in_class(m, comm, source, tag))
            continue;
        for (later = held; later != NULL; later = later->next)
            count += later->number > m->number && is_in_class(later, comm, source, tag);
        if (count == after)
            return m->kept;
    }
    return NULL;
}

/* What a probe looks for, and what it has found. */
struct look {
    int source, tag;
    MPI_Comm comm;
    int matched; /* take the message, as Mprobe does */
    int found;
    struct cr_message *kept;
    MPI_Message real;
    MPI_Status status;
};

static void look_in_queue(struct look *l)
{
    if (!cr_unexpected_any(l->comm))
        return;
    if (l->matched) {
        l->kept = cr_unexpected_take(l->comm, l->source, l->tag, &l->status);
        l->found = l->kept != NULL;
    } else {
        l->found = cr_unexpected_find(l->comm, l->source, l->tag, &l->status) != NULL;
    }
}

static int look_in_network(struct look *l, int block)
{
    int rc;
    uint64_t fs = cr_lower_enter();

    do {
        if (l->matched)
            rc = CR_REAL(Improbe)(l->source, l->tag, CR_REAL_COMM(l->comm), &l->found, &l->real,
                                  &l->status);
        else
            rc = CR_REAL(Iprobe)(l->source, l->tag, CR_REAL_COMM(l->comm), &l->found, &l->status);
    } while (rc == MPI_SUCCESS && !l->found && block && !cr_gate_word);
    cr_lower_leave(fs);
    return rc;
}

static void interrupted(const struct look *l)
{
    const struct cr_blocked blocked = {.comm = l->comm, .source = l->source, .tag = l->tag};

    if (cr_gate_word & CR_GATE_STOP)
        cr_blocked_park(&blocked);
    else
        cr_clock_waits_for(l->comm, l->source);
}

/* After a park the message may lie in the queue: it is looked at again each time. */
static int look(struct look *l, int block)
{
    int rc;

    for (;;) {
        look_in_queue(l);
        if (l->found)
            break;
        rc = look_in_network(l, block);
        if (rc != MPI_SUCCESS)
            return rc;
        if (l->found || (!block && !cr_gate_word))
            break;
        if (!block) {
            cr_clock_waits_for(l->comm, l->source);
            break;
        }
        interrupted(l);
    }
    if (l->found && __builtin_expect(cr_gate_word, 0))
        cr_clock_progressed();
    return MPI_SUCCESS;
}

static void copy_status(MPI_Status *to, const struct look *l)
{
    if (to != MPI_STATUS_IGNORE)
        *to = l->status;
}

static int probe(int source, int tag, MPI_Comm comm, int *flag, MPI_Status *status, int block,
                 const char *name)
{
    struct look l = {.source = source, .tag = tag, .comm = comm};
    int rc;

    cr_gate_enter_as(name);
    rc = look(&l, block);
    if (rc == MPI_SUCCESS && l.found)
        copy_status(status, &l);
    *flag = l.found;
    rc = cr_raise_comm(comm, rc, name);
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Probe, (int source, int tag, MPI_Comm comm, MPI_Status *status))
{
    int flag;

    return probe(source, tag, comm, &flag, status, 1, "MPI_Probe");
}

CR_MPI(int, Iprobe, (int source, int tag, MPI_Comm comm, int *flag, MPI_Status *status))
{
    return probe(source, tag, comm, flag, status, 0, "MPI_Iprobe");
}

static MPI_Message message_of(const struct look *l)
{
    struct cr_matched *m;

    if (l->kept == NULL && l->real == (MPI_Message)cr_handle_real(MPI_MESSAGE_NO_PROC))
        return MPI_MESSAGE_NO_PROC;
    m = hold(l->comm, &l->status);
    m->kept = l->kept;
    m->handle.real = l->kept == NULL ? l->real : NULL;
    return (MPI_Message)m;
}

static int mprobe(int source, int tag, MPI_Comm comm, int *flag, MPI_Message *message,
                  MPI_Status *status, int block, const char *name)
{
    struct look l = {.source = source, .tag = tag, .comm = comm, .matched = 1};
    int rc;

    cr_gate_enter_as(name);
    rc = look(&l, block);
    *flag = l.found;
    if (rc == MPI_SUCCESS && l.found) {
        copy_status(status, &l);
        *message = message_of(&l);
    }
    rc = cr_raise_comm(comm, rc, name);
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Mprobe, (int source, int tag, MPI_Comm comm, MPI_Message *message, MPI_Status *status))
{
    int flag;

    return mprobe(source, tag, comm, &flag, message, status, 1, "MPI_Mprobe");
}

CR_MPI(int, Improbe,
       (int source, int tag, MPI_Comm comm, int *flag, MPI_Message *message, MPI_Status *status))
{
    return mprobe(source, tag, comm, flag, message, status, 0, "MPI_Improbe");
}

/* Fills R with the receive of *MESSAGE and starts it: active, or DONE. Frees the handle. */
static int start_matched(struct cr_request *r, void *buffer, int count, MPI_Datatype datatype,
                         MPI_Message *message)
{
    struct cr_matched *m = (struct cr_matched *)*message;
    MPI_Status status;
    uint64_t fs;
    int rc = MPI_SUCCESS;

    r->buffer = buffer;
    r->count = count;
    r->datatype = datatype;
    r->comm = m->comm;
    r->peer = m->status.MPI_SOURCE;
    r->tag = m->status.MPI_TAG;
    if (m->kept != NULL) {
        rc = cr_unexpected_deliver(m->kept, buffer, count, datatype, &status);
        cr_request_finished(r, &status, rc);
        rc = MPI_SUCCESS;
    } else {
        fs = cr_lower_enter();
        rc = CR_REAL(Imrecv)(buffer, count, CR_REAL_DATATYPE(datatype),
                             (MPI_Message *)&m->handle.real, (MPI_Request *)&r->handle.real);
        cr_lower_leave(fs);
        if (rc == MPI_SUCCESS) {
            if (!(r->flags & CR_REQUEST_ON_STACK))
                cr_request_retain(r, 1);
            cr_request_activate(r);
            r->order = 0; /* counts here, as the message that it is */
        }
    }
    if (rc != MPI_SUCCESS)
        return rc;
    cr_probe_consumed(m->comm, r->peer, r->tag, m->number - 1);
    let_go(m);
    *message = MPI_MESSAGE_NULL;
    return MPI_SUCCESS;
}

static void no_proc_status(MPI_Status *ret_status)
{
    cr_request_empty_status(ret_status);
    ret_status->MPI_SOURCE = MPI_PROC_NULL;
}

CR_MPI(int, Imrecv,
       (void *buf, int count, MPI_Datatype type, MPI_Message *message, MPI_Request *request))
{
    struct cr_request *r;
    MPI_Status status;
    int rc = MPI_SUCCESS;

    if (message == NULL || *message == MPI_MESSAGE_NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Imrecv");
    cr_gate_enter();
    r = cr_request_new(CR_REQUEST_RECEIVE);
    if (*message == MPI_MESSAGE_NO_PROC) {
        no_proc_status(&status);
        r->comm = NULL;
        cr_request_finished(r, &status, MPI_SUCCESS);
        *message = MPI_MESSAGE_NULL;
    } else {
        rc = start_matched(r, buf, count, type, message);
    }
    if (rc == MPI_SUCCESS)
        *request = (MPI_Request)r;
    else
        cr_request_release(r);
    rc = cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Imrecv");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Mrecv,
       (void *buf, int count, MPI_Datatype type, MPI_Message *message, MPI_Status *status))
{
    struct cr_request r;
    int rc;

    if (message == NULL || *message == MPI_MESSAGE_NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Mrecv");
    if (*message == MPI_MESSAGE_NO_PROC) {
        if (status != MPI_STATUS_IGNORE)
            no_proc_status(status);
        *message = MPI_MESSAGE_NULL;
        return MPI_SUCCESS;
    }
    cr_gate_enter();
    memset(&r, 0, sizeof(r));
    r.type = CR_REQUEST_RECEIVE;
    r.flags = CR_REQUEST_ON_STACK;
    rc = start_matched(&r, buf, count, type, message);
    if (rc == MPI_SUCCESS) {
        cr_wait_one(&r);
        rc = r.status.MPI_ERROR;
        if (status != MPI_STATUS_IGNORE)
            *status = r.status;
    }
    rc = cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Mrecv");
    cr_gate_leave();
    return rc;
}
