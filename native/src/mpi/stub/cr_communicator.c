/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Communicators: their handles, and the calls that make, free and name them. Each
 * has an identity that its members agree on without talking: creators that are collective over an
 * intracommunicator count there, in the same order on all its members, so (identity of the parent,
 * count) names what they make; communicators from the same call of MPI_Comm_split share it, but
 * share no member. Where the parent's members do not all take part, rank 0 of the new communicator
 * tells the others a number of its own.
 */
#include "cr_communicator.h"

#include "cr_stub_wrap.h"

#include <string.h>

struct cr_lock cr_communicators_lock;
static struct cr_keyed *communicators;
static uint64_t created, told;

struct cr_keyed *cr_communicator_list(void)
{
    return communicators;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;

    x ^= x >> 32;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 29);
}

static void identify_by_parent(struct cr_communicator *comm, const struct cr_communicator *parent,
                               uint64_t child)
{
    comm->id_high = mix(mix(parent->id_high, parent->id_low), child);
    comm->id_low = mix(mix(parent->id_low, child), parent->id_high + 1);
}

void cr_communicator_child(MPI_Comm parent, uint64_t ret_id[2])
{
    struct cr_communicator *p = (struct cr_communicator *)parent;
    uint64_t child = __atomic_add_fetch(&p->children, 1, __ATOMIC_RELAXED);

    ret_id[0] = mix(mix(p->id_high, p->id_low), child);
    ret_id[1] = mix(mix(p->id_low, child), p->id_high + 1);
}

/* Rank 0 says (its world rank, a count of its own): distinct, because nobody else says its rank. */
static void identify_by_leader(struct cr_communicator *comm)
{
    uint64_t id[2];
    uint64_t fs;

    id[0] = (1ULL << 63) | comm->world_ranks[0];
    id[1] = __atomic_add_fetch(&told, 1, __ATOMIC_RELAXED);
    fs = cr_lower_enter();
    CR_REAL(Bcast)(id, 2, CR_REAL_DATATYPE(MPI_UINT64_T), 0, (MPI_Comm)comm->keyed.handle.real);
    cr_lower_leave(fs);
    comm->id_high = id[0];
    comm->id_low = id[1];
}

static void translate(struct cr_communicator *comm, MPI_Group group)
{
    size_t size = (size_t)comm->peer_size * sizeof(int);
    int *own = cr_pool_alloc(size), *translated = cr_pool_alloc(size);
    MPI_Group world = NULL;
    uint64_t fs;

    for (int i = 0; i < comm->peer_size; i++)
        own[i] = i;
    fs = cr_lower_enter();
    CR_REAL(Comm_group)(CR_REAL_COMM(MPI_COMM_WORLD), &world);
    CR_REAL(Group_translate_ranks)(group, comm->peer_size, own, world, translated);
    CR_REAL(Group_free)(&world);
    cr_lower_leave(fs);
    for (int i = 0; i < comm->peer_size; i++) {
        if (translated[i] == MPI_UNDEFINED)
            comm->flags |= CR_COMM_OUTSIDE;
    }
    comm->world_ranks = (uint32_t *)translated;
    cr_pool_free(own, size);
}

void cr_communicator_describe(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    MPI_Group group = NULL;
    int inter = 0, topology = MPI_UNDEFINED;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_rank)(real, &comm->rank);
    CR_REAL(Comm_size)(real, &comm->size);
    CR_REAL(Comm_test_inter)(real, &inter);
    if (inter) {
        CR_REAL(Comm_remote_group)(real, &group);
    } else {
        CR_REAL(Comm_group)(real, &group);
        CR_REAL(Topo_test)(real, &topology);
    }
    CR_REAL(Group_size)(group, &comm->peer_size);
    cr_lower_leave(fs);
    if (inter)
        comm->flags |= CR_COMM_INTER;
    if (topology != MPI_UNDEFINED)
        comm->flags |= CR_COMM_TOPOLOGY;
    translate(comm, group);
    fs = cr_lower_enter();
    CR_REAL(Group_free)(&group);
    cr_lower_leave(fs);
}

static void add(struct cr_communicator *comm, const char *made_by)
{
    comm->keyed.made_by = made_by;
    cr_lock_take(&cr_communicators_lock);
    comm->keyed.number = ++created;
    comm->keyed.next = communicators;
    communicators = &comm->keyed;
    cr_lock_give(&cr_communicators_lock);
}

static void remove_from_list(struct cr_communicator *comm)
{
    cr_lock_take(&cr_communicators_lock);
    for (struct cr_keyed **at = &communicators; *at != NULL; at = &(*at)->next) {
        if (*at == &comm->keyed) {
            *at = comm->keyed.next;
            break;
        }
    }
    cr_lock_give(&cr_communicators_lock);
}

static void errors_return(struct cr_communicator *comm)
{
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_set_errhandler)
    ((MPI_Comm)comm->keyed.handle.real, (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN));
    cr_lower_leave(fs);
}

static int made_by_some(const char *made_by)
{
    return strcmp(made_by, "MPI_Comm_create_group") == 0 ||
           strcmp(made_by, "MPI_Intercomm_merge") == 0;
}

static void identify(struct cr_communicator *comm, const struct cr_communicator *parent,
                     uint64_t child)
{
    if (comm->flags & (CR_COMM_INTER | CR_COMM_OUTSIDE))
        return;
    if (parent == NULL || made_by_some(comm->keyed.made_by))
        identify_by_leader(comm);
    else
        identify_by_parent(comm, parent, child);
}

MPI_Comm cr_communicator_new(MPI_Comm real, MPI_Comm parent_handle, const char *made_by)
{
    struct cr_communicator *parent = NULL, *comm;
    uint64_t child = 0;

    if (cr_wrap_is(parent_handle, CR_KIND_COMM))
        parent = (struct cr_communicator *)parent_handle;
    if (parent != NULL && !made_by_some(made_by))
        child = __atomic_add_fetch(&parent->children, 1, __ATOMIC_RELAXED);
    if (real == NULL || real == CR_REAL_COMM(MPI_COMM_NULL))
        return MPI_COMM_NULL;
    comm = (struct cr_communicator *)cr_handle_new(CR_KIND_COMM, sizeof(*comm), real);
    comm->keyed.made_by = made_by;
    cr_communicator_describe(comm);
    identify(comm, parent, child);
    cr_topology_record(comm);
    cr_errhandler_inherit(&comm->keyed, parent != NULL ? &parent->keyed : NULL);
    errors_return(comm);
    add(comm, made_by);
    cr_quiesce_comm_added((MPI_Comm)comm);
    return (MPI_Comm)comm;
}

struct cr_communicator *cr_communicator_idup_begin(MPI_Comm parent_handle)
{
    struct cr_communicator *parent = (struct cr_communicator *)parent_handle;
    struct cr_communicator *comm = (struct cr_communicator *)cr_handle_new(
        CR_KIND_COMM, sizeof(*comm), cr_handle_real(MPI_COMM_NULL));

    comm->flags = parent->flags | CR_COMM_PENDING;
    comm->rank = parent->rank;
    comm->size = parent->size;
    comm->peer_size = parent->peer_size;
    comm->world_ranks = cr_pool_alloc((size_t)comm->peer_size * sizeof(uint32_t));
    memcpy(comm->world_ranks, parent->world_ranks, (size_t)comm->peer_size * sizeof(uint32_t));
    identify_by_parent(comm, parent, __atomic_add_fetch(&parent->children, 1, __ATOMIC_RELAXED));
    cr_errhandler_inherit(&comm->keyed, &parent->keyed);
    add(comm, "MPI_Comm_idup");
    return comm;
}

void cr_communicator_idup_done(MPI_Comm handle)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    comm->flags &= ~(uint32_t)CR_COMM_PENDING;
    cr_topology_record(comm);
    errors_return(comm);
    cr_quiesce_comm_added(handle);
}

static void destroy(struct cr_communicator *comm)
{
    remove_from_list(comm);
    cr_errhandler_drop(&comm->keyed);
    cr_topology_forget(comm);
    cr_pool_free(comm->world_ranks, (size_t)comm->peer_size * sizeof(uint32_t));
    cr_handle_delete(&comm->keyed.handle, sizeof(*comm));
}

void cr_communicator_retain(MPI_Comm handle)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    __atomic_add_fetch(&comm->references, 1, __ATOMIC_RELAXED);
}

void cr_communicator_release(MPI_Comm handle)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    if (__atomic_sub_fetch(&comm->references, 1, __ATOMIC_ACQ_REL) == 0 &&
        (comm->flags & CR_COMM_FREED))
        destroy(comm);
}

/* The application has freed it: at once, or with the last request that refers to it. */
void cr_communicator_freed(struct cr_communicator *comm)
{
    comm->flags |= CR_COMM_FREED;
    if (__atomic_load_n(&comm->references, __ATOMIC_ACQUIRE) == 0)
        destroy(comm);
}

int cr_communicator_each(int (*visit)(struct cr_communicator *comm, void *context), void *context)
{
    int rc = visit((struct cr_communicator *)MPI_COMM_WORLD, context);

    if (rc == 0)
        rc = visit((struct cr_communicator *)MPI_COMM_SELF, context);
    for (struct cr_keyed *k = communicators; k != NULL && rc == 0; k = k->next) {
        struct cr_communicator *comm = (struct cr_communicator *)k;

        if (comm->state != NULL)
            rc = visit(comm, context);
    }
    return rc;
}

static void predefined(MPI_Comm handle, uint64_t id, const char *name)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    comm->keyed.made_by = name;
    comm->id_low = id;
    cr_communicator_describe(comm);
    errors_return(comm);
    cr_quiesce_comm_added(handle);
}

void cr_communicator_init(void)
{
    predefined(MPI_COMM_WORLD, 1, "MPI_COMM_WORLD");
    predefined(MPI_COMM_SELF, 2, "MPI_COMM_SELF");
}
