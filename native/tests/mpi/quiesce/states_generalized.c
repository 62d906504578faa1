/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: generalized requests, complete or not, alone and among others. */
#include "states.h"

/* What the functions of one request have been called with. */
struct record {
    int count, queried, freed, cancelled, complete;
};

static int query(void *extra, MPI_Status *s)
{
    struct record *r = extra;

    r->queried++;
    MPI_Status_set_elements(s, MPI_INT, r->count);
    MPI_Status_set_cancelled(s, r->cancelled);
    s->MPI_SOURCE = r->count + 1;
    s->MPI_TAG = r->count + 2;
    return MPI_SUCCESS;
}

static int release(void *extra)
{
    ((struct record *)extra)->freed++;
    return MPI_SUCCESS;
}

static int cancel(void *extra, int complete)
{
    ((struct record *)extra)->cancelled = 1;
    ((struct record *)extra)->complete = complete;
    return MPI_SUCCESS;
}

static void start(struct record *r, int count, MPI_Request *request)
{
    *r = (struct record){count, 0, 0, 0, -1};
    MPI_Grequest_start(query, release, cancel, r, request);
}

static void check_ended(const struct record *r, const MPI_Status *s)
{
    int count, cancelled;

    MPI_Get_count(s, MPI_INT, &count);
    MPI_Test_cancelled(s, &cancelled);
    QT_CHECK(count == r->count && s->MPI_SOURCE == r->count + 1 && s->MPI_TAG == r->count + 2,
             "status: %d from %d with tag %d", count, s->MPI_SOURCE, s->MPI_TAG);
    QT_CHECK(cancelled == r->cancelled, "cancelled");
    QT_CHECK(r->queried >= 1 && r->freed == 1, "queried %d, freed %d", r->queried, r->freed);
}

static void one_by_one(struct record *r, MPI_Request *request)
{
    int flag;

    MPI_Test(&request[0], &flag, &status);
    QT_CHECK(!flag && r[0].queried == 0, "not complete");
    MPI_Grequest_complete(request[0]);
    MPI_Request_get_status(request[0], &flag, &status);
    QT_CHECK(flag && r[0].freed == 0, "get_status");
    MPI_Test(&request[0], &flag, &status);
    QT_CHECK(flag && request[0] == MPI_REQUEST_NULL, "test");
    check_ended(&r[0], &status);
    MPI_Wait(&request[1], &status); /* complete since before the checkpoint */
    check_ended(&r[1], &status);
    QT_CHECK(r[2].freed == 0, "freed by the application, not complete");
    MPI_Grequest_complete(request[2]);
    QT_CHECK(r[2].freed == 1 && r[2].queried == 0, "freed, then complete");
    MPI_Cancel(&request[3]);
    QT_CHECK(r[3].cancelled && !r[3].complete, "cancel");
    MPI_Grequest_complete(request[3]);
    MPI_Cancel(&request[3]);
    QT_CHECK(r[3].complete, "cancel when complete");
    MPI_Wait(&request[3], &status);
    check_ended(&r[3], &status);
}

void generalized(void)
{
    struct record r[4];
    MPI_Request request[4], gone;
    int i;

    for (i = 0; i < 4; i++)
        start(&r[i], 3 + i, &request[i]);
    MPI_Grequest_complete(request[1]);
    gone = request[2];
    MPI_Request_free(&gone);
    if (qt_rank == 0)
        late();
    leave();
    one_by_one(r, request);
}

/* With receives and sends, through all calls for several requests. */
static void among_others(struct record *g, MPI_Request *r, int *value)
{
    MPI_Status s[4];
    int index[4], count, flag, one;

    MPI_Testall(4, r, &flag, s);
    QT_CHECK(!flag && g[0].queried == 0, "testall too early");
    MPI_Testany(4, r, &one, &flag, s);
    QT_CHECK(flag && one == 1 && value[1] == 1001, "testany: %d", one);
    MPI_Testsome(4, r, &count, index, s);
    QT_CHECK(count == 0, "testsome too early: %d", count);
    MPI_Grequest_complete(r[0]);
    MPI_Waitany(4, r, &one, s);
    QT_CHECK(one == 0 && r[0] == MPI_REQUEST_NULL, "waitany: %d", one);
    check_ended(&g[0], s);
    send_int(0, 0, 60);
    MPI_Waitsome(4, r, &count, index, s);
    QT_CHECK(count == 1 && index[0] == 3 && value[3] == 1003, "waitsome");
    MPI_Grequest_complete(r[2]);
    MPI_Waitall(4, r, s);
    check_ended(&g[1], &s[2]);
    QT_CHECK(s[0].MPI_TAG == MPI_ANY_TAG && s[2].MPI_ERROR == MPI_SUCCESS, "statuses");
}

void generalized_among_others(void)
{
    struct record g[2];
    MPI_Request r[4];
    int value[4] = {0, 0, 0, 0};

    if (qt_rank == 0) {
        send_int(1001, 1, 1);
        late();
        send_int(0, 1, 59);
        receive_int(1, 60);
        send_int(1003, 1, 3);
    }
    if (qt_rank != 1)
        return;
    start(&g[0], 7, &r[0]);
    MPI_Irecv(&value[1], 1, MPI_INT, 0, 1, comm, &r[1]);
    start(&g[1], 8, &r[2]);
    MPI_Irecv(&value[3], 1, MPI_INT, 0, 3, comm, &r[3]);
    receive_int(0, 59);
    among_others(g, r, value);
}
