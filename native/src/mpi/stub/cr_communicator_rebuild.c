/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. What is refused, and communicators made again after a restart:
 * each by its members alone, in the order of the identities, which is the same on all ranks. So the
 * one that comes first among all that are still to be made has all its members ready, and nobody
 * waits in a circle. One that was freed, but which requests of some members still use, is made by all
 * its members: those that have forgotten it hear of it from the others (cr_communicator_ghosts.c).
 */
#include "cr_communicator.h"
#include "cr_quiesce.h"

#include <string.h>

#define TAG 0x7143

static const char *why_not(const struct cr_communicator *comm)
{
    if (comm->flags & CR_COMM_GONE)
        return NULL;
    if (comm->flags & CR_COMM_OUTSIDE)
        return "it connects to processes that another call of mpirun or MPI_Comm_spawn started: "
               "MPI_Comm_disconnect it before the checkpoint";
    /* That of MPI_Comm_idup under way is learned when the drain has completed it. */
    if ((comm->flags & (CR_COMM_TOPOLOGY | CR_COMM_PENDING)) == CR_COMM_TOPOLOGY &&
        comm->topology == NULL)
        return "its topology is of an unknown kind";
    return NULL;
}

int cr_communicator_check(struct cr_error *err)
{
    int rc = 0;

    cr_lock_take(&cr_communicators.lock);
    for (struct cr_keyed *k = cr_communicator_list(); k != NULL && rc == 0; k = k->next) {
        const struct cr_communicator *comm = (const struct cr_communicator *)k;
        const char *why = why_not(comm);

        if (why != NULL)
            rc = cr_fail(err, CR_EREFUSED, "communicator #%lu%s%s made by %s cannot be saved: %s",
                         comm->keyed.number, comm->name[0] != '\0' ? " " : "", comm->name,
                         comm->keyed.made_by, why);
    }
    cr_lock_give(&cr_communicators.lock);
    return rc;
}

void cr_communicator_snapshot_one(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    MPI_Info info = NULL;
    int length;
    uint64_t fs;

    if (comm->flags & (CR_COMM_GONE | CR_COMM_PENDING))
        return;
    cr_info_pairs_free(&comm->hints);
    fs = cr_lower_enter();
    CR_REAL(Comm_get_name)(real, comm->name, &length);
    if (comm->flags & (CR_COMM_HINTS | CR_COMM_SET_INFO))
        CR_REAL(Comm_get_info)(real, &info);
    cr_lower_leave(fs);
    if (info == NULL)
        return;
    comm->hints = cr_info_pairs_read(info);
    fs = cr_lower_enter();
    CR_REAL(Info_free)(&info);
    cr_lower_leave(fs);
}

void cr_communicator_snapshot(void)
{
    cr_communicator_snapshot_one((struct cr_communicator *)MPI_COMM_WORLD);
    cr_communicator_snapshot_one((struct cr_communicator *)MPI_COMM_SELF);
    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next)
        cr_communicator_snapshot_one((struct cr_communicator *)k);
}

static int before(const struct cr_communicator *a, const struct cr_communicator *b)
{
    if (a->id_high != b->id_high)
        return a->id_high < b->id_high;
    return a->id_low < b->id_low;
}

/* Shell sort: no library function may be called here that allocates. */
static void sort(struct cr_communicator **comms, size_t count)
{
    for (size_t gap = count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < count; i++) {
            struct cr_communicator *moved = comms[i];
            size_t j = i;

            for (; j >= gap && before(moved, comms[j - gap]); j -= gap)
                comms[j] = comms[j - gap];
            comms[j] = moved;
        }
    }
}

static int make_flat(const uint32_t *ranks, int count, MPI_Comm *ret_real)
{
    MPI_Group group = cr_group_real_of(ranks, count);
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_create_group)(CR_REAL_COMM(MPI_COMM_WORLD), group, TAG, ret_real);

    CR_REAL(Group_free)(&group);
    cr_lower_leave(fs);
    return rc;
}

static int make_inter(const struct cr_communicator *comm, MPI_Comm *ret_real)
{
    MPI_Comm half = NULL;
    int rc = make_flat(comm->local_ranks, comm->size, &half);
    uint64_t fs;

    if (rc != MPI_SUCCESS)
        return rc;
    fs = cr_lower_enter();
    rc = CR_REAL(Intercomm_create)(half, 0, CR_REAL_COMM(MPI_COMM_WORLD), (int)comm->world_ranks[0],
                                   TAG, ret_real);
    CR_REAL(Comm_free)(&half);
    cr_lower_leave(fs);
    return rc;
}

/* Hints that MPI_Comm_set_info would not take are given by the call that makes a communicator. */
static int give_hints(const struct cr_communicator *comm, MPI_Comm *real)
{
    MPI_Info info;
    MPI_Comm plain = *real;
    uint64_t fs;
    int rc;

    if (!(comm->flags & CR_COMM_HINTS))
        return MPI_SUCCESS;
    info = cr_info_pairs_make(comm->hints);
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_dup_with_info)(plain, info, real);
    CR_REAL(Info_free)(&info);
    CR_REAL(Comm_free)(&plain);
    cr_lower_leave(fs);
    return rc;
}

static int make(struct cr_communicator *comm, struct cr_error *err)
{
    MPI_Comm real = NULL;
    int rc;

    if (comm->flags & CR_COMM_INTER)
        rc = make_inter(comm, &real);
    else
        rc = make_flat(comm->world_ranks, comm->size, &real);
    if (rc == MPI_SUCCESS)
        rc = cr_topology_make(comm, real, &real);
    if (rc == MPI_SUCCESS)
        rc = give_hints(comm, &real);
    if (rc != MPI_SUCCESS)
        return cr_fail(err, CR_EREFUSED,
                       "communicator #%lu made by %s cannot be made again: MPI error %d",
                       comm->keyed.number, comm->keyed.made_by, rc);
    comm->keyed.handle.real = real;
    return 0;
}

static void put_back(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    MPI_Info info = NULL;
    uint64_t fs;

    if (comm->flags & CR_COMM_SET_INFO)
        info = cr_info_pairs_make(comm->hints);
    cr_info_pairs_free(&comm->hints);
    fs = cr_lower_enter();
    CR_REAL(Comm_set_errhandler)(real, (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN));
    if (comm->name[0] != '\0' || (comm->keyed.handle.flags & CR_HANDLE_PREDEFINED))
        CR_REAL(Comm_set_name)(real, comm->name);
    if (info != NULL) {
        CR_REAL(Comm_set_info)(real, info);
        CR_REAL(Info_free)(&info);
    }
    cr_lower_leave(fs);
}

/* All that this rank has to take part in, sorted. RET_SIZE: bytes of the list. */
static struct cr_communicator **everything(struct cr_communicator *ghosts, size_t *ret_count,
                                           size_t *ret_size)
{
    struct cr_communicator **comms, *comm;
    size_t count = 0;

    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next)
        count++;
    for (comm = ghosts; comm != NULL; comm = (struct cr_communicator *)comm->keyed.next)
        count++;
    *ret_size = (count + 1) * sizeof(*comms);
    comms = cr_pool_alloc(*ret_size);
    count = 0;
    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next) {
        comm = (struct cr_communicator *)k;
        if (!(comm->flags & CR_COMM_GONE))
            comms[count++] = comm;
    }
    for (comm = ghosts; comm != NULL; comm = (struct cr_communicator *)comm->keyed.next)
        comms[count++] = comm;
    sort(comms, count);
    *ret_count = count;
    return comms;
}

int cr_communicator_rebuild(struct cr_error *err)
{
    struct cr_communicator *ghosts = NULL, **comms;
    size_t count = 0, size;
    int rc;

    put_back((struct cr_communicator *)MPI_COMM_WORLD);
    put_back((struct cr_communicator *)MPI_COMM_SELF);
    rc = cr_ghosts_hear(&ghosts, err);
    if (rc < 0)
        return rc;
    comms = everything(ghosts, &count, &size);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = make(comms[i], err);
        if (rc == 0)
            put_back(comms[i]);
    }
    cr_pool_free(comms, size);
    cr_ghosts_free(ghosts);
    return rc;
}
