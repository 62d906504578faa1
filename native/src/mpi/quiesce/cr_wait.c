/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. MPI_Wait, MPI_Test, MPI_Request_get_status: waiting for one request. */
#include "cr_wait.h"

#include "cr_blocked.h"
#include "cr_clock.h"
#include "cr_generalized.h"
#include "cr_sync.h"
#include "cr_sys.h"

void cr_wait_interrupted(MPI_Comm comm, int peer)
{
    if (cr_gate_word & CR_GATE_STOP)
        cr_gate_park();
    else
        cr_clock_waits_for(comm, peer);
}

void cr_wait_interrupted_for(const struct cr_request *r)
{
    const MPI_Request handle = (MPI_Request)r;
    const struct cr_blocked blocked = {.requests = &handle, .count = 1};

    if (cr_gate_word & CR_GATE_STOP)
        cr_blocked_park(&blocked);
    else
        cr_clock_waits_for(r->comm, r->peer);
}

void cr_wait_upper(int block)
{
    cr_sync_poll();
    if (block && !cr_gate_word)
        cr_sys(SYS_sched_yield);
}

static void wait_for_upper(struct cr_request *r)
{
    cr_wait_upper(1);
    if (cr_request_is_active(r) && cr_gate_word)
        cr_wait_interrupted_for(r);
}

void cr_wait_one(struct cr_request *r)
{
    while (cr_request_is_active(r)) {
        MPI_Status status;
        int done = 0, code;
        uint64_t fs;

        if (__builtin_expect(r->flags & CR_REQUEST_UPPER, 0)) {
            wait_for_upper(r);
            continue;
        }
        fs = cr_lower_enter();
        do
            code = CR_REAL(Test)((MPI_Request *)&r->handle.real, &done, &status);
        while (!done && !cr_gate_word);
        cr_lower_leave(fs);
        if (done)
            cr_request_complete(r, &status, code);
        else
            cr_wait_interrupted_for(r);
    }
    if (__builtin_expect(cr_gate_word, 0))
        cr_clock_progressed();
}

int cr_wait_test(struct cr_request *r)
{
    MPI_Status status;
    int done = 0, code;
    uint64_t fs;

    if (!cr_request_is_active(r))
        return 1;
    if (__builtin_expect(r->flags & CR_REQUEST_UPPER, 0)) {
        cr_wait_upper(0);
        done = !cr_request_is_active(r);
    } else {
        fs = cr_lower_enter();
        code = CR_REAL(Test)((MPI_Request *)&r->handle.real, &done, &status);
        cr_lower_leave(fs);
        if (done)
            cr_request_complete(r, &status, code);
    }
    if (__builtin_expect(!cr_gate_word, 1))
        return done;
    if (done)
        cr_clock_progressed();
    else
        cr_clock_waits_for(r->comm, r->peer);
    return done;
}

static void copy_status(MPI_Status *to, const MPI_Status *from)
{
    int error;

    if (to == MPI_STATUS_IGNORE)
        return;
    error = to->MPI_ERROR;
    *to = *from;
    to->MPI_ERROR = error;
}

int cr_wait_take(MPI_Request *request, MPI_Status *status, const char *name)
{
    cr_wait_query(cr_request_of(*request));
    return cr_wait_give(request, status, name);
}

void cr_wait_query(struct cr_request *r)
{
    if (__builtin_expect(r->type == CR_REQUEST_GENERALIZED, 0))
        cr_generalized_query(r);
}

int cr_wait_give(MPI_Request *request, MPI_Status *status, const char *name)
{
    struct cr_request *r = cr_request_of(*request);
    int code = r->status.MPI_ERROR;

    copy_status(status, &r->status);
    if (r->flags & CR_REQUEST_PERSISTENT) {
        r->state = CR_REQUEST_INACTIVE;
        return cr_request_raise(r, code, name);
    }
    *request = MPI_REQUEST_NULL;
    code = cr_request_raise(r, code, name);
    cr_request_release(r);
    return code;
}

/* Nothing to wait for: the null handle, or a persistent request that was not started. */
static int is_idle(MPI_Request request)
{
    return request == MPI_REQUEST_NULL || cr_request_of(request)->state == CR_REQUEST_INACTIVE;
}

static void idle_status(MPI_Status *status)
{
    MPI_Status empty;

    cr_request_empty_status(&empty);
    copy_status(status, &empty);
}

CR_MPI(int, Wait, (MPI_Request * request, MPI_Status *status))
{
    int rc;

    if (request == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Wait");
    if (is_idle(*request)) {
        idle_status(status);
        return MPI_SUCCESS;
    }
    cr_gate_enter();
    cr_wait_one(cr_request_of(*request));
    rc = cr_wait_take(request, status, "MPI_Wait");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Test, (MPI_Request * request, int *flag, MPI_Status *status))
{
    int rc = MPI_SUCCESS;

    if (request == NULL || flag == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Test");
    if (is_idle(*request)) {
        idle_status(status);
        *flag = 1;
        return MPI_SUCCESS;
    }
    cr_gate_enter();
    *flag = cr_wait_test(cr_request_of(*request));
    if (*flag)
        rc = cr_wait_take(request, status, "MPI_Test");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Request_get_status, (MPI_Request request, int *flag, MPI_Status *status))
{
    if (is_idle(request)) {
        idle_status(status);
        *flag = 1;
        return MPI_SUCCESS;
    }
    cr_gate_enter();
    *flag = cr_wait_test(cr_request_of(request));
    if (*flag) {
        cr_wait_query(cr_request_of(request));
        copy_status(status, &cr_request_of(request)->status);
    }
    cr_gate_leave();
    return MPI_SUCCESS;
}
