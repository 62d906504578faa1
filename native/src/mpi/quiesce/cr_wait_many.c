/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The Wait and Test families for several requests. Requests that have ended already (in a drain, or
 * served from the queue) are answered first; the others go to the real Testall, Testany or Testsome in one array.
 */
#include "cr_blocked.h"
#include "cr_clock.h"
#include "cr_wait.h"

#include <string.h>

enum mode { ALL, ANY, SOME };

/* Room for the real handles of the active requests; kept by the thread for the next call. */
struct scratch {
    int room;
    size_t bytes;
    MPI_Request *real;
    MPI_Status *status;
    int *index; /* in the application's array */
    int *ended; /* what the real Testsome says */
};

static void lay_out(struct scratch *s, int room, size_t bytes)
{
    char *at = (char *)(s + 1);

    s->room = room;
    s->bytes = bytes;
    s->real = (MPI_Request *)at;
    s->status = (MPI_Status *)(s->real + room);
    s->index = (int *)(s->status + room);
    s->ended = s->index + room;
}

static struct scratch *scratch_for(int count)
{
    struct scratch *s = cr_self.quiesce;
    int room = 64;
    size_t bytes;

    if (__builtin_expect(s != NULL && s->room >= count, 1))
        return s;
    while (room < count)
        room *= 2;
    if (s != NULL)
        cr_pool_free(s, s->bytes);
    bytes =
        sizeof(*s) + (size_t)room * (sizeof(MPI_Request) + sizeof(MPI_Status) + 2 * sizeof(int));
    s = cr_pool_alloc(bytes);
    lay_out(s, room, bytes);
    cr_self.quiesce = s;
    return s;
}

struct scan {
    int active, done;
    int upper; /* active, and ended by the upper half */
};

static struct scan gather(int count, const MPI_Request *requests, struct scratch *s)
{
    struct scan scan = {0, 0, 0};
    int i;

    for (i = 0; i < count; i++) {
        const struct cr_request *r = cr_request_of(requests[i]);

        if (requests[i] == MPI_REQUEST_NULL || r->state == CR_REQUEST_INACTIVE)
            continue;
        if (!cr_request_is_active(r)) {
            scan.done++;
            continue;
        }
        if (__builtin_expect(r->flags & CR_REQUEST_UPPER, 0)) {
            scan.upper++;
            continue;
        }
        s->real[scan.active] = (MPI_Request)r->handle.real;
        s->index[scan.active++] = i;
    }
    return scan;
}

static int satisfied(struct scan scan, enum mode mode)
{
    return mode == ALL ? scan.active + scan.upper == 0 : scan.done > 0;
}

/*
 * FS: lower. Until all have ended, or the gate word changes: looks at one at a time. A look at all of them takes as long as
 * there are requests, and would be taken again and again while one of them is late.
 */
static int await_each(const struct scratch *s, int active)
{
    int i, ended = 1, rc = MPI_SUCCESS;

    for (i = 0; i < active && ended && rc == MPI_SUCCESS; i++)
        do
            rc = CR_REAL(Request_get_status)(s->real[i], &ended, MPI_STATUS_IGNORE);
        while (!ended && !cr_gate_word && rc == MPI_SUCCESS);
    return rc;
}

/* Polls the real library. Returns how many ended: their places in s->ended, statuses in the same order in s->status. */
static int poll_real(struct scratch *s, int active, enum mode mode, int block, int *ret_code)
{
    uint64_t fs = cr_lower_enter();
    int hit = 0, index = 0, count = 0;

    do {
        if (mode == ALL) {
            *ret_code = CR_REAL(Testall)(active, s->real, &hit, s->status);
            if (!hit && block && *ret_code == MPI_SUCCESS)
                *ret_code = await_each(s, active);
        } else if (mode == ANY) {
            *ret_code = CR_REAL(Testany)(active, s->real, &index, &hit, s->status);
        } else {
            *ret_code = CR_REAL(Testsome)(active, s->real, &count, s->ended, s->status);
            hit = count > 0;
        }
    } while (!hit && block && !cr_gate_word && *ret_code == MPI_SUCCESS);
    cr_lower_leave(fs);
    if (!hit)
        return 0;
    if (mode == SOME)
        return count;
    s->ended[0] = index;
    return mode == ANY ? 1 : active;
}

static void complete(const MPI_Request *requests, struct scratch *s, int ended, enum mode mode,
                     int code)
{
    int k;

    for (k = 0; k < ended; k++) {
        int place = mode == ALL ? k : s->ended[k];
        int one = code == MPI_ERR_IN_STATUS ? s->status[k].MPI_ERROR : code;

        cr_request_complete(cr_request_of(requests[s->index[place]]), &s->status[k], one);
    }
    if (__builtin_expect(cr_gate_word, 0))
        cr_clock_progressed();
}

static void interrupted(int count, const MPI_Request *requests, enum mode mode, int block)
{
    const struct cr_blocked blocked = {.requests = requests, .count = count, .any = mode != ALL};
    int i;

    if (block && (cr_gate_word & CR_GATE_STOP)) {
        cr_blocked_park(&blocked);
        return;
    }
    for (i = 0; i < count; i++) {
        const struct cr_request *r = cr_request_of(requests[i]);

        if (requests[i] != MPI_REQUEST_NULL && cr_request_is_active(r))
            cr_clock_waits_for(r->comm, r->peer);
    }
}

/* 1: what MODE asks for has ended; 0: not yet (only without BLOCK); -1: nothing to wait for. */
static int wait_many(int count, const MPI_Request *requests, enum mode mode, int block)
{
    for (;;) {
        struct scratch *s = scratch_for(count);
        struct scan scan = gather(count, requests, s);
        int ended = 0, code = MPI_SUCCESS;

        if (__builtin_expect(scan.upper > 0, 0)) {
            cr_wait_upper(block);
            scan = gather(count, requests, s);
        }
        if (scan.active + scan.done + scan.upper == 0)
            return -1;
        if (satisfied(scan, mode))
            return 1;
        if (scan.active > 0)
            ended = poll_real(s, scan.active, mode, block && scan.upper == 0, &code);
        if (ended > 0) {
            complete(requests, s, ended, mode, code);
            continue;
        }
        if (__builtin_expect(cr_gate_word, 0))
            interrupted(count, requests, mode, block);
        if (!block)
            return 0;
    }
}

static MPI_Status *status_at(MPI_Status *statuses, int i)
{
    return statuses == MPI_STATUSES_IGNORE ? MPI_STATUS_IGNORE : &statuses[i];
}

static void put_empty(MPI_Status *status)
{
    if (status != MPI_STATUS_IGNORE)
        cr_request_empty_status(status);
}

static int is_done(MPI_Request request)
{
    return request != MPI_REQUEST_NULL && cr_request_of(request)->state == CR_REQUEST_DONE;
}

/* As cr_wait_take(), but the code goes into the status and no error handler is called. */
static int take_quietly(MPI_Request *request, MPI_Status *status)
{
    struct cr_request *r = cr_request_of(*request);
    int code;

    cr_wait_query(r);
    code = r->status.MPI_ERROR;
    r->status.MPI_ERROR = MPI_SUCCESS;
    cr_wait_give(request, status, "");
    if (status != MPI_STATUS_IGNORE)
        status->MPI_ERROR = code;
    return code;
}

/* The communicator of the first request: its error handler hears of MPI_ERR_IN_STATUS. */
static MPI_Comm comm_of(int count, const MPI_Request *requests)
{
    int i;

    for (i = 0; i < count; i++)
        if (is_done(requests[i]) && cr_request_of(requests[i])->status.MPI_ERROR != MPI_SUCCESS &&
            cr_request_of(requests[i])->comm != NULL)
            return cr_request_of(requests[i])->comm;
    return MPI_COMM_WORLD;
}

static int take_all(int count, MPI_Request *requests, MPI_Status *statuses, const char *name)
{
    MPI_Comm comm = comm_of(count, requests);
    int i, rc = MPI_SUCCESS;

    for (i = 0; i < count; i++) {
        if (!is_done(requests[i]))
            put_empty(status_at(statuses, i));
        else if (take_quietly(&requests[i], status_at(statuses, i)) != MPI_SUCCESS)
            rc = MPI_ERR_IN_STATUS;
    }
    return cr_raise_comm(comm, rc, name);
}

/* Takes the first that has ended. */
static int take_any(int count, MPI_Request *requests, int *ret_index, MPI_Status *status,
                    const char *name)
{
    int i;

    for (i = 0; i < count; i++)
        if (is_done(requests[i])) {
            *ret_index = i;
            return cr_wait_take(&requests[i], status, name);
        }
    return MPI_SUCCESS;
}

static int take_some(int count, MPI_Request *requests, int *ret_count, int *indices,
                     MPI_Status *statuses, const char *name)
{
    MPI_Comm comm = comm_of(count, requests);
    int i, n = 0, rc = MPI_SUCCESS;

    for (i = 0; i < count; i++) {
        if (!is_done(requests[i]))
            continue;
        if (take_quietly(&requests[i], status_at(statuses, n)) != MPI_SUCCESS)
            rc = MPI_ERR_IN_STATUS;
        indices[n++] = i;
    }
    *ret_count = n;
    return cr_raise_comm(comm, rc, name);
}

CR_MPI(int, Waitall, (int count, MPI_Request requests[], MPI_Status statuses[]))
{
    int rc;

    cr_gate_enter();
    wait_many(count, requests, ALL, 1);
    rc = take_all(count, requests, statuses, "MPI_Waitall");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Testall, (int count, MPI_Request requests[], int *flag, MPI_Status statuses[]))
{
    int rc = MPI_SUCCESS;

    cr_gate_enter();
    *flag = wait_many(count, requests, ALL, 0) != 0;
    if (*flag)
        rc = take_all(count, requests, statuses, "MPI_Testall");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Waitany, (int count, MPI_Request requests[], int *index, MPI_Status *status))
{
    int rc = MPI_SUCCESS;

    cr_gate_enter();
    *index = MPI_UNDEFINED;
    if (wait_many(count, requests, ANY, 1) < 0)
        put_empty(status);
    else
        rc = take_any(count, requests, index, status, "MPI_Waitany");
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Testany, (int count, MPI_Request requests[], int *index, int *flag, MPI_Status *status))
{
    int found, rc = MPI_SUCCESS;

    cr_gate_enter();
    found = wait_many(count, requests, ANY, 0);
    *flag = found != 0;
    *index = MPI_UNDEFINED;
    if (found < 0)
        put_empty(status);
    else if (found > 0)
        rc = take_any(count, requests, index, status, "MPI_Testany");
    cr_gate_leave();
    return rc;
}

static int some(int count, MPI_Request *requests, int *ret_count, int *indices,
                MPI_Status *statuses, int block, const char *name)
{
    int found, rc = MPI_SUCCESS;

    cr_gate_enter_as(name);
    found = wait_many(count, requests, SOME, block);
    *ret_count = found < 0 ? MPI_UNDEFINED : 0;
    if (found > 0)
        rc = take_some(count, requests, ret_count, indices, statuses, name);
    cr_gate_leave();
    return rc;
}

CR_MPI(int, Waitsome,
       (int count, MPI_Request requests[], int *outcount, int indices[], MPI_Status statuses[]))
{
    return some(count, requests, outcount, indices, statuses, 1, "MPI_Waitsome");
}

CR_MPI(int, Testsome,
       (int count, MPI_Request requests[], int *outcount, int indices[], MPI_Status statuses[]))
{
    return some(count, requests, outcount, indices, statuses, 0, "MPI_Testsome");
}
