/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: on the agent's thread, every application thread parked: no malloc, no stdio. The drain. Every message counts once
 * at its sender (per destination) and once at its receiver; one Reduce_scatter_block tells each rank how many were ever sent
 * to it. Then each rank tests its active requests and receives what no posted receive has matched, until nothing is
 * missing; a barrier that nobody waits for keeps everybody progressing until the last rank has everything.
 */
#include "cr_drain.h"

#include "cr_finalize.h"
#include "cr_internal.h"
#include "cr_lost.h"
#include "cr_object.h"
#include "cr_probe.h"
#include "cr_receive.h"
#include "cr_request.h"
#include "cr_sync.h"
#include "cr_sys.h"
#include "cr_unexpected.h"

#include <errno.h>
#include <string.h>

/* A large message may take that long. The coordinator waits longer. */
#define STUCK_NS (35LL * 1000000000)

/* So long nothing more is heard, after the receiver has said that it has the message of a synchronous send. */
#define LOST_NS (2LL * 1000000000)

struct drain {
    uint64_t expected;  /* messages that were ever sent to this rank */
    uint64_t questions; /* that will be put to it about synchronous sends */
    uint64_t kept;
    uint64_t unfinished; /* sends and collectives still active, as of the last look */
    int progress;
    int64_t last;                        /* time of the last progress */
    int is_refused, lost_rank, lost_tag; /* a synchronous send that does not end, once seen */
    struct cr_lost lost;
    MPI_Request barrier;
    int in_barrier;
    struct cr_error *err;
    int rc;
};

/* A drain that failed leaves its barrier or its sum unfinished on the internal communicator. */
static int broken;

int cr_drain_check(struct cr_error *err)
{
    const struct cr_request *r;

    if (broken)
        return cr_fail(err, CR_EREFUSED,
                       "an earlier checkpoint of this job failed while messages "
                       "were received; the job runs on, but cannot be checkpointed again");
    for (r = cr_request_first(); r != cr_request_end(); r = r->next) {
        if (r->type == CR_REQUEST_RECEIVE && r->comm != NULL &&
            (((struct cr_communicator *)r->comm)->flags & CR_COMM_GONE))
            return cr_fail(err, CR_EREFUSED,
                           "a receive is posted on a communicator that was disconnected "
                           "(MPI_Comm_disconnect); complete it before a checkpoint");
    }
    return 0;
}

static int fail(struct drain *d, int code)
{
    char text[MPI_MAX_ERROR_STRING];
    uint64_t fs = cr_lower_enter();
    int length = 0;

    CR_REAL(Error_string)(code, text, &length);
    cr_lower_leave(fs);
    text[length] = 0;
    d->rc = cr_fail(d->err, CR_EINTERNAL, "receiving messages in flight: %s", text);
    return d->rc;
}

static int count_expected(struct drain *d)
{
    size_t size = CR_DRAIN_NUMBERS * sizeof(uint64_t) * cr_request_world_size;
    uint64_t *table = cr_pool_alloc(size), mine[CR_DRAIN_NUMBERS] = {0}, fs;
    uint64_t balance = (uint64_t)cr_lost_balance();
    uint32_t i;
    int rc;

    for (i = 0; i < cr_request_world_size; i++) {
        table[CR_DRAIN_NUMBERS * i + CR_DRAIN_MESSAGES] = cr_request_sent_to[i];
        table[CR_DRAIN_NUMBERS * i + CR_DRAIN_BALANCE] = balance;
    }
    cr_sync_begin();
    cr_sync_announce(table);
    fs = cr_lower_enter();
    rc =
        CR_REAL(Reduce_scatter_block)(table, mine, CR_DRAIN_NUMBERS, CR_REAL_DATATYPE(MPI_UINT64_T),
                                      CR_REAL_OP(MPI_SUM), cr_internal_drain);
    cr_lower_leave(fs);
    cr_pool_free(table, size);
    d->expected = mine[CR_DRAIN_MESSAGES];
    d->questions = mine[CR_DRAIN_QUESTIONS];
    d->lost.settled = mine[CR_DRAIN_BALANCE] == 0;
    if (rc == MPI_SUCCESS && d->lost.settled)
        cr_lost_nothing();
    if (rc == MPI_SUCCESS)
        rc = cr_sync_ask();
    return rc == MPI_SUCCESS ? 0 : fail(d, rc);
}

/* Errors come back as codes: the application hears of them when it asks for the request. */
static int test_request(struct cr_request *r, MPI_Status *ret_status, int *ret_code)
{
    int done = 0;
    uint64_t fs = cr_lower_enter();

    *ret_code = CR_REAL(Test)((MPI_Request *)&r->handle.real, &done, ret_status);
    cr_lower_leave(fs);
    return done;
}

static int is_unfinished(const struct cr_request *r)
{
    if (r->flags & CR_REQUEST_UPPER)
        return cr_sync_is_open(r);
    return r->type != CR_REQUEST_RECEIVE;
}

static void ended(struct cr_request *r, const MPI_Status *status, int code)
{
    if (r->ticket != 0 && !(r->flags & CR_REQUEST_FREED)) {
        cr_sync_sent(r, status, code);
        return;
    }
    cr_request_complete(r, status, code);
    if (r->flags & CR_REQUEST_FREED)
        cr_request_release_freed(r);
}

static void note_lost(struct drain *d, const struct cr_request *r)
{
    d->is_refused = 1;
    d->lost_rank = (int)((const struct cr_communicator *)r->comm)->world_ranks[r->peer];
    d->lost_tag = r->tag;
}

static void test_requests(struct drain *d)
{
    int is_late = cr_sys_clock_ns(CLOCK_MONOTONIC) - d->last > LOST_NS;
    struct cr_request *r, *next;

    d->unfinished = 0;
    for (r = cr_request_first(); r != cr_request_end(); r = next) {
        MPI_Status status;
        int code;

        next = r->next;
        if (!(r->flags & CR_REQUEST_UPPER) && test_request(r, &status, &code)) {
            ended(r, &status, code);
            d->progress = 1;
        } else if (is_late && cr_sync_is_lost(r)) {
            note_lost(d, r);
        } else {
            d->unfinished += is_unfinished(r);
        }
    }
}

/* MESSAGE, as a probe described it: *REAL, which was matched, or the next one of its sender and tag on COMM. */
static int receive_bytes(struct cr_message *message, MPI_Comm comm, MPI_Message *real)
{
    MPI_Comm lower = (MPI_Comm)((struct cr_communicator *)comm)->keyed.handle.real;
    MPI_Status got;
    MPI_Datatype type;
    int count, rc;
    uint64_t fs = cr_lower_enter();

    rc = cr_unexpected_bytes_type(message->bytes, &type, &count);
    if (rc == MPI_SUCCESS && real != NULL)
        rc = CR_REAL(Mrecv)(message->data, count, type, real, &got);
    else if (rc == MPI_SUCCESS)
        rc = CR_REAL(Recv)(message->data, count, type, message->source, message->tag, lower, &got);
    cr_lower_leave(fs);
    return rc == MPI_SUCCESS && got._ucount != message->bytes ? MPI_ERR_TRUNCATE : rc;
}

/* As bytes. REAL: NULL for a message that was not matched. NULL: failed, D says why. */
static struct cr_message *receive(struct drain *d, MPI_Comm comm, MPI_Message *real,
                                  const MPI_Status *status)
{
    struct cr_message *message = cr_unexpected_new(status->_ucount);
    int rc;

    if (message == NULL) {
        d->rc = cr_fail(d->err, ENOMEM, "no memory for a message of %zu bytes in flight",
                        status->_ucount);
        return NULL;
    }
    message->source = status->MPI_SOURCE;
    message->tag = status->MPI_TAG;
    rc = receive_bytes(message, comm, real);
    if (rc != MPI_SUCCESS) {
        cr_unexpected_free(message);
        fail(d, rc);
        return NULL;
    }
    cr_request_count_receive(comm);
    d->kept++;
    d->progress = 1;
    return message;
}

/* Messages that the application has matched but not received. */
static int receive_held(struct drain *d)
{
    struct cr_matched *m;

    for (m = cr_probe_first(); m != NULL; m = m->next) {
        if (m->kept != NULL)
            continue;
        m->kept = receive(d, m->comm, (MPI_Message *)&m->handle.real, &m->status);
        if (m->kept == NULL)
            return d->rc;
        m->handle.real = NULL;
    }
    return 0;
}

/*
 * What no posted receive has matched on one communicator. A nonzero result ends the visit. Nobody else receives now, so a
 * probe and a receive are as good as a matched probe, after which mtl/ofi does not tell a synchronous sender of the receipt.
 */
static int receive_unexpected(struct cr_communicator *c, void *context)
{
    struct drain *d = context;

    if (c->state == NULL || (c->flags & CR_COMM_PENDING))
        return 0;
    for (;;) {
        struct cr_message *message;
        MPI_Status status;
        int found = 0, rc;
        uint64_t fs = cr_lower_enter();

        rc = CR_REAL(Iprobe)(MPI_ANY_SOURCE, MPI_ANY_TAG, (MPI_Comm)c->keyed.handle.real, &found,
                             &status);
        cr_lower_leave(fs);
        if (rc != MPI_SUCCESS)
            return fail(d, rc);
        if (!found)
            return 0;
        message = receive(d, (MPI_Comm)c, NULL, &status);
        if (message == NULL)
            return d->rc;
        cr_unexpected_append(c->state, message);
    }
}

/* Whether this rank misses nothing, or what it misses can never come. */
static int has_everything(struct drain *d)
{
    int rc = MPI_SUCCESS;

    if (!d->lost.settled && (d->lost.step != CR_LOST_IDLE || !d->progress))
        rc = cr_lost_step(&d->lost, d->expected - cr_request_received, cr_internal_drain);
    if (rc != MPI_SUCCESS)
        fail(d, rc);
    return d->lost.settled && cr_request_received == d->expected;
}

/* 1 when every rank has everything. */
static int all_done(struct drain *d)
{
    int done = 0, has = has_everything(d);
    int rc = cr_sync_step(has, &d->progress);
    int begin = !d->in_barrier && rc == MPI_SUCCESS && has && d->unfinished == 0 && !d->progress &&
                cr_sync_settled(d->questions);
    uint64_t fs;

    if (begin)
        cr_file_sync();
    fs = cr_lower_enter();
    if (begin) {
        rc = CR_REAL(Ibarrier)(cr_internal_drain, &d->barrier);
        d->in_barrier = 1;
    }
    if (d->in_barrier && rc == MPI_SUCCESS)
        rc = CR_REAL(Test)(&d->barrier, &done, MPI_STATUS_IGNORE);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        fail(d, rc);
    return done;
}

static int too_many(struct drain *d)
{
    return cr_fail(d->err, CR_EINTERNAL, "%lu messages received, but only %lu sent to this rank",
                   (unsigned long)cr_request_received, (unsigned long)d->expected);
}

static int stuck(struct drain *d)
{
    return cr_fail(d->err, CR_ETIMEOUT,
                   "messages in flight did not arrive: %lu of %lu received, %lu sends or "
                   "collectives not complete",
                   (unsigned long)cr_request_received, (unsigned long)d->expected,
                   (unsigned long)d->unfinished);
}

/* Everybody has everything, and all are at the end of the drain: another checkpoint may try again. */
static int refuse_lost(const struct drain *d)
{
    return cr_fail(d->err, CR_EREFUSED,
                   "a synchronous send (MPI_Ssend, MPI_Issend, MPI_Ssend_init) to rank %d with tag "
                   "%d does not end although its message has arrived: mtl ofi forgets it when it "
                   "is found by MPI_Mprobe or MPI_Improbe; start the job with --mca pml ob1 --mca "
                   "btl self,vader,tcp",
                   d->lost_rank, d->lost_tag);
}

static int receive_everything(struct drain *d)
{
    d->last = cr_sys_clock_ns(CLOCK_MONOTONIC);
    for (;;) {
        d->progress = 0;
        test_requests(d);
        if (receive_held(d) < 0 || cr_communicator_each(receive_unexpected, d) < 0)
            return d->rc;
        if (cr_request_received > d->expected)
            return too_many(d);
        if (all_done(d))
            return 0;
        if (d->rc < 0)
            return d->rc;
        if (d->progress) {
            d->last = cr_sys_clock_ns(CLOCK_MONOTONIC);
        } else {
            if (cr_sys_clock_ns(CLOCK_MONOTONIC) - d->last > STUCK_NS)
                return stuck(d);
            cr_sys(SYS_sched_yield);
        }
    }
}

int cr_drain_progress(void)
{
    struct cr_self saved;
    int rc;

    if (!(cr_gate_word & CR_GATE_STOP))
        return 0;
    cr_stub_borrow_main(&saved);
    rc = cr_window_progress();
    cr_stub_return_main(&saved);
    return rc;
}

int cr_drain_run(uint64_t *ret_messages, struct cr_error *err)
{
    struct drain d;
    struct cr_self saved;
    int rc;

    memset(&d, 0, sizeof(d));
    d.err = err;
    cr_stub_borrow_main(&saved);
    rc = cr_window_flush(err);
    if (rc == 0)
        rc = count_expected(&d);
    if (rc == 0)
        rc = receive_everything(&d);
    if (rc != 0)
        cr_sync_give_up();
    broken = rc != 0;
    if (rc == 0 && d.is_refused)
        rc = refuse_lost(&d);
    if (rc == 0)
        rc = cr_file_save(err);
    cr_stub_return_main(&saved);
    if (rc == 0)
        *ret_messages = d.kept;
    return rc;
}

/* Receives that no message has reached, in the order in which the application posted them. */
static int repost(struct cr_error *err)
{
    struct cr_request *r;

    for (r = cr_request_first(); r != cr_request_end(); r = r->next) {
        if (r->flags & CR_REQUEST_UPPER)
            continue;
        if (r->type != CR_REQUEST_RECEIVE)
            return cr_fail(err, CR_EINTERNAL, "a request of type %d is active in an image",
                           r->type);
        if (cr_receive_repost(r) != MPI_SUCCESS)
            return cr_fail(err, CR_EINTERNAL,
                           "a receive from rank %d, tag %d, cannot be posted "
                           "again",
                           r->peer, r->tag);
    }
    return 0;
}

/* No thread may send before everybody has posted: MPI_Rsend relies on it, and the order of matching. */
static int wait_for_all(struct cr_error *err)
{
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Barrier)(cr_internal_drain);

    cr_lower_leave(fs);
    return rc == MPI_SUCCESS ? 0 : cr_fail(err, CR_EINTERNAL, "the barrier after a restart failed");
}

static int rebuild(struct cr_error *err)
{
    int rank = cr_internal_rank, size = cr_internal_size, rc;

    if (cr_lower->rank != rank || cr_lower->size != size)
        return cr_fail(err, CR_EREFUSED,
                       "the image is of rank %d of %d, but this process is rank "
                       "%d of %d: restart with the same number of ranks",
                       rank, size, cr_lower->rank, cr_lower->size);
    rc = cr_stub_rebuild(err);
    if (rc < 0)
        return rc;
    cr_request_bind();
    if (cr_internal_make() != MPI_SUCCESS)
        return cr_fail(err, CR_EINTERNAL, "communicators of our own cannot be made again");
    rc = repost(err);
    if (rc < 0)
        return rc;
    rc = cr_finalize_rebuild(err);
    if (rc < 0)
        return rc;
    if (cr_processor_compare(cr_internal_drain, rank, size) != MPI_SUCCESS)
        return cr_fail(err, CR_EINTERNAL, "names of processors cannot be compared");
    return wait_for_all(err);
}

int cr_drain_rebuild(struct cr_error *err)
{
    struct cr_self saved;
    int rc;

    cr_stub_borrow_main(&saved);
    rc = rebuild(err);
    cr_stub_return_main(&saved);
    return rc;
}
