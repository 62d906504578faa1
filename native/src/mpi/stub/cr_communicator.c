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

struct cr_keyed_list cr_communicators;
static uint64_t told;

struct cr_keyed *cr_communicator_list(void)
{
    return cr_communicators.first;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ (b + 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;

    x ^= x >> 32;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ (x >> 29);
}

void cr_communicator_child(MPI_Comm parent, uint64_t ret_id[2])
{
    struct cr_communicator *p = (struct cr_communicator *)parent;
    uint64_t child = __atomic_add_fetch(&p->children, 1, __ATOMIC_RELAXED);

    ret_id[0] = mix(mix(p->id_high, p->id_low), child);
    ret_id[1] = mix(mix(p->id_low, child), p->id_high + 1);
}

/* Rank 0 says it. */
static void identify_by_leader(struct cr_communicator *comm)
{
    uint64_t id[2];
    uint64_t fs;

    cr_communicator_leader_id(id);
    fs = cr_lower_enter();
    CR_REAL(Bcast)(id, 2, CR_REAL_DATATYPE(MPI_UINT64_T), 0, (MPI_Comm)comm->keyed.handle.real);
    cr_lower_leave(fs);
    comm->id_high = id[0];
    comm->id_low = id[1];
}

/* World ranks of the COUNT members of GROUP, and whether one of them is in no world of ours. */
static uint32_t *translate(struct cr_communicator *comm, MPI_Group group, int count)
{
    size_t size = (size_t)count * sizeof(int);
    int *own = cr_pool_alloc(size), *translated = cr_pool_alloc(size);
    MPI_Group world = NULL;
    uint64_t fs;

    for (int i = 0; i < count; i++)
        own[i] = i;
    fs = cr_lower_enter();
    CR_REAL(Comm_group)(CR_REAL_COMM(MPI_COMM_WORLD), &world);
    CR_REAL(Group_translate_ranks)(group, count, own, world, translated);
    CR_REAL(Group_free)(&world);
    cr_lower_leave(fs);
    for (int i = 0; i < count; i++) {
        if (translated[i] == MPI_UNDEFINED)
            comm->flags |= CR_COMM_OUTSIDE;
    }
    cr_pool_free(own, size);
    return (uint32_t *)translated;
}

static uint32_t *members(struct cr_communicator *comm, cr_fn_Comm_group *of, int32_t *ret_count)
{
    MPI_Group group = NULL;
    uint32_t *ranks;
    uint64_t fs = cr_lower_enter();

    of((MPI_Comm)comm->keyed.handle.real, &group);
    CR_REAL(Group_size)(group, ret_count);
    cr_lower_leave(fs);
    ranks = translate(comm, group, *ret_count);
    fs = cr_lower_enter();
    CR_REAL(Group_free)(&group);
    cr_lower_leave(fs);
    return ranks;
}

void cr_communicator_describe(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    int inter = 0, topology = MPI_UNDEFINED;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_rank)(real, &comm->rank);
    CR_REAL(Comm_test_inter)(real, &inter);
    if (!inter)
        CR_REAL(Topo_test)(real, &topology);
    cr_lower_leave(fs);
    if (topology != MPI_UNDEFINED)
        comm->flags |= CR_COMM_TOPOLOGY;
    comm->world_ranks = members(comm, CR_REAL(Comm_group), &comm->size);
    comm->peer_size = comm->size;
    if (inter) {
        comm->flags |= CR_COMM_INTER;
        comm->local_ranks = comm->world_ranks;
        comm->world_ranks = members(comm, CR_REAL(Comm_remote_group), &comm->peer_size);
    }
    /* Messages on it are not counted: there is no checkpoint while it lives. */
    for (int i = 0; i < comm->peer_size && (comm->flags & CR_COMM_OUTSIDE); i++)
        comm->world_ranks[i] = (uint32_t)MPI_UNDEFINED;
}

/* Between two groups that met by a port or a socket: the leader with the lower world rank says it to the other side. */
static void identify_by_both(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    MPI_Datatype type = CR_REAL_DATATYPE(MPI_UINT64_T);
    int first = comm->local_ranks[0] < comm->world_ranks[0];
    int as_root = comm->rank == 0 ? MPI_ROOT : MPI_PROC_NULL;
    uint64_t id[2];
    uint64_t fs;

    cr_communicator_leader_id(id);
    fs = cr_lower_enter();
    CR_REAL(Bcast)(id, 2, type, first ? as_root : 0, real);
    CR_REAL(Bcast)(id, 2, type, first ? 0 : as_root, real);
    cr_lower_leave(fs);
    comm->id_high = id[0];
    comm->id_low = id[1];
}

static void errors_return(struct cr_communicator *comm)
{
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_set_errhandler)
    ((MPI_Comm)comm->keyed.handle.real, (MPI_Errhandler)cr_handle_real(MPI_ERRORS_RETURN));
    cr_lower_leave(fs);
}

static int made_by_meeting(const char *made_by)
{
    return strcmp(made_by, "MPI_Comm_accept") == 0 || strcmp(made_by, "MPI_Comm_connect") == 0 ||
           strcmp(made_by, "MPI_Comm_join") == 0;
}

static int made_by_some(const char *made_by)
{
    return strcmp(made_by, "MPI_Comm_create_group") == 0 ||
           strcmp(made_by, "MPI_Intercomm_merge") == 0;
}

static int is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return 1;
    }
    return 0;
}

/* Whose real communicator may hold more hints than MPI_Comm_set_info gives: the same on all members. */
static void inherit_hints(struct cr_communicator *comm, const struct cr_communicator *parent)
{
    static const char *const with_info[] = {"MPI_Comm_dup_with_info", "MPI_Comm_split_type",
                                            "MPI_Dist_graph_create",
                                            "MPI_Dist_graph_create_adjacent", NULL};
    static const char *const copies[] = {"MPI_Comm_dup", "MPI_Comm_idup", NULL};

    if (is_one_of(comm->keyed.made_by, with_info))
        comm->flags |= CR_COMM_HINTS;
    else if (parent != NULL && is_one_of(comm->keyed.made_by, copies))
        comm->flags |= parent->flags & (uint32_t)CR_COMM_SET_INFO;
}

/* ID: NULL if it is not known yet. */
static void identify(struct cr_communicator *comm, const uint64_t *id)
{
    if (comm->flags & CR_COMM_OUTSIDE)
        return;
    if (id != NULL) {
        comm->id_high = id[0];
        comm->id_low = id[1];
    } else if (made_by_meeting(comm->keyed.made_by)) {
        identify_by_both(comm);
    } else {
        identify_by_leader(comm);
    }
}

void cr_communicator_leader_id(uint64_t ret_id[2])
{
    uint64_t rank = (1ULL << 63) | (uint32_t)((struct cr_communicator *)MPI_COMM_WORLD)->rank;
    uint64_t number = __atomic_add_fetch(&told, 1, __ATOMIC_RELAXED);

    ret_id[0] = mix(mix(rank, 0), number);
    ret_id[1] = mix(mix(rank, 1), number);
}

/*
 * Open MPI 4.1 lets what MPI_Comm_create_group makes of members of a topology have that topology too, which it does not fit
 * and with which it could not be made again. MPI gives it none.
 */
static MPI_Comm without_topology(MPI_Comm real)
{
    MPI_Comm plain = real;
    int kind = MPI_UNDEFINED;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Topo_test)(real, &kind);
    if (kind != MPI_UNDEFINED && CR_REAL(Comm_split)(real, 0, 0, &plain) == MPI_SUCCESS)
        CR_REAL(Comm_free)(&real);
    cr_lower_leave(fs);
    return plain;
}

MPI_Comm cr_communicator_new_as(MPI_Comm real, MPI_Comm parent_handle, const char *made_by,
                                const uint64_t *id)
{
    struct cr_communicator *parent = NULL, *comm;
    uint64_t child[2];

    if (cr_wrap_is(parent_handle, CR_KIND_COMM))
        parent = (struct cr_communicator *)parent_handle;
    if (parent != NULL && id == NULL && !made_by_some(made_by) && !made_by_meeting(made_by)) {
        cr_communicator_child(parent_handle, child);
        id = child;
    }
    if (real == NULL || real == CR_REAL_COMM(MPI_COMM_NULL))
        return MPI_COMM_NULL;
    if (strcmp(made_by, "MPI_Comm_create_group") == 0)
        real = without_topology(real);
    comm = (struct cr_communicator *)cr_handle_new(CR_KIND_COMM, sizeof(*comm), real);
    comm->keyed.made_by = made_by;
    comm->references = 1;
    cr_communicator_describe(comm);
    identify(comm, id);
    inherit_hints(comm, parent);
    cr_topology_record(comm);
    cr_errhandler_inherit(&comm->keyed, parent != NULL ? &parent->keyed : NULL);
    errors_return(comm);
    cr_keyed_add(&cr_communicators, &comm->keyed);
    cr_quiesce_comm_added((MPI_Comm)comm);
    return (MPI_Comm)comm;
}

MPI_Comm cr_communicator_new(MPI_Comm real, MPI_Comm parent, const char *made_by)
{
    return cr_communicator_new_as(real, parent, made_by, NULL);
}

uint32_t *cr_communicator_copy_ranks(const uint32_t *ranks, int count)
{
    uint32_t *copy = cr_pool_alloc((size_t)count * sizeof(*ranks));

    return memcpy(copy, ranks, (size_t)count * sizeof(*ranks));
}

struct cr_communicator *cr_communicator_idup_begin(MPI_Comm parent_handle)
{
    struct cr_communicator *parent = (struct cr_communicator *)parent_handle;
    struct cr_communicator *comm = (struct cr_communicator *)cr_handle_new(
        CR_KIND_COMM, sizeof(*comm), cr_handle_real(MPI_COMM_NULL));
    uint64_t id[2];

    cr_communicator_child(parent_handle, id);
    comm->id_high = id[0];
    comm->id_low = id[1];
    comm->flags = (parent->flags & ~(uint32_t)CR_COMM_HINTS) | CR_COMM_PENDING;
    comm->references = 1;
    comm->rank = parent->rank;
    comm->size = parent->size;
    comm->peer_size = parent->peer_size;
    comm->world_ranks = cr_communicator_copy_ranks(parent->world_ranks, comm->peer_size);
    if (parent->local_ranks != NULL)
        comm->local_ranks = cr_communicator_copy_ranks(parent->local_ranks, comm->size);
    cr_errhandler_inherit(&comm->keyed, &parent->keyed);
    comm->keyed.made_by = "MPI_Comm_idup";
    cr_keyed_add(&cr_communicators, &comm->keyed);
    return comm;
}

void cr_communicator_idup_done(MPI_Comm handle)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    comm->flags &= ~(uint32_t)CR_COMM_PENDING;
    cr_communicator_snapshot_one(comm);
    cr_topology_record(comm);
    errors_return(comm);
    cr_quiesce_comm_added(handle);
}

static void free_real(struct cr_communicator *comm)
{
    MPI_Comm real = (MPI_Comm)comm->keyed.handle.real;
    uint64_t fs;

    cr_quiesce_comm_removed((MPI_Comm)comm);
    fs = cr_lower_enter();
    CR_REAL(Comm_free)(&real);
    cr_lower_leave(fs);
}

static void destroy(struct cr_communicator *comm)
{
    if (!(comm->flags & CR_COMM_GONE))
        free_real(comm);
    cr_keyed_remove(&cr_communicators, &comm->keyed);
    cr_errhandler_drop(&comm->keyed);
    cr_topology_forget(comm);
    cr_info_pairs_free(&comm->hints);
    cr_pool_free(comm->world_ranks, (size_t)comm->peer_size * sizeof(uint32_t));
    cr_pool_free(comm->local_ranks, (size_t)comm->size * sizeof(uint32_t));
    cr_handle_delete(&comm->keyed.handle, sizeof(*comm));
}

void cr_communicator_retain(MPI_Comm handle)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    if (!(comm->keyed.handle.flags & CR_HANDLE_PREDEFINED))
        __atomic_add_fetch(&comm->references, 1, __ATOMIC_RELAXED);
}

void cr_communicator_release(MPI_Comm handle)
{
    struct cr_communicator *comm = (struct cr_communicator *)handle;

    if (comm->keyed.handle.flags & CR_HANDLE_PREDEFINED)
        return;
    if (__atomic_sub_fetch(&comm->references, 1, __ATOMIC_ACQ_REL) == 0)
        destroy(comm);
}

void cr_communicator_freed(struct cr_communicator *comm)
{
    cr_quiesce_comm_freed((MPI_Comm)comm);
    __atomic_or_fetch(&comm->flags, (uint32_t)CR_COMM_FREED, __ATOMIC_RELAXED);
    cr_communicator_release((MPI_Comm)comm);
}

int cr_communicator_each(int (*visit)(struct cr_communicator *comm, void *context), void *context)
{
    int rc = visit((struct cr_communicator *)MPI_COMM_WORLD, context);

    if (rc == 0)
        rc = visit((struct cr_communicator *)MPI_COMM_SELF, context);
    for (struct cr_keyed *k = cr_communicators.first; k != NULL && rc == 0; k = k->next) {
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
    comm->references = 1;
    cr_communicator_describe(comm);
    errors_return(comm);
    cr_quiesce_comm_added(handle);
}

void cr_communicator_init(void)
{
    predefined(MPI_COMM_WORLD, 1, "MPI_COMM_WORLD");
    predefined(MPI_COMM_SELF, 2, "MPI_COMM_SELF");
}
