/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Persistent requests of point-to-point calls: a record of the arguments, from which MPI_Start starts an
 * ordinary send or receive. So there is nothing to make again in a new lower half.
 */
#include "cr_persistent.h"
#include "cr_buffer.h"
#include "cr_receive.h"
#include "cr_send.h"

static void make(enum cr_request_type type, enum cr_send_mode mode, const void *buffer, int count,
                 MPI_Datatype datatype, int peer, int tag, MPI_Comm comm, MPI_Request *request)
{
    struct cr_request *r;

    cr_gate_enter();
    r = cr_request_new(type);
    r->flags = CR_REQUEST_PERSISTENT;
    r->state = CR_REQUEST_INACTIVE;
    r->mode = (uint8_t)mode;
    r->buffer = (void *)(uintptr_t)buffer;
    r->count = count;
    r->datatype = datatype;
    r->peer = peer;
    r->tag = tag;
    r->comm = comm;
    cr_request_retain(r, 1);
    *request = (MPI_Request)r;
    cr_gate_leave();
}

/* Arguments that MPI would refuse at once; the rest is found by MPI_Start. */
static int bad(int count, MPI_Comm comm, const MPI_Request *request)
{
    if (comm == MPI_COMM_NULL || comm == NULL)
        return MPI_ERR_COMM;
    if (count < 0)
        return MPI_ERR_COUNT;
    return request == NULL ? MPI_ERR_REQUEST : MPI_SUCCESS;
}

#define SEND_INIT(name, mode)                                                                      \
    CR_MPI(int, name,                                                                              \
           (const void *buf, int count, MPI_Datatype type, int dest, int tag, MPI_Comm comm,       \
            MPI_Request *request))                                                                 \
    {                                                                                              \
        int rc = bad(count, comm, request);                                                        \
                                                                                                   \
        if (rc != MPI_SUCCESS)                                                                     \
            return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_" #name);                                \
        make(CR_REQUEST_SEND, mode, buf, count, type, dest, tag, comm, request);                   \
        return MPI_SUCCESS;                                                                        \
    }

SEND_INIT(Send_init, CR_SEND_STANDARD)
SEND_INIT(Ssend_init, CR_SEND_SYNCHRONOUS)
SEND_INIT(Rsend_init, CR_SEND_READY)
SEND_INIT(Bsend_init, CR_SEND_BUFFERED)

CR_MPI(int, Recv_init,
       (void *buf, int count, MPI_Datatype type, int source, int tag, MPI_Comm comm,
        MPI_Request *request))
{
    int rc = bad(count, comm, request);

    if (rc != MPI_SUCCESS)
        return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Recv_init");
    make(CR_REQUEST_RECEIVE, CR_SEND_STANDARD, buf, count, type, source, tag, comm, request);
    return MPI_SUCCESS;
}

static int start_buffered(struct cr_request *r)
{
    int rc = cr_buffer_send(r->buffer, r->count, r->datatype, r->peer, r->tag, r->comm);
    MPI_Status status;

    if (rc != MPI_SUCCESS)
        return rc;
    cr_request_empty_status(&status);
    cr_request_finished(r, &status, MPI_SUCCESS);
    return MPI_SUCCESS;
}

static int start(struct cr_request *r)
{
    if (!(r->flags & CR_REQUEST_PERSISTENT) || r->state != CR_REQUEST_INACTIVE)
        return MPI_ERR_REQUEST;
    if (r->type == CR_REQUEST_PERSISTENT_COLLECTIVE)
        return cr_persistent_start(r);
    if (r->type == CR_REQUEST_RECEIVE)
        return cr_receive_start(r);
    switch (r->mode) {
    case CR_SEND_BUFFERED:
        return start_buffered(r);
    case CR_SEND_SYNCHRONOUS:
        return cr_send_start(CR_REAL(Issend), r, r->buffer, r->count, r->datatype);
    case CR_SEND_READY:
        return cr_send_start(CR_REAL(Irsend), r, r->buffer, r->count, r->datatype);
    default:
        return cr_send_start(CR_REAL(Isend), r, r->buffer, r->count, r->datatype);
    }
}

static int start_many(int count, MPI_Request *requests, const char *name)
{
    int i, rc = MPI_SUCCESS;

    cr_gate_enter_as(name);
    for (i = 0; i < count && rc == MPI_SUCCESS; i++) {
        if (requests[i] == NULL || requests[i] == MPI_REQUEST_NULL)
            rc = cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, name);
        else
            rc = cr_request_raise(cr_request_of(requests[i]), start(cr_request_of(requests[i])),
                                  name);
    }
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Start, (MPI_Request * request))
{
    return start_many(1, request, "MPI_Start");
}

CR_MPI(int, Startall, (int count, MPI_Request requests[]))
{
    return start_many(count, requests, "MPI_Startall");
}
