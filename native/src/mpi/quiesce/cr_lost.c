/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. Messages that nobody can receive any more. */
#include "cr_lost.h"

#include "cr_communicator.h"
#include "cr_request.h"

#include <string.h>

enum { MISSING, BALANCE, NUMBERS };
enum { MOST = 4096 };

/* Communicators that are gone, with what is not 0. Of more than MOST only the sum is known. */
struct removed {
    uint64_t id;
    int64_t balance;
};
static struct removed *list;
static uint32_t count;
static int64_t rest;
static struct cr_lock list_lock;

void cr_lost_removed(struct cr_communicator *comm)
{
    int64_t balance = comm->balance;

    if (balance == 0)
        return;
    comm->balance = 0;
    cr_lock_take(&list_lock);
    if (list == NULL)
        list = cr_pool_alloc(MOST * sizeof(*list));
    if (count < MOST)
        list[count++] = (struct removed){comm->id_high ^ comm->id_low, balance};
    else
        rest += balance;
    cr_lock_give(&list_lock);
}

static void each_referred(void (*visit)(struct cr_communicator *comm, void *context), void *context)
{
    for (struct cr_keyed *k = cr_communicators.first; k != NULL; k = k->next) {
        struct cr_communicator *comm = (struct cr_communicator *)k;

        if (comm->flags & CR_COMM_FREED)
            visit(comm, context);
    }
}

static void add_balance(struct cr_communicator *comm, void *sum)
{
    *(int64_t *)sum += comm->balance;
}

int64_t cr_lost_balance(void)
{
    int64_t sum = rest;

    for (uint32_t i = 0; i < count; i++)
        sum += list[i].balance;
    each_referred(add_balance, &sum);
    return sum;
}

static void forget_balance(struct cr_communicator *comm, void *ignored)
{
    (void)ignored;
    comm->balance = 0;
}

void cr_lost_nothing(void)
{
    count = 0;
    rest = 0;
    each_referred(forget_balance, NULL);
}

/* Two communicators may share a bit: then it takes the end of the requests on the other one, too. */
static uint32_t bit_of(uint64_t id)
{
    return (uint32_t)(id * 0x9e3779b97f4a7c15UL >> 54);
}
_Static_assert(CR_LOST_BITS == 1 << 10, "as many as bit_of() gives");

static int is_marked(const uint64_t *bits, uint64_t id)
{
    return (int)(bits[bit_of(id) / 64] >> (bit_of(id) % 64) & 1);
}

static void mark(struct cr_communicator *comm, void *bits)
{
    uint32_t bit = bit_of(comm->id_high ^ comm->id_low);

    ((uint64_t *)bits)[bit / 64] |= 1UL << (bit % 64);
}

static int nothing_marked(const uint64_t *bits)
{
    int i = 0;

    while (i < CR_LOST_WORDS && bits[i] == 0)
        i++;
    return i == CR_LOST_WORDS;
}

/* On communicators to which no request refers on any rank. */
static int64_t final_balance(const struct cr_lost *lost)
{
    int64_t sum = nothing_marked(lost->all) ? rest : 0;

    for (uint32_t i = 0; i < count; i++)
        sum += is_marked(lost->all, list[i].id) ? 0 : list[i].balance;
    return sum;
}

static void forget_final(const struct cr_lost *lost)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < count; i++)
        if (is_marked(lost->all, list[i].id))
            list[kept++] = list[i];
    count = kept;
    if (nothing_marked(lost->all))
        rest = 0;
}

/* FS: lower. */
static int begin(struct cr_lost *lost, MPI_Comm comm)
{
    if (lost->step == CR_LOST_REFERENCES)
        return CR_REAL(Iallreduce)(lost->mine, lost->all, CR_LOST_WORDS,
                                   CR_REAL_DATATYPE(MPI_UINT64_T), CR_REAL_OP(MPI_BOR), comm,
                                   &lost->sum);
    return CR_REAL(Iallreduce)(lost->numbers, lost->sums, NUMBERS, CR_REAL_DATATYPE(MPI_INT64_T),
                               CR_REAL_OP(MPI_SUM), comm, &lost->sum);
}

static int next_sum(struct cr_lost *lost, uint64_t missing, MPI_Comm comm)
{
    uint64_t fs;
    int rc;

    if (lost->step == CR_LOST_REFERENCES) {
        lost->numbers[MISSING] = (int64_t)missing;
        lost->numbers[BALANCE] = final_balance(lost);
        lost->step = CR_LOST_NUMBERS;
    } else {
        memset(lost->mine, 0, sizeof(lost->mine));
        each_referred(mark, lost->mine);
        lost->step = CR_LOST_REFERENCES;
    }
    fs = cr_lower_enter();
    rc = begin(lost, comm);
    cr_lower_leave(fs);
    return rc;
}

static void look_at_numbers(struct cr_lost *lost, uint64_t missing)
{
    lost->step = CR_LOST_IDLE;
    if (lost->sums[MISSING] == 0) {
        cr_lost_nothing();
        lost->settled = 1;
    } else if (lost->sums[MISSING] == lost->sums[BALANCE]) {
        forget_final(lost);
        cr_request_received += missing;
        lost->settled = 1;
    }
}

int cr_lost_step(struct cr_lost *lost, uint64_t missing, MPI_Comm comm)
{
    int done = 0, rc;
    uint64_t fs;

    if (lost->step == CR_LOST_IDLE)
        return next_sum(lost, missing, comm);
    fs = cr_lower_enter();
    rc = CR_REAL(Test)(&lost->sum, &done, MPI_STATUS_IGNORE);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS || !done)
        return rc;
    if (lost->step == CR_LOST_REFERENCES)
        return next_sum(lost, missing, comm);
    look_at_numbers(lost, missing);
    return MPI_SUCCESS;
}
