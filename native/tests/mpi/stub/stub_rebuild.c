/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of all kinds are made, a checkpoint is asked for (../quiesce/driver.py), and after it, in
 * the same or in another process, each must still be what it was.
 */
#include "../quiesce/qt.h"

#include <pthread.h>
#include <stddef.h>

#define SPLITS 4
#define TYPES 12
#define THREADS 3

struct row {
    int number;
    double value[3];
    char letter;
};

static MPI_Comm half, twin, later, grouped, cart, row_comm, ring, graph, splits[SPLITS],
    made_by_threads[THREADS];
static MPI_Group evens, both;
static MPI_Datatype types[TYPES];
static long sums[TYPES];
static int type_count;
static MPI_Op product, plain;
static MPI_Info info;
static MPI_Errhandler own_handler;
static int keyval, handled, extra = 5, own_class, own_code;
static MPI_Fint fortran_dup, fortran_type, fortran_op, fortran_group;
static double clock_before;
static MPI_Datatype pair;

static void multiply(void *in, void *inout, int *length, MPI_Datatype *type)
{
    int *a = in, *b = inout;

    QT_CHECK(*type == pair, "the operation got another type");
    for (int i = 0; i < 2 * *length; i++)
        b[i] = (a[i] * b[i]) % 10007;
}

static void add(void *in, void *inout, int *length, MPI_Datatype *type)
{
    int *a = in, *b = inout;

    free(malloc(64));
    (void)type;
    for (int i = 0; i < *length; i++)
        b[i] += a[i];
}

static int copy(MPI_Comm comm, int key, void *state, void *in, void *out, int *flag)
{
    (void)comm;
    (void)key;
    *(void **)out = (char *)in + *(int *)state;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete(MPI_Comm comm, int key, void *value, void *state)
{
    (void)comm;
    (void)key;
    (void)value;
    (void)state;
    return MPI_SUCCESS;
}

static void handler(MPI_Comm *comm, int *rc, ...)
{
    (void)comm;
    (void)rc;
    handled++;
}

static void *dup_in_thread(void *argument)
{
    long which = (long)argument;

    MPI_Comm_dup(splits[which], &made_by_threads[which]);
    return NULL;
}

/* A weighted ring of neighbours, and a star around rank 0. */
static void make_graphs(void)
{
    int next[1] = {(qt_rank + 1) % qt_size}, previous[1] = {(qt_rank + qt_size - 1) % qt_size};
    int index[16], edges[32], weight[1] = {3}, at = 0;

    MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, 1, previous, weight, 1, next, weight,
                                   MPI_INFO_NULL, 0, &ring);
    for (int i = 1; i < qt_size; i++)
        edges[at++] = i;
    index[0] = at;
    for (int i = 1; i < qt_size; i++) {
        edges[at++] = 0;
        index[i] = at;
    }
    MPI_Graph_create(MPI_COMM_WORLD, qt_size, index, edges, 0, &graph);
}

/*
 * Communicators on overlapping groups, in an order that differs among the ranks, some of them by
 * threads at the same time.
 */
static void make_communicators(int threads)
{
    MPI_Comm gone;
    MPI_Request request;
    MPI_Group world;
    pthread_t thread[THREADS];
    int dims[2] = {0, 0}, periods[2] = {1, 0};

    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, -qt_rank, &half);
    MPI_Comm_dup(half, &gone);
    MPI_Comm_dup(gone, &twin);
    MPI_Comm_free(&gone);
    MPI_Comm_idup(twin, &later, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group_range_incl(world, 1, (int[1][3]){{0, qt_size - 1, 2}}, &evens);
    MPI_Group_union(evens, world, &both);
    MPI_Group_free(&world);
    grouped = MPI_COMM_NULL;
    if (qt_rank % 2 == 0)
        MPI_Comm_create_group(MPI_COMM_WORLD, evens, 3, &grouped);
    for (int i = 0; i < SPLITS; i++)
        MPI_Comm_split(MPI_COMM_WORLD, (qt_rank + i) / 2, qt_rank, &splits[i]);
    MPI_Comm_free(&splits[SPLITS - 1]);
    MPI_Dims_create(qt_size, 2, dims);
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 1, &cart);
    MPI_Cart_sub(cart, (int[]){1, 0}, &row_comm);
    make_graphs();
    MPI_Comm_set_name(twin, "duplicate");
    for (long i = 0; i < THREADS; i++) {
        made_by_threads[i] = MPI_COMM_NULL;
        if (threads)
            pthread_create(&thread[i], NULL, dup_in_thread, (void *)i);
    }
    for (int i = 0; i < THREADS && threads; i++)
        pthread_join(thread[i], NULL);
}

static void keep(MPI_Datatype type)
{
    MPI_Type_commit(&type);
    types[type_count++] = type;
}

static void make_types(void)
{
    int lengths[3] = {1, 2, 3}, at[3] = {0, 4, 9}, sizes[2] = {8, 6}, sub[2] = {3, 2},
        start[2] = {1, 2};
    int three[3] = {1, 3, 1};
    MPI_Aint wide[3] = {0, 16, 40},
             offsets[3] = {offsetof(struct row, number), offsetof(struct row, value),
                           offsetof(struct row, letter)};
    MPI_Datatype parts[3] = {MPI_INT, MPI_DOUBLE, MPI_CHAR}, inner, middle, t;

    MPI_Type_contiguous(2, MPI_INT, &pair);
    MPI_Type_commit(&pair);
    MPI_Type_vector(3, 2, 4, MPI_SHORT, &t);
    keep(t);
    MPI_Type_create_hvector(3, 2, 24, MPI_FLOAT, &t);
    keep(t);
    MPI_Type_indexed(3, lengths, at, MPI_INT, &t);
    keep(t);
    MPI_Type_create_hindexed(3, lengths, wide, MPI_SHORT, &t);
    keep(t);
    MPI_Type_create_indexed_block(3, 2, at, MPI_INT, &t);
    keep(t);
    MPI_Type_create_hindexed_block(3, 2, wide, MPI_INT, &t);
    keep(t);
    MPI_Type_create_subarray(2, sizes, sub, start, MPI_ORDER_C, MPI_INT, &t);
    keep(t);
    MPI_Type_create_struct(3, three, offsets, parts, &inner);
    MPI_Type_create_resized(inner, 0, sizeof(struct row), &middle);
    MPI_Type_free(&inner);
    MPI_Type_vector(2, 1, 2, middle, &t);
    MPI_Type_free(&middle);
    MPI_Type_set_name(t, "rows");
    keep(t);
    MPI_Type_dup(types[0], &t);
    keep(t);
    MPI_Type_create_f90_real(12, 100, &types[type_count++]);
}

static long packed_sum(MPI_Datatype type)
{
    static unsigned char from[4096], packed[8192];
    int position = 0;
    long sum = 0;

    for (int i = 0; i < 4096; i++)
        from[i] = (unsigned char)(i * 7);
    MPI_Pack(from, 1, type, packed, sizeof(packed), &position, MPI_COMM_SELF);
    for (int i = 0; i < position; i++)
        sum = sum * 31 + packed[i];
    return sum * 8192 + position;
}

static void make_others(void)
{
    MPI_Comm self_copy;

    MPI_Op_create(add, 1, &plain);
    MPI_Op_free(&plain);
    MPI_Op_create(multiply, 1, &product);
    MPI_Op_create(add, 1, &plain);
    MPI_Info_create(&info);
    MPI_Info_set(info, "colour", "green");
    MPI_Comm_create_keyval(copy, delete, &keyval, &extra);
    MPI_Comm_set_attr(twin, keyval, (void *)100);
    MPI_Comm_dup(MPI_COMM_SELF, &self_copy);
    MPI_Comm_free(&self_copy);
    MPI_Comm_create_errhandler(handler, &own_handler);
    MPI_Comm_set_errhandler(twin, own_handler);
    MPI_Errhandler_free(&own_handler);
    MPI_Comm_set_errhandler(half, MPI_ERRORS_RETURN);
    MPI_Add_error_class(&own_class);
    MPI_Add_error_code(own_class, &own_code);
    MPI_Add_error_string(own_code, "a fine mess");
    fortran_dup = MPI_Comm_c2f(twin);
    fortran_type = MPI_Type_c2f(types[2]);
    fortran_op = MPI_Op_c2f(product);
    fortran_group = MPI_Group_c2f(both);
    clock_before = MPI_Wtime();
}

static void check_sum(MPI_Comm comm, const char *name)
{
    int n, r, sum = -1, one = 1;

    if (comm == MPI_COMM_NULL)
        return;
    MPI_Comm_size(comm, &n);
    MPI_Comm_rank(comm, &r);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm);
    QT_CHECK(sum == n, "%s has %d members, says %d", name, sum, n);
    MPI_Sendrecv(&r, 1, MPI_INT, (r + 1) % n, 1, &sum, 1, MPI_INT, (r + n - 1) % n, 1, comm,
                 MPI_STATUS_IGNORE);
    QT_CHECK(sum == (r + n - 1) % n, "%s: rank %d hears %d", name, r, sum);
}

static void check_communicators(void)
{
    int n, r, result, length, dims[2], periods[2], coords[2], left, right;
    char name[MPI_MAX_OBJECT_NAME];

    check_sum(MPI_COMM_WORLD, "world");
    check_sum(half, "half");
    check_sum(twin, "twin");
    check_sum(later, "later");
    check_sum(grouped, "grouped");
    check_sum(cart, "cart");
    check_sum(row_comm, "row");
    for (int i = 0; i < SPLITS; i++)
        check_sum(splits[i], "split");
    for (int i = THREADS - 1; i >= 0; i--)
        check_sum(made_by_threads[i], "by thread");
    MPI_Comm_rank(half, &r);
    MPI_Comm_size(half, &n);
    QT_CHECK(r == n - 1 - qt_rank / 2, "rank %d in half", r);
    MPI_Comm_compare(half, twin, &result);
    QT_CHECK(result == MPI_CONGRUENT, "half and twin: %d", result);
    MPI_Comm_get_name(twin, name, &length);
    QT_CHECK(strcmp(name, "duplicate") == 0, "name %s", name);
    MPI_Cart_get(cart, 2, dims, periods, coords);
    QT_CHECK(dims[0] * dims[1] == qt_size && periods[0] && !periods[1], "cart %dx%d", dims[0],
             dims[1]);
    MPI_Cart_shift(cart, 0, 1, &left, &right);
    MPI_Comm_rank(cart, &r);
    MPI_Cart_rank(cart, coords, &n);
    QT_CHECK(n == r, "cart rank %d %d", n, r);
    MPI_Group_size(evens, &n);
    QT_CHECK(n == (qt_size + 1) / 2, "evens %d", n);
    MPI_Group_rank(both, &r);
    QT_CHECK(r == (qt_rank % 2 == 0 ? qt_rank / 2 : (qt_size + 1) / 2 + qt_rank / 2),
             "rank %d in both", r);
}

static void check_graphs(void)
{
    int in = 0, out = 0, weighted = 0, from = -1, to = -1, weights[2] = {0, 0}, got = -1, n = -1;

    MPI_Dist_graph_neighbors_count(ring, &in, &out, &weighted);
    MPI_Dist_graph_neighbors(ring, 1, &from, &weights[0], 1, &to, &weights[1]);
    QT_CHECK(in == 1 && out == 1 && weighted && weights[0] == 3 && weights[1] == 3, "ring %d %d",
             in, out);
    QT_CHECK(to == (qt_rank + 1) % qt_size, "neighbour %d", to);
    MPI_Neighbor_allgather(&qt_rank, 1, MPI_INT, &got, 1, MPI_INT, ring);
    QT_CHECK(got == (qt_rank + qt_size - 1) % qt_size && got == from, "from the ring %d", got);
    MPI_Graph_neighbors_count(graph, 0, &n);
    QT_CHECK(n == qt_size - 1, "the star has %d rays", n);
}

static void check_types(void)
{
    char name[MPI_MAX_OBJECT_NAME];
    int length, in[2] = {-1, -1}, out[2] = {qt_rank + 2, 3};

    for (int i = 0; i < type_count; i++)
        QT_CHECK(packed_sum(types[i]) == sums[i], "type %d packs otherwise", i);
    MPI_Type_get_name(types[7], name, &length);
    QT_CHECK(strcmp(name, "rows") == 0, "type's name %s", name);
    MPI_Allreduce(out, in, 1, pair, product, MPI_COMM_WORLD);
    QT_CHECK(in[1] != -1, "product %d", in[1]);
    MPI_Allreduce(out, in, 2, MPI_INT, plain, twin);
    MPI_Comm_size(twin, &length);
    QT_CHECK(in[1] == 3 * length, "plain sum %d", in[1]);
}

static void check_others(void)
{
    char text[MPI_MAX_ERROR_STRING];
    int flag, length, class, before = handled, *tag_ub;
    void *value;
    MPI_Comm child;

    MPI_Info_get(info, "colour", 31, text, &flag);
    QT_CHECK(flag && strcmp(text, "green") == 0, "info %d", flag);
    MPI_Comm_dup(twin, &child);
    MPI_Comm_get_attr(child, keyval, &value, &flag);
    QT_CHECK(flag && value == (void *)105, "attribute %d %p", flag, value);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &tag_ub, &flag);
    QT_CHECK(flag && *tag_ub > 32766, "tag_ub %d", flag);
    class = MPI_Send(&flag, 1, MPI_INT, 1000, 0, child);
    QT_CHECK(class != MPI_SUCCESS && handled == before + 1, "handled %d", handled);
    MPI_Comm_free(&child);
    class = MPI_Bcast(&flag, -1, MPI_INT, 0, half);
    QT_CHECK(class != MPI_SUCCESS, "an error is none");
    MPI_Error_string(own_code, text, &length);
    MPI_Error_class(own_code, &class);
    QT_CHECK(strcmp(text, "a fine mess") == 0 && class == own_class, "own error %s %d", text,
             class);
    QT_CHECK(MPI_Comm_f2c(fortran_dup) == twin && MPI_Comm_c2f(twin) == fortran_dup,
             "Fortran's communicator");
    QT_CHECK(MPI_Type_f2c(fortran_type) == types[2], "Fortran's type");
    QT_CHECK(MPI_Op_f2c(fortran_op) == product, "Fortran's operation");
    QT_CHECK(MPI_Group_f2c(fortran_group) == both, "Fortran's group");
    QT_CHECK(MPI_Wtime() >= clock_before && MPI_Wtime() < clock_before + 100,
             "the clock went from %f to %f", clock_before, MPI_Wtime());
    clock_before = MPI_Wtime();
}

int main(int argc, char **argv)
{
    int level;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    make_types();
    make_communicators(level == MPI_THREAD_MULTIPLE);
    make_others();
    for (int i = 0; i < type_count; i++)
        sums[i] = packed_sum(types[i]);
    check_communicators();
    check_graphs();
    check_types();
    check_others();
    for (int round = 0; round < 2; round++) {
        if (qt_rank == 0)
            qt_make("want", round);
        qt_until("done", round);
        check_communicators();
        check_graphs();
        check_types();
        check_others();
    }
    MPI_Op_free(&product);
    MPI_Comm_free(&twin);
    MPI_Info_free(&info);
    printf("%s %d - objects\n", qt_wrong ? "not ok" : "ok", qt_rank);
    MPI_Finalize();
    return qt_wrong != 0;
}
