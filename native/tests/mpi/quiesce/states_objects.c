/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States: in collectives, and with objects that were made before the checkpoint. */
#include "states.h"

void barrier_early(void)
{
    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Barrier(comm);
}

void bcast_root_ahead(void)
{
    int value = qt_rank == 1 ? 111 : 0;

    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Bcast(&value, 1, MPI_INT, 1, comm);
    QT_CHECK(value == 111, "value %d", value);
}

void iallreduce_all(void)
{
    MPI_Request r;
    int one = 1, sum = 0;

    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm, &r);
    if (qt_rank == 0)
        late();
    MPI_Wait(&r, &status);
    QT_CHECK(sum == qt_size, "sum %d", sum);
}

void iallreduce_some(void)
{
    MPI_Request r;
    int one = 1, sum = 0, flag = 0;

    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm, &r);
    while (!flag)
        MPI_Test(&r, &flag, &status);
    QT_CHECK(sum == qt_size, "sum %d", sum);
}

void split_half_entered(void)
{
    MPI_Comm part;
    int sum = 0, expected = 0, i;

    if (qt_rank == 0)
        late_for_a_collective();
    MPI_Comm_split(comm, qt_rank % 2, -qt_rank, &part);
    MPI_Allreduce(&qt_rank, &sum, 1, MPI_INT, MPI_SUM, part);
    for (i = qt_rank % 2; i < qt_size; i += 2)
        expected += i;
    QT_CHECK(sum == expected, "sum %d", sum);
    MPI_Comm_free(&part);
}

/* Made before the checkpoint, used after it. */
void communicators(void)
{
    MPI_Comm two, backwards, grouped = MPI_COMM_NULL;
    MPI_Group world, odd;
    int rank, size, i, result, first[1] = {qt_size > 2 ? 2 : 1}, sum = 0;

    MPI_Comm_dup(comm, &two);
    MPI_Comm_split(comm, qt_rank == 0 ? MPI_UNDEFINED : 4, -qt_rank, &backwards);
    MPI_Comm_group(comm, &world);
    MPI_Group_excl(world, 1, first, &odd);
    MPI_Comm_create(comm, odd, &grouped);
    late_before_a_collective();
    MPI_Comm_compare(two, comm, &result);
    QT_CHECK(result == MPI_CONGRUENT, "compare %d", result);
    if (qt_rank == 0) {
        QT_CHECK(backwards == MPI_COMM_NULL, "undefined");
    } else {
        MPI_Comm_rank(backwards, &rank);
        MPI_Comm_size(backwards, &size);
        QT_CHECK(rank == qt_size - 1 - qt_rank && size == qt_size - 1, "ranks in reverse");
        MPI_Bcast(&sum, 1, MPI_INT, 0, backwards);
        MPI_Comm_free(&backwards);
    }
    MPI_Group_size(odd, &size);
    QT_CHECK(size == qt_size - 1, "group");
    MPI_Group_translate_ranks(odd, 1, (int[]){size - 1}, world, &i);
    QT_CHECK(i == (qt_size > 2 && first[0] != qt_size - 1 ? qt_size - 1 : qt_size - 2),
             "translate");
    if (grouped != MPI_COMM_NULL) {
        MPI_Allreduce((int[]){1}, &sum, 1, MPI_INT, MPI_SUM, grouped);
        QT_CHECK(sum == size, "comm_create");
        MPI_Comm_free(&grouped);
    }
    MPI_Group_free(&odd);
    MPI_Group_free(&world);
    MPI_Comm_free(&two);
}

void cartesian(void)
{
    MPI_Comm ring;
    int source, dest, in = -1, coords[1], periodic[1] = {1}, sizes[1] = {qt_size};

    MPI_Cart_create(comm, 1, sizes, periodic, 0, &ring);
    late_before_a_collective();
    MPI_Cart_coords(ring, qt_rank, 1, coords);
    QT_CHECK(coords[0] == qt_rank, "coordinates");
    MPI_Cart_shift(ring, 0, 1, &source, &dest);
    MPI_Sendrecv(&qt_rank, 1, MPI_INT, dest, 1, &in, 1, MPI_INT, source, 1, ring, &status);
    QT_CHECK(in == (qt_rank + qt_size - 1) % qt_size, "neighbour %d", in);
    MPI_Comm_free(&ring);
}

struct record {
    char name[3];
    double value;
    int more[2];
};

void derived_types(void)
{
    MPI_Datatype record, part, resized;
    MPI_Aint places[3] = {offsetof(struct record, name), offsetof(struct record, value),
                          offsetof(struct record, more)};
    int lengths[3] = {3, 1, 2};
    MPI_Datatype types[3] = {MPI_CHAR, MPI_DOUBLE, MPI_INT};
    struct record out[2] = {{"ab", 1.5, {1, 2}}, {"cd", 2.5, {3, 4}}}, in[2];

    MPI_Type_create_struct(3, lengths, places, types, &part);
    MPI_Type_create_resized(part, 0, sizeof(struct record), &resized);
    MPI_Type_dup(resized, &record);
    MPI_Type_commit(&record);
    MPI_Type_free(&part);
    MPI_Type_free(&resized);
    memset(in, 0, sizeof(in));
    if (qt_rank == 1)
        MPI_Send(out, 2, record, 0, 1, comm);
    if (qt_rank == 0) {
        late();
        MPI_Recv(in, 2, record, 1, 1, comm, &status);
        QT_CHECK(strcmp(in[1].name, "cd") == 0 && in[1].value == 2.5 && in[1].more[1] == 4, "kept");
        MPI_Send(out, 2, record, 1, 2, comm);
    }
    if (qt_rank == 1) {
        MPI_Recv(in, 2, record, 0, 2, comm, &status);
        QT_CHECK(strcmp(in[0].name, "ab") == 0 && in[1].value == 2.5 && in[0].more[1] == 2, "new");
    }
    MPI_Type_free(&record);
}

static void concatenate(void *in, void *inout, int *count, MPI_Datatype *type)
{
    int i, *a = in, *b = inout;

    for (i = 0; i < *count; i++)
        b[i] = a[i] * 10 + b[i];
    QT_CHECK(*type == MPI_INT, "type in the operation");
}

static __thread int modulus = 3;
static __thread int operations;

/* x -> a x + b after x -> c x + d. Needs this thread's own storage, and its part of the heap. */
static void compose(void *in, void *inout, int *length, MPI_Datatype *type)
{
    int *a = in, *b = inout, i;
    int *copy = malloc((size_t)*length * 2 * sizeof(int) + 40);

    (void)type;
    operations++;
    memcpy(copy, b, (size_t)*length * 2 * sizeof(int));
    for (i = 0; i < 2 * *length; i += 2) {
        b[i] = a[i] * copy[i] % modulus;
        b[i + 1] = (a[i] * copy[i + 1] + a[i + 1]) % modulus;
    }
    free(copy);
}

static void fill_maps(int *map, int length, int rank)
{
    int i;

    for (i = 0; i < 2 * length; i++)
        map[i] = (rank * 100 + i + 2) % modulus;
}

static void expect_maps(const int *result, int length)
{
    int *map = malloc((size_t)length * 8), *all = malloc((size_t)length * 8), k, one = length;

    fill_maps(all, length, qt_size - 1);
    for (k = qt_size - 2; k >= 0; k--) {
        fill_maps(map, length, k);
        compose(map, all, &one, NULL);
    }
    QT_CHECK(memcmp(result, all, (size_t)length * 8) == 0, "reduction");
    free(map);
    free(all);
}

/* Reductions under way, on rank 0 until the drain, while it is in the middle of using the heap and the clock. */
void operation_of_thread(void)
{
    enum { REDUCTIONS = 4, LENGTH = 2000 };
    static int in[2 * LENGTH], out[REDUCTIONS][2 * LENGTH];
    MPI_Op op;
    MPI_Request r[REDUCTIONS];
    int i;

    modulus = 10007;
    operations = 0;
    MPI_Op_create(compose, 0, &op);
    fill_maps(in, LENGTH, qt_rank);
    for (i = 0; i < REDUCTIONS; i++)
        MPI_Ireduce(in, out[i], LENGTH, MPI_2INT, op, 0, comm, &r[i]);
    MPI_Op_free(&op);
    late_before_a_collective();
    MPI_Waitall(REDUCTIONS, r, MPI_STATUSES_IGNORE);
    QT_CHECK(qt_rank != 0 || operations >= REDUCTIONS, "%d calls", operations);
    for (i = 0; i < REDUCTIONS && qt_rank == 0; i++)
        expect_maps(out[i], LENGTH);
}

void user_operation(void)
{
    MPI_Op op;
    MPI_Request r;
    int digit = qt_rank + 1, number_made = 0, expected = 0, again = 0, i;

    MPI_Op_create(concatenate, 0, &op);
    MPI_Iallreduce(&digit, &again, 1, MPI_INT, op, comm, &r);
    late_before_a_collective();
    MPI_Wait(&r, &status);
    MPI_Allreduce(&digit, &number_made, 1, MPI_INT, op, comm);
    for (i = 0; i < qt_size; i++)
        expected = expected * 10 + i + 1;
    QT_CHECK(number_made == expected, "made %d", number_made);
    QT_CHECK(again == expected, "made before %d", again);
    MPI_Op_free(&op);
}

static int copies, deletions;

static int copy_value(MPI_Comm old, int key, void *extra, void *in, void *out, int *flag)
{
    (void)old, (void)key, (void)extra;
    copies++;
    *(void **)out = (char *)in + 1;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete_value(MPI_Comm old, int key, void *value, void *extra)
{
    (void)old, (void)key, (void)value, (void)extra;
    deletions++;
    return MPI_SUCCESS;
}

void attributes(void)
{
    MPI_Comm with, copy;
    void *value = NULL;
    int key, flag = 0, *bound;

    copies = deletions = 0;
    MPI_Comm_create_keyval(copy_value, delete_value, &key, NULL);
    MPI_Comm_dup(comm, &with);
    MPI_Comm_set_attr(with, key, big);
    late_before_a_collective();
    MPI_Comm_get_attr(with, key, &value, &flag);
    QT_CHECK(flag && value == big, "value");
    MPI_Comm_dup(with, &copy);
    MPI_Comm_get_attr(copy, key, &value, &flag);
    QT_CHECK(flag && value == (char *)big + 1 && copies == 1, "copied");
    MPI_Comm_free(&copy);
    MPI_Comm_free(&with);
    QT_CHECK(deletions == 2, "deleted %d times", deletions);
    MPI_Comm_free_keyval(&key);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &bound, &flag);
    QT_CHECK(flag && *bound >= 32767, "tag_ub");
}

static int handled;

static void handle(MPI_Comm *where, int *code, ...)
{
    int class;

    (void)where;
    MPI_Error_class(*code, &class);
    handled = class;
}

void error_handlers(void)
{
    MPI_Errhandler mine;
    MPI_Comm with, copy;
    int rc, class;

    handled = 0;
    MPI_Comm_dup(comm, &with);
    MPI_Comm_create_errhandler(handle, &mine);
    MPI_Comm_set_errhandler(with, mine);
    MPI_Errhandler_free(&mine);
    late_before_a_collective();
    rc = MPI_Send(big, 1, MPI_INT, qt_size + 5, 0, with);
    MPI_Error_class(rc, &class);
    QT_CHECK(handled == MPI_ERR_RANK && class == MPI_ERR_RANK, "handled %d, returned %d", handled,
             rc);
    MPI_Comm_dup(with, &copy);
    handled = 0;
    MPI_Send(big, -1, MPI_INT, 0, 0, copy);
    QT_CHECK(handled == MPI_ERR_COUNT, "inherited: %d", handled);
    MPI_Comm_free(&copy);
    MPI_Comm_free(&with);
}
