/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What communicators of one group carry across a checkpoint: hints, names, topologies, attributes, and requests on freed ones. */
#include "comms.h"

#include <stddef.h>

enum { TAG = 6, SMALL = 5 };

/* ---- hints and names ---- */

static MPI_Comm hinted, of_hinted, told, shared;
static char long_name[MPI_MAX_OBJECT_NAME];

static void make_hints(void)
{
    MPI_Info info;

    MPI_Info_create(&info);
    MPI_Info_set(info, "mpi_assert_no_any_source", "true");
    MPI_Info_set(info, "colour", qt_rank % 2 ? "green" : "blue");
    MPI_Comm_dup_with_info(MPI_COMM_WORLD, info, &hinted);
    MPI_Comm_dup(hinted, &of_hinted);
    MPI_Comm_dup(MPI_COMM_WORLD, &told);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, -qt_rank, info, &shared);
    MPI_Info_set(info, "mpi_assert_allow_overtaking", "true");
    MPI_Comm_set_info(told, info);
    MPI_Info_free(&info);
    memset(long_name, 'n', sizeof(long_name) - 1);
    MPI_Comm_set_name(told, long_name);
    MPI_Comm_set_name(shared, "sh\303\244red");
    MPI_Comm_set_name(MPI_COMM_WORLD, "everybody");
    MPI_Comm_set_name(MPI_COMM_SELF, "");
}

static void use_hints(void)
{
    digest_comm(hinted);
    digest_comm(of_hinted);
    digest_comm(told);
    digest_comm(shared);
    digest_comm(MPI_COMM_WORLD);
    digest_comm(MPI_COMM_SELF);
}

static void drop_hints(void)
{
    MPI_Comm_free(&shared);
    MPI_Comm_free(&told);
    MPI_Comm_free(&of_hinted);
    MPI_Comm_free(&hinted);
}

/* ---- topologies with reorder ---- */

static MPI_Comm cart, row, point, graph, spread, twin_cart, empty_ring;

static void make_topologies(void)
{
    int dims[2] = {0, 0}, index[32], edges[64], at = 0, i, weights[2] = {2, 5};
    int to[2] = {(qt_rank + 1) % qt_size, (qt_rank + 2) % qt_size};

    MPI_Dims_create(qt_size, 2, dims);
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, (int[]){1, 0}, 1, &cart);
    MPI_Cart_sub(cart, (int[]){0, 1}, &row);
    MPI_Cart_sub(cart, (int[]){0, 0}, &point);
    MPI_Comm_dup(cart, &twin_cart);
    for (i = 0; i < qt_size; i++) {
        edges[at++] = (i + 1) % qt_size;
        edges[at++] = (i + qt_size - 1) % qt_size;
        index[i] = at;
    }
    MPI_Graph_create(MPI_COMM_WORLD, qt_size, index, edges, 1, &graph);
    MPI_Dist_graph_create(MPI_COMM_WORLD, 1, &qt_rank, (int[]){2}, to, weights, MPI_INFO_NULL, 1,
                          &spread);
    MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, 0, NULL, MPI_WEIGHTS_EMPTY, 0, NULL,
                                   MPI_WEIGHTS_EMPTY, MPI_INFO_NULL, 1, &empty_ring);
}

static void digest_cart(MPI_Comm comm)
{
    int d, dims[2] = {0, 0}, periods[2] = {0, 0}, coords[2] = {0, 0}, from = -1, to = -1, i;

    digest_comm(comm);
    MPI_Cartdim_get(comm, &d);
    digest_int(d);
    MPI_Cart_get(comm, 2, dims, periods, coords);
    digest(dims, sizeof(dims));
    digest(periods, sizeof(periods));
    digest(coords, sizeof(coords));
    for (i = 0; i < d; i++) {
        MPI_Cart_shift(comm, i, 1, &from, &to);
        digest_int(from);
        digest_int(to);
    }
}

static void digest_neighbours(MPI_Comm comm)
{
    int in = 0, out = 0, weighted = 0, from[16], to[16], from_weights[16], to_weights[16], got[16];

    memset(from_weights, 0, sizeof(from_weights));
    memset(to_weights, 0, sizeof(to_weights));
    MPI_Dist_graph_neighbors_count(comm, &in, &out, &weighted);
    MPI_Dist_graph_neighbors(comm, in, from, from_weights, out, to, to_weights);
    MPI_Neighbor_allgather(&qt_rank, 1, MPI_INT, got, 1, MPI_INT, comm);
    digest_int(in);
    digest_int(out);
    digest_int(weighted);
    digest(from, (size_t)in * sizeof(int));
    digest(from_weights, (size_t)in * sizeof(int));
    digest(to, (size_t)out * sizeof(int));
    digest(to_weights, (size_t)out * sizeof(int));
    digest(got, (size_t)in * sizeof(int));
}

static void use_topologies(void)
{
    int around[2] = {-1, -1};

    digest_cart(cart);
    digest_cart(twin_cart);
    digest_cart(row);
    digest_cart(point);
    digest_comm(graph);
    MPI_Neighbor_alltoall((int[]){qt_rank * 2, qt_rank * 2 + 1}, 1, MPI_INT, around, 1, MPI_INT,
                          graph);
    digest(around, sizeof(around));
    digest_comm(spread);
    digest_neighbours(spread);
    digest_comm(empty_ring);
    digest_neighbours(empty_ring);
}

static void drop_topologies(void)
{
    MPI_Comm *all[] = {&empty_ring, &spread, &graph, &twin_cart, &point, &row, &cart};
    size_t i;

    for (i = 0; i < sizeof(all) / sizeof(*all); i++)
        MPI_Comm_free(all[i]);
}

/* ---- MPI_Comm_idup under way ---- */

static MPI_Comm parent, made[2];
static MPI_Request idups[2];
static int key, copied;

static int copy_value(MPI_Comm old, int k, void *extra, void *value, void *copy, int *flag)
{
    (void)old, (void)k, (void)extra;
    copied++;
    *(void **)copy = (char *)value + 1;
    *flag = 1;
    return MPI_SUCCESS;
}

static void make_idup(void)
{
    MPI_Info info;

    MPI_Comm_create_keyval(copy_value, MPI_COMM_NULL_DELETE_FN, &key, NULL);
    MPI_Info_create(&info);
    MPI_Info_set(info, "colour", "red");
    MPI_Comm_dup_with_info(MPI_COMM_WORLD, info, &parent);
    MPI_Info_free(&info);
    MPI_Comm_set_attr(parent, key, long_name);
}

static void start_idup(void)
{
    copied = 0;
    MPI_Comm_idup(parent, &made[0], &idups[0]);
    MPI_Comm_idup(parent, &made[1], &idups[1]);
}

static void finish_idup(void)
{
    void *value = NULL;
    int flag = 0, i, got = -1;

    MPI_Waitall(2, idups, MPI_STATUSES_IGNORE);
    for (i = 0; i < 2; i++) {
        MPI_Comm_get_attr(made[i], key, &value, &flag);
        QT_CHECK(flag && value == long_name + 1, "attribute");
        MPI_Sendrecv(&qt_rank, 1, MPI_INT, (qt_rank + 1) % qt_size, TAG, &got, 1, MPI_INT,
                     (qt_rank + qt_size - 1) % qt_size, TAG, made[i], MPI_STATUS_IGNORE);
        QT_CHECK(got == (qt_rank + qt_size - 1) % qt_size, "from %d", got);
        MPI_Comm_free(&made[i]);
    }
    QT_CHECK(copied == 2, "copied %d times", copied);
}

static void use_idup(void)
{
    digest_comm(parent);
}

static void drop_idup(void)
{
    MPI_Comm_free(&parent);
    MPI_Comm_free_keyval(&key);
}

/* ---- requests on communicators that are freed ---- */

static MPI_Request persistent[2], waiting, never;
static int to_next[SMALL], from_previous[SMALL], kept_in[SMALL], never_in[SMALL], turn;

static int next(void)
{
    return (qt_rank + 1) % qt_size;
}

static int previous(void)
{
    return (qt_rank + qt_size - 1) % qt_size;
}

/* On a grid that rank 0 alone remembers. */
static void make_freed_grid(void)
{
    MPI_Comm gone;

    MPI_Cart_create(MPI_COMM_WORLD, 1, &qt_size, (int[]){1}, 1, &gone);
    persistent[1] = MPI_REQUEST_NULL;
    if (qt_rank == 0)
        MPI_Recv_init(never_in, SMALL, MPI_INT, 0, TAG, gone, &persistent[1]);
    MPI_Comm_free(&gone);
}

/* Only ranks 0 and 1 keep requests on their communicator; rank 0 sends, rank 1 receives, again and again. */
static void make_freed(void)
{
    MPI_Comm gone;

    make_freed_grid();

    MPI_Comm_split(MPI_COMM_WORLD, 0, -qt_rank, &gone);
    persistent[0] = MPI_REQUEST_NULL;
    if (qt_rank == 0)
        MPI_Send_init(to_next, SMALL, MPI_INT, qt_size - 2, TAG, gone, &persistent[0]);
    if (qt_rank == 1)
        MPI_Recv_init(from_previous, SMALL, MPI_INT, qt_size - 1, TAG, gone, &persistent[0]);
    MPI_Comm_free(&gone);
}

/* In flight, and matched before it was freed; and a receive that nothing can reach any more. */
static void start_freed(void)
{
    MPI_Comm gone;

    MPI_Comm_dup(MPI_COMM_WORLD, &gone);
    kept_in[0] = -1;
    MPI_Irecv(kept_in, SMALL, MPI_INT, previous(), TAG, gone, &waiting);
    MPI_Irecv(never_in, SMALL, MPI_INT, MPI_ANY_SOURCE, TAG + 1, gone, &never);
    to_next[0] = qt_rank * 5;
    MPI_Send(to_next, SMALL, MPI_INT, next(), TAG, gone);
    MPI_Comm_free(&gone);
    if (qt_rank == 0)
        MPI_Start(&persistent[0]);
}

static void finish_freed(void)
{
    MPI_Status status;
    int flag = 0;

    MPI_Wait(&waiting, &status);
    QT_CHECK(kept_in[0] == previous() * 5 && status.MPI_SOURCE == previous(), "from %d: %d",
             status.MPI_SOURCE, kept_in[0]);
    MPI_Cancel(&never);
    MPI_Wait(&never, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(flag, "cancelled");
    if (qt_rank == 1)
        MPI_Start(&persistent[0]);
    if (qt_rank < 2)
        MPI_Wait(&persistent[0], MPI_STATUS_IGNORE);
    if (qt_rank == 1)
        QT_CHECK(from_previous[0] == 0, "persistent %d", from_previous[0]);
}

static void use_freed(void)
{
    if (qt_rank > 1)
        return;
    to_next[0] = 77 + turn;
    to_next[1] = turn++;
    MPI_Start(&persistent[0]);
    MPI_Wait(&persistent[0], MPI_STATUS_IGNORE);
    if (qt_rank == 1) {
        QT_CHECK(from_previous[0] == 77 + from_previous[1], "%d", from_previous[0]);
        digest_int(from_previous[0] - from_previous[1]);
    }
}

static void drop_freed(void)
{
    if (qt_rank < 2)
        MPI_Request_free(&persistent[0]);
    if (qt_rank == 0)
        MPI_Request_free(&persistent[1]);
}

/* ---- messages that nobody can receive any more ---- */

static int on_world[2];
static MPI_Request under_way;

static void make_lost(void)
{
    digest_int(qt_size);
}

/* Odd ranks receive the first of two messages, nobody the second; both have arrived. */
static void start_lost(void)
{
    int small = qt_rank, taken;
    char large[900] = {0};
    MPI_Comm gone;

    MPI_Comm_dup(MPI_COMM_WORLD, &gone);
    MPI_Send(&small, 1, MPI_INT, next(), TAG, gone);
    MPI_Send(large, sizeof(large), MPI_CHAR, next(), TAG + 1, gone);
    MPI_Probe(previous(), TAG + 1, gone, MPI_STATUS_IGNORE);
    if (qt_rank % 2)
        MPI_Recv(&taken, 1, MPI_INT, previous(), TAG, gone, MPI_STATUS_IGNORE);
    MPI_Comm_free(&gone);
    on_world[0] = qt_rank * 11;
    MPI_Isend(&on_world[0], 1, MPI_INT, next(), TAG + 2, MPI_COMM_WORLD, &under_way);
}

static void finish_lost(void)
{
    MPI_Recv(&on_world[1], 1, MPI_INT, previous(), TAG + 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Wait(&under_way, MPI_STATUS_IGNORE);
    QT_CHECK(on_world[1] == previous() * 11, "%d", on_world[1]);
}

static void use_lost(void)
{
    digest_comm(MPI_COMM_SELF);
}

static void drop_lost(void)
{
    under_way = MPI_REQUEST_NULL;
}

/* ---- communicators that ranks of two groups made without the others, one of them in both ---- */

enum { LED = 8 };
static MPI_Comm led[2][LED];

static void make_led(void)
{
    const int ranks[2][2] = {{2, 0}, {1, 2}};
    MPI_Group world, group;
    int which, i;

    MPI_Comm_group(MPI_COMM_WORLD, &world);
    for (which = 0; which < 2; which++) {
        MPI_Group_incl(world, 2, ranks[which], &group);
        for (i = 0; i < LED; i++) {
            led[which][i] = MPI_COMM_NULL;
            if (qt_rank == ranks[which][0] || qt_rank == ranks[which][1])
                MPI_Comm_create_group(MPI_COMM_WORLD, group, TAG, &led[which][i]);
        }
        MPI_Group_free(&group);
    }
    MPI_Group_free(&world);
    for (i = 0; i < LED && led[1][i] != MPI_COMM_NULL; i++) /* the others' clocks stay behind */
        MPI_Barrier(led[1][i]);
}

static void use_led(void)
{
    int which, i;

    for (which = 0; which < 2; which++)
        for (i = 0; i < LED; i++)
            digest_comm(led[which][i]);
}

static void drop_led(void)
{
    int which, i;

    for (which = 0; which < 2; which++)
        for (i = 0; i < LED; i++)
            if (led[which][i] != MPI_COMM_NULL)
                MPI_Comm_free(&led[which][i]);
}

const struct part comms_kept[] = {
    {"hints", make_hints, NULL, NULL, use_hints, drop_hints},
    {"topologies", make_topologies, NULL, NULL, use_topologies, drop_topologies},
    {"idup", make_idup, start_idup, finish_idup, use_idup, drop_idup},
    {"lost", make_lost, start_lost, finish_lost, use_lost, drop_lost},
    {"freed", make_freed, start_freed, finish_freed, use_freed, drop_freed},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const struct part comms_led[] = {
    {"led", make_led, NULL, NULL, use_led, drop_led},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
