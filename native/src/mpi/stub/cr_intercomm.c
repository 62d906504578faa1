/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. MPI_Intercomm_create. Its two groups know nothing of each other before the call, and
 * a checkpoint may come while some ranks are in it. So the leaders first tell each other their groups,
 * by messages like the application's own (a checkpoint may interrupt them); then each tells its group,
 * which is a collective of that group; and the real call is a collective of both groups together. The
 * leaders also agree on the identity of what is made.
 */
#include "cr_communicator.h"
#include "cr_stub_wrap.h"

#include <string.h>

/* Turned over in the identity of the clock of one call, which so differs from that of what the call makes. */
#define CALL_BIT (1ULL << 62)

/* What a leader says of its side; COUNT is 0 if it has members outside of MPI_COMM_WORLD. */
struct side {
    uint64_t count;
    uint64_t id[2];
};
enum { SIDE_NUMBERS = sizeof(struct side) / sizeof(uint64_t) };

struct call {
    struct cr_communicator *local;
    int leader;
    MPI_Comm bridge;
    int remote, tag;
    struct side other;
    uint32_t *ranks; /* both groups: the local one first. NULL: not known */
    size_t size;     /* bytes */
    struct cr_group *clock;
};

static int is_intra(MPI_Comm comm)
{
    return cr_wrap_is(comm, CR_KIND_COMM) &&
           !(((struct cr_communicator *)comm)->flags & CR_COMM_INTER);
}

static int is_leader(const struct call *c)
{
    return c->local->rank == c->leader;
}

static int tag_is_good(int tag)
{
    int *most = NULL, known = 0;

    PMPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &most, &known);
    return tag >= 0 && (!known || tag <= *most);
}

/* The real call finds what is wrong, and says it in its own way. */
static int is_good(const struct call *c, const MPI_Comm *made)
{
    if (made == NULL || !is_intra((MPI_Comm)c->local) || c->leader < 0 ||
        c->leader >= c->local->size)
        return 0;
    if (!is_leader(c))
        return 1;
    return is_intra(c->bridge) && c->remote >= 0 &&
           c->remote < ((struct cr_communicator *)c->bridge)->size && tag_is_good(c->tag);
}

static void know_both(struct call *c)
{
    size_t own = (size_t)c->local->size * sizeof(uint32_t);

    c->size = own + (size_t)c->other.count * sizeof(uint32_t);
    c->ranks = cr_pool_alloc(c->size);
    memcpy(c->ranks, c->local->world_ranks, own);
}

/* The clock exists before anybody else can count on it. */
static void make_clock(struct call *c)
{
    uint64_t id[2] = {c->other.id[0] ^ CALL_BIT, c->other.id[1]};

    c->clock = cr_quiesce_call_clock(id, c->ranks, c->local->size + (int)c->other.count);
}

/* Leaders: the identity is the one that the leader with the lower world rank has thought of. */
static int meet(struct call *c)
{
    struct side mine = {0, {0, 0}};
    int rc;

    if (((struct cr_communicator *)c->bridge)->flags & CR_COMM_OUTSIDE)
        return MPI_SUCCESS;
    cr_communicator_leader_id(mine.id);
    if (!(c->local->flags & CR_COMM_OUTSIDE))
        mine.count = (uint64_t)c->local->size;
    rc = PMPI_Sendrecv(&mine, SIDE_NUMBERS, MPI_UINT64_T, c->remote, c->tag, &c->other,
                       SIDE_NUMBERS, MPI_UINT64_T, c->remote, c->tag, c->bridge, MPI_STATUS_IGNORE);
    if (mine.count == 0)
        c->other.count = 0;
    if (rc != MPI_SUCCESS || c->other.count == 0)
        return rc;
    if (mine.id[0] < c->other.id[0])
        memcpy(c->other.id, mine.id, sizeof(mine.id));
    know_both(c);
    rc = PMPI_Sendrecv(c->local->world_ranks, c->local->size, MPI_UINT32_T, c->remote, c->tag,
                       c->ranks + c->local->size, (int)c->other.count, MPI_UINT32_T, c->remote,
                       c->tag, c->bridge, MPI_STATUS_IGNORE);
    make_clock(c);
    return rc;
}

static int from_leader(const struct call *c, void *data, int count, MPI_Datatype type)
{
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Bcast)(data, count, CR_REAL_DATATYPE(type), c->leader,
                            (MPI_Comm)c->local->keyed.handle.real);

    cr_lower_leave(fs);
    return rc;
}

static int tell_group(struct call *c)
{
    int rc = from_leader(c, &c->other, SIDE_NUMBERS, MPI_UINT64_T);

    if (rc != MPI_SUCCESS || c->other.count == 0)
        return rc;
    if (c->ranks == NULL)
        know_both(c);
    rc = from_leader(c, c->ranks + c->local->size, (int)c->other.count, MPI_UINT32_T);
    if (c->clock == NULL)
        make_clock(c);
    return rc;
}

static int agree(struct call *c)
{
    int rc = is_leader(c) ? meet(c) : MPI_SUCCESS;

    if (rc != MPI_SUCCESS)
        return rc;
    cr_wrap_begin_comm((MPI_Comm)c->local);
    rc = tell_group(c);
    cr_collective_end();
    return rc;
}

static int create(struct call *c, MPI_Comm *made)
{
    const uint64_t *id = c->clock != NULL ? c->other.id : NULL;
    MPI_Comm real = NULL;
    uint64_t fs;
    int rc;

    if (c->clock != NULL)
        cr_collective_begin_clock(c->clock);
    else
        cr_collective_begin_unclocked();
    fs = cr_lower_enter();
    rc = CR_REAL(Intercomm_create)(CR_REAL_COMM(c->local), c->leader, CR_REAL_COMM(c->bridge),
                                   c->remote, c->tag, made != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        *made = cr_communicator_new_as(real, (MPI_Comm)c->local, "MPI_Intercomm_create", id);
    cr_collective_end();
    cr_quiesce_call_over(c->clock);
    cr_pool_free(c->ranks, c->size);
    return rc;
}

CR_MPI(int, Intercomm_create,
       (MPI_Comm local_comm, int local_leader, MPI_Comm bridge_comm, int remote_leader, int tag,
        MPI_Comm *newintercomm))
{
    struct call c = {.local = (struct cr_communicator *)local_comm,
                     .leader = local_leader,
                     .bridge = bridge_comm,
                     .remote = remote_leader,
                     .tag = tag};
    int rc = MPI_SUCCESS;

    cr_gate_enter();
    if (is_good(&c, newintercomm))
        rc = agree(&c);
    if (rc == MPI_SUCCESS)
        rc = create(&c, newintercomm);
    cr_gate_leave();
    return cr_raise_comm(local_comm, rc, "MPI_Intercomm_create");
}
