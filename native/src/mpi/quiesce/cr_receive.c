/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Receives: first the queue of drained messages, then the real library. A receive that no message has
 * reached at a checkpoint stays posted; in a new lower half it is posted again, in the old order.
 */
#include "cr_receive.h"

#include "cr_clock.h"
#include "cr_probe.h"
#include "cr_send.h"
#include "cr_sys.h"
#include "cr_unexpected.h"
#include "cr_wait.h"

#include <string.h>
#include <sys/mman.h>

static void fill(struct cr_request *r, void *buffer, int count, MPI_Datatype datatype, int source,
                 int tag, MPI_Comm comm)
{
    r->buffer = buffer;
    r->count = count;
    r->datatype = datatype;
    r->peer = source;
    r->tag = tag;
    r->comm = comm;
}

/* A blocking receive that a checkpoint has interrupted, or that takes long while one is pending. */
static int receive_slowly(struct cr_request *r, MPI_Status *status)
{
    cr_request_activate(r);
    cr_wait_interrupted_for(r);
    cr_wait_one(r);
    if (status != MPI_STATUS_IGNORE)
        *status = r->status;
    return r->status.MPI_ERROR;
}

/* From the queue. Returns 1 if a message was there. */
static int receive_kept(void *buffer, int count, MPI_Datatype datatype, int source, int tag,
                        MPI_Comm comm, MPI_Status *ret_status, int *ret_code)
{
    struct cr_message *message = cr_unexpected_take(comm, source, tag, NULL);

    if (message == NULL)
        return 0;
    if (__builtin_expect(cr_gate_word, 0))
        cr_clock_progressed();
    if (__builtin_expect(cr_request_slow & CR_SLOW_HELD, 0))
        cr_probe_consumed(comm, message->source, message->tag, cr_probe_order);
    *ret_code = cr_unexpected_deliver(message, buffer, count, datatype, ret_status);
    return 1;
}

static inline int receive_blocking(void *buffer, int count, MPI_Datatype datatype, int source,
                                   int tag, MPI_Comm comm, MPI_Status *status)
{
    MPI_Request real;
    int rc, done = 0;
    uint64_t fs = cr_lower_enter();

    rc = CR_REAL(Irecv)(buffer, count, CR_REAL_DATATYPE(datatype), source, tag, CR_REAL_COMM(comm),
                        &real);
    if (__builtin_expect(rc != MPI_SUCCESS, 0)) {
        cr_lower_leave(fs);
        return rc;
    }
    do
        rc = CR_REAL(Test)(&real, &done, status);
    while (!done && !cr_gate_word);
    cr_lower_leave(fs);
    if (__builtin_expect(!done, 0)) {
        struct cr_request r;

        memset(&r, 0, sizeof(r));
        r.type = CR_REQUEST_RECEIVE;
        r.handle.real = real;
        fill(&r, buffer, count, datatype, source, tag, comm);
        return receive_slowly(&r, status);
    }
    if (__builtin_expect(source != MPI_PROC_NULL, 1))
        cr_request_count_receive(comm);
    if (status != MPI_STATUS_IGNORE)
        status->MPI_ERROR = rc;
    return rc;
}

/* While messages are held by probes it must be known which of their class is received. */
static int receive_recorded(void *buffer, int count, MPI_Datatype datatype, int source, int tag,
                            MPI_Comm comm, MPI_Status *status)
{
    struct cr_request r;
    int rc;

    memset(&r, 0, sizeof(r));
    r.type = CR_REQUEST_RECEIVE;
    r.flags = CR_REQUEST_ON_STACK;
    fill(&r, buffer, count, datatype, source, tag, comm);
    rc = cr_receive_start(&r);
    if (rc != MPI_SUCCESS)
        return rc;
    cr_wait_one(&r);
    if (status != MPI_STATUS_IGNORE)
        *status = r.status;
    return r.status.MPI_ERROR;
}

CR_MPI(int, Recv,
       (void *buf, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm,
        MPI_Status *status))
{
    MPI_Status kept;
    int rc;

    cr_gate_enter();
    if (cr_unexpected_any(comm) && receive_kept(buf, count, type, source, tag, comm, &kept, &rc)) {
        if (status != MPI_STATUS_IGNORE)
            *status = kept;
    } else if (__builtin_expect(cr_request_slow & CR_SLOW_HELD, 0)) {
        rc = receive_recorded(buf, count, type, source, tag, comm, status);
    } else {
        rc = receive_blocking(buf, count, type, source, tag, comm, status);
    }
    rc = cr_raise_comm(comm, rc, "MPI_Recv");
    cr_gate_leave();
    return rc;
}

int cr_receive_repost(struct cr_request *r)
{
    MPI_Request real;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Irecv)(r->buffer, r->count, CR_REAL_DATATYPE(r->datatype), r->peer, r->tag,
                            CR_REAL_COMM(r->comm), &real);

    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        r->handle.real = real;
    return rc;
}

int cr_receive_start(struct cr_request *r)
{
    MPI_Status status;
    int rc;

    if (cr_unexpected_any(r->comm) &&
        receive_kept(r->buffer, r->count, r->datatype, r->peer, r->tag, r->comm, &status, &rc)) {
        cr_request_finished(r, &status, rc);
        return MPI_SUCCESS;
    }
    rc = cr_receive_repost(r);
    if (rc != MPI_SUCCESS)
        return rc;
    if (!(r->flags & (CR_REQUEST_RETAINS | CR_REQUEST_ON_STACK)))
        cr_request_retain(r, 1);
    cr_request_activate(r);
    return MPI_SUCCESS;
}

CR_MPI(int, Irecv,
       (void *buf, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm,
        MPI_Request *request))
{
    struct cr_request *r;
    int rc;

    cr_gate_enter();
    r = cr_request_new(CR_REQUEST_RECEIVE);
    fill(r, buf, count, type, source, tag, comm);
    rc = cr_receive_start(r);
    if (rc == MPI_SUCCESS)
        *request = (MPI_Request)r;
    else
        cr_request_release(r);
    rc = cr_raise_comm(comm, rc, "MPI_Irecv");
    cr_gate_leave();
    return rc;
}

/* What is sent in an exchange; what is received is in a request. */
struct sent {
    const void *buffer;
    int count, dest, tag;
    MPI_Datatype datatype;
};

static void fill_send(struct cr_request *send, const struct sent *s, MPI_Comm comm)
{
    memset(send, 0, sizeof(*send));
    send->type = CR_REQUEST_SEND;
    send->flags = CR_REQUEST_ON_STACK;
    send->comm = comm;
    send->peer = s->dest;
    send->tag = s->tag;
}

static int exchange_failed(struct cr_request *receive, int rc)
{
    PMPI_Cancel((MPI_Request[]){(MPI_Request)receive});
    cr_wait_one(receive);
    return rc;
}

static int exchange_wait(struct cr_request *receive, struct cr_request *send, MPI_Status *status)
{
    cr_wait_one(receive);
    cr_wait_one(send);
    if (status != MPI_STATUS_IGNORE)
        *status = receive->status;
    return receive->status.MPI_ERROR != MPI_SUCCESS ? receive->status.MPI_ERROR
                                                    : send->status.MPI_ERROR;
}

static int exchange_recorded(struct cr_request *receive, const struct sent *s, MPI_Status *status)
{
    struct cr_request send;
    int rc = cr_receive_start(receive);

    if (rc != MPI_SUCCESS)
        return rc;
    fill_send(&send, s, receive->comm);
    rc = cr_send_start(CR_REAL(Isend), &send, s->buffer, s->count, s->datatype);
    if (rc != MPI_SUCCESS)
        return exchange_failed(receive, rc);
    return exchange_wait(receive, &send, status);
}

/* The real requests of an exchange, and how far they are. */
struct halves {
    MPI_Request receive, send;
    int received, sent;
    int receive_code, send_code;
    MPI_Status status;
};

/* FS: lower. Returns when both have ended, or the gate word has changed. */
static inline void poll_halves(struct halves *h)
{
    do {
        if (!h->received)
            h->receive_code = CR_REAL(Test)(&h->receive, &h->received, &h->status);
        if (!h->sent)
            h->send_code = CR_REAL(Test)(&h->send, &h->sent, MPI_STATUS_IGNORE);
    } while (!(h->received && h->sent) && !cr_gate_word);
}

/* A checkpoint has interrupted it: with records for what has not ended. */
static int exchange_slowly(struct halves *h, struct cr_request *receive, const struct sent *s,
                           MPI_Status *status)
{
    struct cr_request send;

    fill_send(&send, s, receive->comm);
    if (h->received) {
        cr_request_finished(receive, &h->status, h->receive_code);
    } else {
        receive->handle.real = h->receive;
        cr_request_activate(receive);
    }
    send.status.MPI_ERROR = h->send_code;
    if (!h->sent) {
        send.handle.real = h->send;
        cr_request_activate(&send);
    }
    return exchange_wait(receive, &send, status);
}

/* With one change to the lower half and back, and no records. */
static int exchange_directly(struct cr_request *receive, const struct sent *s, MPI_Status *status)
{
    struct halves h = {.received = 0, .sent = 0, .send_code = MPI_SUCCESS};
    MPI_Comm comm = CR_REAL_COMM(receive->comm);
    int posted, rc;
    uint64_t fs = cr_lower_enter();

    rc = posted =
        CR_REAL(Irecv)(receive->buffer, receive->count, CR_REAL_DATATYPE(receive->datatype),
                       receive->peer, receive->tag, comm, &h.receive);
    if (rc == MPI_SUCCESS)
        rc = CR_REAL(Isend)(s->buffer, s->count, CR_REAL_DATATYPE(s->datatype), s->dest, s->tag,
                            comm, &h.send);
    if (rc == MPI_SUCCESS) {
        h.sent = h.send == (MPI_Request)cr_request_empty;
        poll_halves(&h);
    }
    cr_lower_leave(fs);
    if (__builtin_expect(rc != MPI_SUCCESS, 0)) {
        if (posted != MPI_SUCCESS)
            return rc;
        receive->handle.real = h.receive;
        cr_request_activate(receive);
        return exchange_failed(receive, rc);
    }
    cr_request_count_send(receive->comm, s->dest, s->tag);
    if (h.received && receive->peer != MPI_PROC_NULL)
        cr_request_count_receive(receive->comm);
    if (__builtin_expect(!(h.received && h.sent), 0))
        return exchange_slowly(&h, receive, s, status);
    h.status.MPI_ERROR = h.receive_code;
    if (status != MPI_STATUS_IGNORE)
        *status = h.status;
    return h.receive_code != MPI_SUCCESS ? h.receive_code : h.send_code;
}

/* The receive is posted first, so that two ranks that exchange large messages with each other do not buffer them. */
static int exchange(struct cr_request *receive, const void *send_buffer, int send_count,
                    MPI_Datatype send_type, int dest, int send_tag, MPI_Status *status)
{
    struct sent s = {send_buffer, send_count, dest, send_tag, send_type};

    receive->type = CR_REQUEST_RECEIVE;
    receive->flags = CR_REQUEST_ON_STACK;
    if (__builtin_expect(cr_request_slow, 0) || cr_unexpected_any(receive->comm))
        return exchange_recorded(receive, &s, status);
    return exchange_directly(receive, &s, status);
}

CR_MPI(int, Sendrecv,
       (const void *sendbuf, int sendcount, MPI_Datatype sendtype, int dest, int sendtag,
        void *recvbuf, int recvcount, MPI_Datatype recvtype, int source, int recvtag, MPI_Comm comm,
        MPI_Status *status))
{
    struct cr_request r;
    int rc;

    cr_gate_enter();
    memset(&r, 0, sizeof(r));
    fill(&r, recvbuf, recvcount, recvtype, source, recvtag, comm);
    rc = exchange(&r, sendbuf, sendcount, sendtype, dest, sendtag, status);
    rc = cr_raise_comm(comm, rc, "MPI_Sendrecv");
    cr_gate_leave();
    return rc;
}

enum { REPLACE_ON_STACK = 2048 };

/* Packs what is sent into upper memory, then receives over it. SPACE is at least SIZE bytes. */
static int replace(void *buffer, int count, MPI_Datatype datatype, int dest, int send_tag,
                   struct cr_request *receive, char *space, int size, MPI_Status *status)
{
    int rc, position = 0;
    uint64_t fs = cr_lower_enter();

    rc = CR_REAL(Pack)(buffer, count, CR_REAL_DATATYPE(datatype), space, size, &position,
                       CR_REAL_COMM(receive->comm));
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    return exchange(receive, space, position, MPI_PACKED, dest, send_tag, status);
}

static int packed_size(int count, MPI_Datatype datatype, MPI_Comm comm, int *ret_size)
{
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Pack_size)(count, CR_REAL_DATATYPE(datatype), CR_REAL_COMM(comm), ret_size);

    cr_lower_leave(fs);
    return rc;
}

CR_MPI(int, Sendrecv_replace,
       (void *buf, int count, MPI_Datatype type, int dest, int sendtag, int source, int recvtag,
        MPI_Comm comm, MPI_Status *status))
{
    char small[REPLACE_ON_STACK], *space = small;
    struct cr_request r;
    int rc, size = 0;

    cr_gate_enter();
    memset(&r, 0, sizeof(r));
    fill(&r, buf, count, type, source, recvtag, comm);
    rc = packed_size(count, type, comm, &size);
    if (rc == MPI_SUCCESS && size > REPLACE_ON_STACK) {
        uint64_t at = cr_sys_mmap(0, (size_t)size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        space = (char *)at;
        if (cr_sys_is_error(at))
            rc = MPI_ERR_NO_MEM;
    }
    if (rc == MPI_SUCCESS)
        rc = replace(buf, count, type, dest, sendtag, &r, space, size, status);
    if (space != small && !cr_sys_is_error((uint64_t)space))
        cr_sys_munmap((uint64_t)space, (size_t)size);
    rc = cr_raise_comm(comm, rc, "MPI_Sendrecv_replace");
    cr_gate_leave();
    return rc;
}
