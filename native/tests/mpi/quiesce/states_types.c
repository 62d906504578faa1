/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * States: datatypes of all kinds with messages in flight and receives posted, and what is known of them afterwards. What is
 * received is compared with what MPI_Pack and MPI_Unpack of the same types give.
 */
#include "states.h"

enum { TYPES = 14, BYTES = 4096, EXTERNAL = 256 };

struct what {
    int integers, addresses, types, combiner, size;
    MPI_Aint lower, extent, true_lower, true_extent;
    int integer[32];
    MPI_Aint address[8];
};

static MPI_Datatype types[TYPES];
static struct what before[TYPES];
static char data[BYTES], got[BYTES], want[BYTES], packed[2 * BYTES];

static void make_arrays(MPI_Datatype *t)
{
    int sizes[2] = {6, 8}, parts[2] = {3, 4}, starts[2] = {2, 1}, grid[2] = {2, 2};
    int how[2] = {MPI_DISTRIBUTE_CYCLIC, MPI_DISTRIBUTE_BLOCK};
    int size[2] = {2, MPI_DISTRIBUTE_DFLT_DARG};

    MPI_Type_create_subarray(2, sizes, parts, starts, MPI_ORDER_FORTRAN, MPI_SHORT, &t[0]);
    MPI_Type_create_darray(4, 3, 2, sizes, how, size, grid, MPI_ORDER_C, MPI_INT, &t[1]);
    MPI_Type_create_resized(MPI_INT, -4, 20, &t[2]);
    MPI_Type_create_f90_real(12, 100, &t[3]);
    MPI_Type_create_f90_complex(6, 30, &t[4]);
    MPI_Type_create_f90_integer(9, &t[5]);
}

static void make_strides(MPI_Datatype *t)
{
    int lengths[3] = {2, 1, 3}, places[3] = {7, 0, 3};
    MPI_Aint bytes[3] = {80, 0, 24};
    MPI_Datatype parts[3] = {MPI_DOUBLE, MPI_SHORT_INT, MPI_CHAR}, inner;

    MPI_Type_indexed(3, lengths, places, MPI_INT, &t[0]);
    MPI_Type_create_hindexed(3, lengths, bytes, MPI_SHORT, &t[1]);
    MPI_Type_create_indexed_block(3, 2, places, MPI_FLOAT, &t[2]);
    MPI_Type_create_hindexed_block(3, 2, bytes, MPI_DOUBLE_INT, &t[3]);
    MPI_Type_create_struct(3, lengths, bytes, parts, &inner);
    MPI_Type_create_hvector(2, 2, 200, inner, &t[4]);
    MPI_Type_free(&inner);
    MPI_Type_dup(t[4], &t[5]);
    MPI_Type_vector(3, 1, 2, MPI_LONG_DOUBLE_INT, &t[6]);
    MPI_Type_contiguous(3, t[0], &t[7]);
}

static void look(MPI_Datatype type, struct what *w)
{
    MPI_Datatype parts[8];
    int i, ni, na, nt, combiner;

    memset(w, 0, sizeof(*w));
    MPI_Type_get_envelope(type, &w->integers, &w->addresses, &w->types, &w->combiner);
    MPI_Type_get_contents(type, w->integers, w->addresses, w->types, w->integer, w->address, parts);
    MPI_Type_size(type, &w->size);
    MPI_Type_get_extent(type, &w->lower, &w->extent);
    MPI_Type_get_true_extent(type, &w->true_lower, &w->true_extent);
    for (i = 0; i < w->types; i++) {
        MPI_Type_get_envelope(parts[i], &ni, &na, &nt, &combiner);
        if (combiner != MPI_COMBINER_NAMED)
            MPI_Type_free(&parts[i]);
    }
}

static void fill_data(void)
{
    int i;

    for (i = 0; i < BYTES; i++)
        data[i] = (char)(i * 7 + i / 256);
}

/* Where the elements begin when the lower bound is negative. */
enum { START = 64, COUNT = 2 };

static void expect(MPI_Datatype type, const char *which, int i)
{
    int position = 0, end;

    memset(want, 0x55, sizeof(want));
    MPI_Pack(data + START, COUNT, type, packed, sizeof(packed), &position, comm);
    end = position;
    position = 0;
    MPI_Unpack(packed, end, &position, want + START, COUNT, type, comm);
    QT_CHECK(memcmp(got, want, sizeof(got)) == 0, "type %d, %s", i, which);
    MPI_Get_count(&status, type, &end);
    QT_CHECK(end == COUNT, "type %d, %s: count %d", i, which, end);
}

static void send_all(void)
{
    MPI_Request r[TYPES];
    int i;

    for (i = 0; i < TYPES; i++)
        MPI_Isend(data + START, COUNT, types[i], 0, i, comm, &r[i]);
    MPI_Waitall(TYPES, r, MPI_STATUSES_IGNORE);
}

static void receive_one(int i, const char *which)
{
    memset(got, 0x55, sizeof(got));
    MPI_Recv(got + START, COUNT, types[i], 1, i, comm, &status);
    expect(types[i], which, i);
}

static void check_again(void)
{
    struct what now;
    char name[MPI_MAX_OBJECT_NAME];
    int i, length;

    for (i = 0; i < TYPES; i++) {
        look(types[i], &now);
        QT_CHECK(memcmp(&now, &before[i], sizeof(now)) == 0, "type %d is another one", i);
    }
    MPI_Type_get_name(types[0], name, &length);
    QT_CHECK(strcmp(name, "a part of a matrix") == 0 && length == 18, "name %s", name);
}

static void check_external(void)
{
    char space[EXTERNAL], again[EXTERNAL];
    int in[4] = {1, -2, 3, 1 << 30}, back[4] = {0, 0, 0, 0};
    MPI_Aint at = 0, size = 0;

    MPI_Pack_external_size("external32", 4, MPI_INT, &size);
    MPI_Pack_external("external32", in, 4, MPI_INT, space, sizeof(space), &at);
    QT_CHECK(at == size && space[3] == 1, "packed");
    memcpy(again, space, (size_t)at);
    at = 0;
    MPI_Unpack_external("external32", again, size, &at, back, 4, MPI_INT);
    QT_CHECK(memcmp(in, back, sizeof(in)) == 0, "external32");
}

/* Twice all types: in the queue of the drain, and posted, when the checkpoint comes. */
void datatypes_in_flight(void)
{
    static char posted[TYPES][BYTES];
    MPI_Request r[TYPES];
    MPI_Status s[TYPES];
    int i;

    fill_data();
    make_arrays(types);
    make_strides(types + 6);
    MPI_Type_set_name(types[0], "a part of a matrix");
    for (i = 0; i < TYPES; i++) {
        if (i < 3 || i > 5)
            MPI_Type_commit(&types[i]);
        look(types[i], &before[i]);
    }
    if (qt_rank == 1)
        send_all();
    memset(posted, 0x55, sizeof(posted));
    if (qt_rank == 0) {
        for (i = 0; i < TYPES; i++)
            MPI_Irecv(posted[i] + START, COUNT, types[i], 1, 100 + i, comm, &r[i]);
        late();
        send_int(0, 1, 50);
        for (i = TYPES - 1; i >= 0; i--)
            receive_one(i, "in flight");
        MPI_Waitall(TYPES, r, s);
        for (i = 0; i < TYPES; i++) {
            memcpy(got, posted[i], sizeof(got));
            status = s[i];
            expect(types[i], "posted", i);
        }
    } else if (qt_rank == 1) {
        receive_int(0, 50);
        for (i = 0; i < TYPES; i++)
            MPI_Send(data + START, COUNT, types[i], 0, 100 + i, comm);
    }
    leave();
    check_again();
    check_external();
    for (i = 0; i < TYPES; i++)
        if (i < 3 || i > 5)
            MPI_Type_free(&types[i]);
}
