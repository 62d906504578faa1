/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. What is refused, and communicators made again after a restart:
 * each by its members alone, in the order of the identities, which is the same on all ranks. So the
 * one that comes first among all that are still to be made has all its members ready, and nobody
 * waits in a circle.
 */
#include "cr_communicator.h"
#include "cr_quiesce.h"

#include <string.h>

#define TAG 0x7143

static const char *why_not(const struct cr_communicator *comm)
{
    if (comm->flags & CR_COMM_INTER)
        return "an intercommunicator";
    if (comm->flags & CR_COMM_OUTSIDE)
        return "it has members outside of MPI_COMM_WORLD";
    if (comm->flags & CR_COMM_PENDING)
        return "its MPI_Comm_idup is not complete";
    if (comm->flags & CR_COMM_FREED)
        return "freed, but requests on it are not complete";
    if ((comm->flags & CR_COMM_TOPOLOGY) && comm->topology == NULL)
        return "its topology is of an unknown kind";
    return NULL;
}

int cr_communicator_check(struct cr_error *err)
{
    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next) {
        const struct cr_communicator *comm = (const struct cr_communicator *)k;
        const char *why = why_not(comm);

        if (why != NULL)
            return cr_fail(err, CR_EREFUSED, "communicator #%lu%s%s made by %s cannot be saved: %s",
                           comm->keyed.number, comm->name[0] != '\0' ? " " : "", comm->name,
                           comm->keyed.made_by, why);
    }
    return 0;
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

static int make(struct cr_communicator *comm, struct cr_error *err)
{
    MPI_Group group = cr_group_real_of(comm->world_ranks, comm->peer_size);
    MPI_Comm flat = NULL, real = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_create_group)(CR_REAL_COMM(MPI_COMM_WORLD), group, TAG, &flat);

    CR_REAL(Group_free)(&group);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        rc = cr_topology_make(comm, flat, &real);
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
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_set_errhandler)(real, (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN));
    if (comm->name[0] != '\0')
        CR_REAL(Comm_set_name)(real, comm->name);
    cr_lower_leave(fs);
}

int cr_communicator_rebuild(struct cr_error *err)
{
    struct cr_communicator **comms;
    size_t count = 0, size;
    int rc = 0;

    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next)
        count++;
    size = (count + 1) * sizeof(struct cr_communicator *);
    comms = cr_pool_alloc(size);
    count = 0;
    for (struct cr_keyed *k = cr_communicator_list(); k != NULL; k = k->next)
        comms[count++] = (struct cr_communicator *)k;
    sort(comms, count);
    put_back((struct cr_communicator *)MPI_COMM_WORLD);
    put_back((struct cr_communicator *)MPI_COMM_SELF);
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = make(comms[i], err);
        if (rc == 0)
            put_back(comms[i]);
    }
    cr_pool_free(comms, size);
    return rc;
}
