/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every constructor of datatypes: extent, contents, a message, pack and unpack. */
#include "stub_test.h"

#include <stddef.h>

static void contents(MPI_Datatype type)
{
    int n[4], integers[64];
    MPI_Aint addresses[64];
    MPI_Datatype parts[64];
    long sum = 0;

    MPI_Type_get_envelope(type, &n[0], &n[1], &n[2], &n[3]);
    if (n[3] == MPI_COMBINER_NAMED) {
        line("named");
        return;
    }
    MPI_Type_get_contents(type, n[0], n[1], n[2], integers, addresses, parts);
    for (int i = 0; i < n[0]; i++)
        sum = sum * 3 + integers[i];
    for (int i = 0; i < n[1]; i++)
        sum = sum * 5 + (long)addresses[i];
    line("combiner %d: %d %d %d, sum %ld", n[3], n[0], n[1], n[2], sum);
    for (int i = 0; i < n[2]; i++) {
        int m[4], bytes;

        MPI_Type_size(parts[i], &bytes);
        MPI_Type_get_envelope(parts[i], &m[0], &m[1], &m[2], &m[3]);
        line("part %d: %d bytes, combiner %d, int %d", i, bytes, m[3], parts[i] == MPI_INT);
        if (m[3] != MPI_COMBINER_NAMED && m[3] != MPI_COMBINER_F90_REAL &&
            m[3] != MPI_COMBINER_F90_INTEGER)
            MPI_Type_free(&parts[i]);
    }
}

static void use(const char *label, MPI_Datatype type)
{
    static unsigned char from[4096], to[4096], packed[8192];
    MPI_Aint low, extent;
    int bytes, position = 0, got;
    MPI_Request request;
    MPI_Status status;
    long sum = 0;

    MPI_Type_commit(&type);
    MPI_Type_size(type, &bytes);
    MPI_Type_get_extent(type, &low, &extent);
    line("%s: %d bytes, from %ld, extent %ld", label, bytes, (long)low, (long)extent);
    contents(type);
    for (int i = 0; i < 4096; i++)
        from[i] = (unsigned char)(i * 7 + rank);
    memset(to, 0, sizeof(to));
    MPI_Irecv(to, 1, type, (rank + 1) % size, 2, MPI_COMM_WORLD, &request);
    MPI_Send(from, 1, type, (rank + size - 1) % size, 2, MPI_COMM_WORLD);
    MPI_Wait(&request, &status);
    MPI_Get_count(&status, type, &got);
    for (int i = 0; i < 4096; i++)
        sum = sum * 31 + to[i];
    line("received %d, sum %lx", got, sum);
    MPI_Pack(from, 1, type, packed, sizeof(packed), &position, MPI_COMM_WORLD);
    line("packed %d", position);
    MPI_Type_free(&type);
    line("freed %d", type == MPI_DATATYPE_NULL);
}

static void nested(void)
{
    struct row {
        int number;
        double value[3];
        char letter;
    };
    MPI_Aint at[3] = {offsetof(struct row, number), offsetof(struct row, value),
                      offsetof(struct row, letter)};
    int lengths[3] = {1, 3, 1};
    MPI_Datatype inner, parts[3] = {MPI_INT, MPI_DOUBLE, MPI_CHAR}, row, outer, again;
    char name[MPI_MAX_OBJECT_NAME];
    int length;

    MPI_Type_create_struct(3, lengths, at, parts, &inner);
    MPI_Type_create_resized(inner, 0, sizeof(struct row), &row);
    MPI_Type_free(&inner);
    MPI_Type_vector(2, 1, 2, row, &outer);
    MPI_Type_set_name(outer, "rows");
    MPI_Type_get_name(outer, name, &length);
    line("name %s", name);
    MPI_Type_free(&row);
    MPI_Type_dup(outer, &again);
    MPI_Type_free(&outer);
    use("nested", again);
}

static void irregular(void)
{
    int lengths[3] = {1, 2, 3}, at[3] = {0, 4, 9};
    MPI_Aint wide[3] = {0, 16, 40};
    MPI_Datatype t;

    MPI_Type_indexed(3, lengths, at, MPI_INT, &t);
    use("indexed", t);
    MPI_Type_create_hindexed(3, lengths, wide, MPI_SHORT, &t);
    use("hindexed", t);
    MPI_Type_create_indexed_block(3, 2, at, MPI_INT, &t);
    use("indexed_block", t);
    MPI_Type_create_hindexed_block(3, 2, wide, MPI_INT, &t);
    use("hindexed_block", t);
}

static void regular(void)
{
    int sizes[2] = {8, 6}, sub[2] = {3, 2}, start[2] = {1, 2}, processes[2] = {1, 1};
    int distributions[2] = {MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_CYCLIC};
    int arguments[2] = {MPI_DISTRIBUTE_DFLT_DARG, 2};
    MPI_Datatype t;

    MPI_Type_contiguous(5, MPI_INT, &t);
    use("contiguous", t);
    MPI_Type_vector(3, 2, 4, MPI_SHORT, &t);
    use("vector", t);
    MPI_Type_create_hvector(3, 2, 24, MPI_FLOAT, &t);
    use("hvector", t);
    MPI_Type_create_subarray(2, sizes, sub, start, MPI_ORDER_C, MPI_INT, &t);
    use("subarray", t);
    MPI_Type_create_darray(1, 0, 2, sizes, distributions, arguments, processes, MPI_ORDER_FORTRAN,
                           MPI_INT, &t);
    use("darray", t);
    MPI_Type_create_resized(MPI_INT, -4, 32, &t);
    use("resized", t);
}

static void of_fortran(void)
{
    MPI_Datatype a, b;

    MPI_Type_create_f90_real(12, 100, &a);
    MPI_Type_create_f90_real(12, 100, &b);
    line("f90 %d", a == b);
    contents(a);
    MPI_Type_match_size(MPI_TYPECLASS_REAL, 8, &a);
    line("matched %d", MPI_Type_c2f(a));
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    regular();
    irregular();
    nested();
    of_fortran();
    MPI_Finalize();
    return 0;
}
