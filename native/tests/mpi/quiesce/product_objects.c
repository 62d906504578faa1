/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* States of the product: objects that were made before the checkpoint and are used after it. */
#include "product.h"

#include <stddef.h>

static void between(struct side *s)
{
    if (!s->is_self) {
        late(s);
        return;
    }
    inside(s);
    compute(s);
}

static void communicators(struct side *s)
{
    MPI_Comm copy, backwards, alone;
    MPI_Group all, mine;
    int result, rank, sum = -1, to = -1;

    MPI_Comm_dup(s->all, &copy);
    MPI_Comm_split(copy, 0, -s->rank, &backwards);
    MPI_Comm_split(copy, s->is_self ? 1 : MPI_UNDEFINED, 0, &alone);
    MPI_Comm_group(backwards, &all);
    MPI_Group_incl(all, 1, (int[]){0}, &mine);
    between(s);
    MPI_Comm_compare(copy, s->all, &result);
    QT_CHECK(result == MPI_CONGRUENT, "compare %d", result);
    MPI_Comm_rank(backwards, &rank);
    QT_CHECK(rank == s->size - 1 - s->rank, "rank %d", rank);
    QT_CHECK((alone == MPI_COMM_NULL) == !s->is_self, "undefined");
    MPI_Group_translate_ranks(mine, 1, (int[]){0}, all, &to);
    MPI_Group_size(all, &result);
    QT_CHECK(to == 0 && result == s->size, "groups");
    MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, backwards);
    QT_CHECK(sum == s->size * (s->size - 1) / 2, "sum %d", sum);
    if (alone != MPI_COMM_NULL)
        MPI_Comm_free(&alone);
    MPI_Group_free(&mine);
    MPI_Group_free(&all);
    MPI_Comm_free(&backwards);
    MPI_Comm_free(&copy);
}

static void cartesian(struct side *s)
{
    MPI_Comm ring;
    int from, to, got = -1, coordinate = -1;

    MPI_Cart_create(s->all, 1, &s->size, (int[]){1}, 0, &ring);
    between(s);
    MPI_Cart_coords(ring, s->rank, 1, &coordinate);
    MPI_Cart_shift(ring, 0, 1, &from, &to);
    MPI_Sendrecv(&s->rank, 1, MPI_INT, to, TAG, &got, 1, MPI_INT, from, TAG, ring,
                 MPI_STATUS_IGNORE);
    QT_CHECK(coordinate == s->rank && got == from && from == (s->rank + s->size - 1) % s->size,
             "coordinate %d, from %d: %d", coordinate, from, got);
    MPI_Comm_free(&ring);
}

static MPI_Datatype column(void)
{
    MPI_Datatype type;

    MPI_Type_vector(BIG / 5, 2, 5, MPI_INT, &type);
    MPI_Type_commit(&type);
    return type;
}

/* What is between the strides stays zero. */
static void check_column(struct side *s)
{
    int i, bad = 0;

    for (i = 0; i < BIG; i++) {
        int got = in[i];

        if (i % 5 >= 2)
            bad += got != 0;
        in[i] = i % 5 < 2 ? got : s->salt + i;
    }
    QT_CHECK(bad == 0, "%d numbers between the strides", bad);
    fill(s, 1, BIG);
    for (i = 0; i < BIG; i++)
        in[i] = i % 5 < 2 ? in[i] : out[i];
    check(s, 1, BIG);
}

/* Strided data in flight, from a type and into a type that is freed while it is used. */
static void strided(struct side *s)
{
    MPI_Datatype type = column();
    MPI_Request r;

    fill(s, 1, BIG);
    MPI_Isend(out, 1, type, s->peer, TAG, s->comm, &r);
    MPI_Type_free(&type);
    inside(s);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
}

static void strided_late(struct side *s)
{
    MPI_Datatype type = column();

    late(s);
    memset(in, 0, sizeof(in));
    MPI_Recv(in, 1, type, s->peer, TAG, s->comm, &status);
    MPI_Type_free(&type);
    check_column(s);
}

static void strided_posted(struct side *s)
{
    MPI_Datatype type = column();
    MPI_Request r;

    memset(in, 0, sizeof(in));
    MPI_Irecv(in, 1, type, s->peer, TAG, s->comm, &r);
    MPI_Type_free(&type);
    inside(s);
    MPI_Wait(&r, &status);
    check_column(s);
}

static void strided_send_late(struct side *s)
{
    MPI_Datatype type = column();

    late(s);
    fill(s, 1, BIG);
    MPI_Send(out, 1, type, s->peer, TAG, s->comm);
    MPI_Type_free(&type);
}

struct record {
    char name[4];
    double value;
    int more[2];
};

/* One record in flight, one sent afterwards, with a type made of a freed type. */
static void structure(struct side *s)
{
    MPI_Datatype plain, type;
    MPI_Aint places[3] = {offsetof(struct record, name), offsetof(struct record, value),
                          offsetof(struct record, more)};
    struct record mine[2] = {{"abc", s->number, {1, 2}}, {"def", s->number + 1, {3, 4}}}, got[2];
    int i;

    MPI_Type_create_struct(3, (int[]){4, 1, 2}, places,
                           (MPI_Datatype[]){MPI_CHAR, MPI_DOUBLE, MPI_INT}, &plain);
    MPI_Type_create_resized(plain, 0, sizeof(struct record), &type);
    MPI_Type_free(&plain);
    MPI_Type_commit(&type);
    memset(got, 0, sizeof(got));
    MPI_Send(mine, 2, type, s->peer, TAG, s->comm);
    between(s);
    MPI_Send(mine + 1, 1, type, s->peer, TAG + 1, s->comm);
    MPI_Recv(got, 2, type, s->peer, TAG, s->comm, &status);
    for (i = 0; i < 2; i++)
        QT_CHECK(strcmp(got[i].name, mine[i].name) == 0 && got[i].value == mine[i].value &&
                     memcmp(got[i].more, mine[i].more, sizeof(mine[i].more)) == 0,
                 "record %d", i);
    MPI_Recv(got, 1, type, s->peer, TAG + 1, s->comm, &status);
    QT_CHECK(got[0].value == s->number + 1 && got[0].more[1] == 4, "record sent afterwards");
    MPI_Type_free(&type);
}

static int copies, deletions;

static int copy_value(MPI_Comm old, int key, void *extra, void *value, void *copy, int *flag)
{
    (void)old, (void)key, (void)extra;
    copies++;
    *(void **)copy = (char *)value + 1;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete_value(MPI_Comm old, int key, void *value, void *extra)
{
    (void)old, (void)key, (void)value, (void)extra;
    deletions++;
    return MPI_SUCCESS;
}

static void attributes(struct side *s)
{
    MPI_Comm with, copy;
    void *value = NULL;
    int key, flag = 0;

    copies = deletions = 0;
    MPI_Comm_create_keyval(copy_value, delete_value, &key, NULL);
    MPI_Comm_dup(s->all, &with);
    MPI_Comm_set_attr(with, key, in);
    between(s);
    MPI_Comm_get_attr(with, key, &value, &flag);
    QT_CHECK(flag && value == in && copies == 0 && deletions == 0, "value");
    MPI_Comm_dup(with, &copy);
    MPI_Comm_get_attr(copy, key, &value, &flag);
    QT_CHECK(flag && value == (char *)in + 1 && copies == 1, "copied");
    MPI_Comm_free(&copy);
    MPI_Comm_free(&with);
    QT_CHECK(deletions == 2, "deleted %d times", deletions);
    MPI_Comm_free_keyval(&key);
}

static int handled;

static void handle(MPI_Comm *comm, int *code, ...)
{
    (void)comm;
    MPI_Error_class(*code, &handled);
}

static void error_handlers(struct side *s)
{
    MPI_Errhandler mine;
    MPI_Comm with;
    int rc, class;

    MPI_Comm_dup(s->all, &with);
    MPI_Comm_create_errhandler(handle, &mine);
    MPI_Comm_set_errhandler(with, mine);
    MPI_Errhandler_free(&mine);
    between(s);
    handled = 0;
    rc = MPI_Send(out, 1, MPI_INT, s->size, 0, with);
    MPI_Error_class(rc, &class);
    QT_CHECK(handled == MPI_ERR_RANK && class == MPI_ERR_RANK, "%d %d", handled, class);
    MPI_Comm_set_errhandler(with, MPI_ERRORS_RETURN);
    handled = 0;
    rc = MPI_Send(out, -1, MPI_INT, 0, 0, with);
    MPI_Error_class(rc, &class);
    QT_CHECK(handled == 0 && class == MPI_ERR_COUNT, "%d %d", handled, class);
    MPI_Comm_free(&with);
}

/* A receive is posted on a communicator that nobody has a handle of any more. */
static void freed_comm(struct side *s)
{
    MPI_Request r = MPI_REQUEST_NULL;
    MPI_Comm gone;
    int flag = 0;

    MPI_Comm_dup(s->all, &gone);
    if (s->is_self)
        MPI_Irecv(in, SMALL, MPI_INT, s->size - 1, TAG, gone, &r);
    MPI_Comm_free(&gone);
    between(s);
    if (!s->is_self)
        return;
    MPI_Cancel(&r);
    MPI_Wait(&r, &status);
    MPI_Test_cancelled(&status, &flag);
    QT_CHECK(flag, "cancelled");
}

const struct state product_objects[] = {
    {"communicators", communicators, communicators, NULL},
    {"cartesian", cartesian, cartesian, NULL},
    {"strided-in-flight", strided, strided_late, NULL},
    {"strided-posted", strided_posted, strided_send_late, NULL},
    {"struct-in-flight", structure, structure, NULL},
    {"attributes", attributes, attributes, NULL},
    {"error-handlers", error_handlers, error_handlers, NULL},
    {"freed-comm", freed_comm, freed_comm, NULL},
    {NULL, NULL, NULL, NULL},
};
