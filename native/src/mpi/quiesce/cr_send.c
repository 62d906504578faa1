/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Sends. A blocking send is a non-blocking one and a loop of Tests in the lower half, so that a checkpoint
 * can interrupt it; a small message has usually left when the real Isend returns, and then there is no Test at all.
 * MPI_Rsend becomes the real Irsend: after a restart receives are posted again before anything can be sent.
 * What becomes of a synchronous send that a drain receives is in cr_sync.h.
 */
#include "cr_send.h"

#include "cr_buffer.h"
#include "cr_sync.h"
#include "cr_wait.h"

#include <string.h>

/* A blocking send that a checkpoint has interrupted, or that takes long while one is pending. */
static int send_slowly(MPI_Request real, int mode, int dest, int tag, MPI_Comm comm)
{
    struct cr_request r;

    memset(&r, 0, sizeof(r));
    r.type = CR_REQUEST_SEND;
    r.handle.real = real;
    r.mode = (uint8_t)mode;
    r.comm = comm;
    r.peer = dest;
    r.tag = tag;
    if (mode == CR_SEND_SYNCHRONOUS)
        cr_sync_started(&r);
    cr_request_activate(&r);
    cr_wait_interrupted_for(&r);
    cr_wait_one(&r);
    return r.status.MPI_ERROR;
}

/* With other threads, whose sends are counted meanwhile. */
static int send_recorded(cr_fn_Isend *start, int mode, const void *buffer, int count,
                         MPI_Datatype datatype, int dest, int tag, MPI_Comm comm)
{
    struct cr_request r;
    int rc;

    memset(&r, 0, sizeof(r));
    r.type = CR_REQUEST_SEND;
    r.flags = CR_REQUEST_ON_STACK;
    r.mode = (uint8_t)mode;
    r.comm = comm;
    r.peer = dest;
    r.tag = tag;
    rc = cr_send_start(start, &r, buffer, count, datatype);
    if (rc != MPI_SUCCESS)
        return rc;
    cr_wait_one(&r);
    return r.status.MPI_ERROR;
}

static inline int send_blocking(cr_fn_Isend *start, int mode, const void *buffer, int count,
                                MPI_Datatype datatype, int dest, int tag, MPI_Comm comm)
{
    MPI_Request real;
    int rc, done = 0;
    uint64_t fs;

    if (__builtin_expect(cr_request_slow & CR_SLOW_THREADS, 0) &&
        (mode == CR_SEND_SYNCHRONOUS || (cr_request_slow & CR_SLOW_SYNCHRONOUS)))
        return send_recorded(start, mode, buffer, count, datatype, dest, tag, comm);
    fs = cr_lower_enter();
    rc = start(buffer, count, CR_REAL_DATATYPE(datatype), dest, tag, CR_REAL_COMM(comm), &real);
    if (__builtin_expect(rc != MPI_SUCCESS, 0)) {
        cr_lower_leave(fs);
        return rc;
    }
    if (__builtin_expect(real == (MPI_Request)cr_request_empty, 1)) {
        cr_lower_leave(fs);
        cr_request_count_send(comm, dest, tag);
        return MPI_SUCCESS;
    }
    do
        rc = CR_REAL(Test)(&real, &done, MPI_STATUS_IGNORE);
    while (!done && !cr_gate_word);
    cr_lower_leave(fs);
    cr_request_count_send(comm, dest, tag);
    if (__builtin_expect(!done, 0))
        rc = send_slowly(real, mode, dest, tag, comm);
    return rc;
}

#define SEND(name, real, mode)                                                                     \
    CR_MPI(int, name,                                                                              \
           (const void *buf, int count, MPI_Datatype type, int dest, int tag, MPI_Comm comm))      \
    {                                                                                              \
        int rc;                                                                                    \
                                                                                                   \
        cr_gate_enter();                                                                           \
        rc = send_blocking(CR_REAL(real), mode, buf, count, type, dest, tag, comm);                \
        rc = cr_raise_comm(comm, rc, "MPI_" #name);                                                \
        cr_gate_leave();                                                                           \
        return rc;                                                                                 \
    }

SEND(Send, Isend, CR_SEND_STANDARD)
SEND(Ssend, Issend, CR_SEND_SYNCHRONOUS)
SEND(Rsend, Irsend, CR_SEND_READY)

static int hand_over(cr_fn_Isend *start, struct cr_request *r, const void *buffer, int count,
                     MPI_Datatype datatype)
{
    MPI_Request real;
    int begun = cr_sync_order_begin(r->mode), rc;
    uint64_t fs = cr_lower_enter();

    rc = start(buffer, count, CR_REAL_DATATYPE(datatype), r->peer, r->tag, CR_REAL_COMM(r->comm),
               &real);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS) {
        r->handle.real = real;
        cr_request_count_send(r->comm, r->peer, r->tag);
        if (r->mode == CR_SEND_SYNCHRONOUS && real != (MPI_Request)cr_request_empty)
            cr_sync_started(r);
    }
    cr_sync_order_end(begun);
    return rc;
}

int cr_send_start(cr_fn_Isend *start, struct cr_request *r, const void *buffer, int count,
                  MPI_Datatype datatype)
{
    int rc = hand_over(start, r, buffer, count, datatype);

    if (rc != MPI_SUCCESS)
        return rc;
    if (r->handle.real == cr_request_empty) {
        MPI_Status status;

        cr_request_empty_status(&status);
        cr_request_finished(r, &status, MPI_SUCCESS);
        return MPI_SUCCESS;
    }
    if (!(r->flags & (CR_REQUEST_RETAINS | CR_REQUEST_ON_STACK)))
        cr_request_retain(r, 0);
    cr_request_activate(r);
    return MPI_SUCCESS;
}

static inline int send_nonblocking(cr_fn_Isend *start, int mode, const void *buffer, int count,
                                   MPI_Datatype datatype, int dest, int tag, MPI_Comm comm,
                                   MPI_Request *request)
{
    struct cr_request *r = cr_request_new(CR_REQUEST_SEND);
    int rc;

    r->mode = (uint8_t)mode;
    r->comm = comm;
    r->peer = dest;
    r->tag = tag;
    rc = cr_send_start(start, r, buffer, count, datatype);
    if (rc == MPI_SUCCESS)
        *request = (MPI_Request)r;
    else
        cr_request_release(r);
    return rc;
}

#define ISEND(name, real, mode)                                                                    \
    CR_MPI(int, name,                                                                              \
           (const void *buf, int count, MPI_Datatype type, int dest, int tag, MPI_Comm comm,       \
            MPI_Request *request))                                                                 \
    {                                                                                              \
        int rc;                                                                                    \
                                                                                                   \
        cr_gate_enter();                                                                           \
        rc = send_nonblocking(CR_REAL(real), mode, buf, count, type, dest, tag, comm, request);    \
        rc = cr_raise_comm(comm, rc, "MPI_" #name);                                                \
        cr_gate_leave();                                                                           \
        return rc;                                                                                 \
    }

ISEND(Isend, Isend, CR_SEND_STANDARD)
ISEND(Issend, Issend, CR_SEND_SYNCHRONOUS)
ISEND(Irsend, Irsend, CR_SEND_READY)

CR_MPI(int, Bsend,
       (const void *buf, int count, MPI_Datatype type, int dest, int tag, MPI_Comm comm))
{
    int rc;

    cr_gate_enter();
    rc = cr_raise_comm(comm, cr_buffer_send(buf, count, type, dest, tag, comm), "MPI_Bsend");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Ibsend,
       (const void *buf, int count, MPI_Datatype type, int dest, int tag, MPI_Comm comm,
        MPI_Request *request))
{
    MPI_Status status;
    int rc;

    cr_gate_enter();
    rc = cr_buffer_send(buf, count, type, dest, tag, comm);
    if (rc == MPI_SUCCESS) {
        struct cr_request *r = cr_request_new(CR_REQUEST_SEND);

        r->comm = comm;
        r->peer = dest;
        cr_request_empty_status(&status);
        cr_request_finished(r, &status, MPI_SUCCESS);
        *request = (MPI_Request)r;
    }
    rc = cr_raise_comm(comm, rc, "MPI_Ibsend");
    cr_gate_leave();
    return rc;
}
