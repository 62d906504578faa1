/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every constructor of datatypes, in its old and its new form, what types can be asked, packing, operations. */
#include "cover.h"

enum { TYPES = 22, BYTES = 4096 };

static MPI_Datatype types[PASSES][TYPES], named[PASSES][4];
static MPI_Op ops[PASSES];
static int keyvals[PASSES], places[4];

static void keep(int p, int *count, MPI_Datatype type)
{
    MPI_Type_commit(&type);
    types[p][(*count)++] = type;
}

static void make_new(int p, int *n)
{
    int lengths[3] = {1, 2, 1}, at[3] = {0, 2, 6}, sizes[2] = {4, 6}, sub[2] = {2, 3};
    int start[2] = {1, 2}, kinds[2] = {MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_CYCLIC};
    int args[2] = {MPI_DISTRIBUTE_DFLT_DARG, 1}, parts[2] = {1, 1};
    MPI_Aint wide[3] = {0, 8, 24};
    MPI_Datatype three[3] = {MPI_INT, MPI_SHORT, MPI_DOUBLE}, t;

    MPI_Type_contiguous(3, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_vector(3, 1, 2, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_create_hvector(3, 1, 12, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_indexed(3, lengths, at, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_create_hindexed(3, lengths, wide, MPI_SHORT, &t);
    keep(p, n, t);
    MPI_Type_create_indexed_block(3, 2, at, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_create_hindexed_block(3, 2, wide, MPI_SHORT, &t);
    keep(p, n, t);
    MPI_Type_create_struct(3, lengths, wide, three, &t);
    keep(p, n, t);
    MPI_Type_create_subarray(2, sizes, sub, start, MPI_ORDER_C, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_create_darray(1, 0, 2, sizes, kinds, args, parts, MPI_ORDER_C, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_create_resized(types[p][1], 0, 32, &t);
    keep(p, n, t);
    MPI_Type_dup(types[p][7], &t);
    keep(p, n, t);
}

static void make_old(int p, int *n)
{
    int lengths[3] = {1, 2, 1};
    MPI_Aint wide[3] = {0, 8, 24};
    MPI_Datatype three[3] = {MPI_INT, MPI_SHORT, MPI_DOUBLE}, t;

    MPI_Type_hvector(3, 1, 12, MPI_INT, &t);
    keep(p, n, t);
    MPI_Type_hindexed(3, lengths, wide, MPI_SHORT, &t);
    keep(p, n, t);
    MPI_Type_struct(3, lengths, wide, three, &t);
    keep(p, n, t);
    MPI_Type_create_f90_real(12, 100, &named[p][0]);
    MPI_Type_create_f90_complex(12, 100, &named[p][1]);
    MPI_Type_create_f90_integer(8, &named[p][2]);
    MPI_Type_match_size(MPI_TYPECLASS_INTEGER, 4, &named[p][3]);
}

static void contents(MPI_Datatype type)
{
    int n[4], integers[64];
    MPI_Aint addresses[64];
    MPI_Datatype parts[64];
    long sum = 0;

    MPI_Type_get_envelope(type, &n[0], &n[1], &n[2], &n[3]);
    if (n[3] == MPI_COMBINER_NAMED)
        return;
    MPI_Type_get_contents(type, n[0], n[1], n[2], integers, addresses, parts);
    for (int i = 0; i < n[0]; i++)
        sum = sum * 3 + integers[i];
    for (int i = 0; i < n[1]; i++)
        sum = sum * 5 + (long)addresses[i];
    line("combiner %d: %d %d %d, sum %ld", n[3], n[0], n[1], n[2], sum);
    for (int i = 0; i < n[2]; i++) {
        int m[4];

        MPI_Type_get_envelope(parts[i], &m[0], &m[1], &m[2], &m[3]);
        if (m[3] != MPI_COMBINER_NAMED)
            MPI_Type_free(&parts[i]);
    }
}

static void measure(MPI_Datatype t)
{
    int bytes;
    MPI_Count big, low_x, extent_x;
    MPI_Aint low, extent, lb, ub, old, true_low, true_extent;

    MPI_Type_size(t, &bytes);
    MPI_Type_size_x(t, &big);
    MPI_Type_get_extent(t, &low, &extent);
    MPI_Type_get_extent_x(t, &low_x, &extent_x);
    line("%d %ld bytes, from %ld %ld, extent %ld %ld", bytes, (long)big, (long)low, (long)low_x,
         (long)extent, (long)extent_x);
    MPI_Type_get_true_extent(t, &true_low, &true_extent);
    MPI_Type_get_true_extent_x(t, &low_x, &extent_x);
    MPI_Type_lb(t, &lb);
    MPI_Type_ub(t, &ub);
    MPI_Type_extent(t, &old);
    line("true %ld %ld, %ld %ld; old %ld %ld %ld", (long)true_low, (long)true_extent, (long)low_x,
         (long)extent_x, (long)lb, (long)ub, (long)old);
    line("same in Fortran %d", MPI_Type_f2c(MPI_Type_c2f(t)) == t);
}

static long sum_of(const unsigned char *data, long count)
{
    long sum = 0;

    for (long i = 0; i < count; i++)
        sum = sum * 31 + data[i];
    return sum;
}

static void pack(MPI_Datatype t)
{
    static unsigned char from[BYTES], to[BYTES], packed[BYTES];
    int room, at = 0;
    MPI_Aint external, wide = 0;

    for (int i = 0; i < BYTES; i++)
        from[i] = (unsigned char)(i * 7 + rank);
    memset(to, 0, sizeof(to));
    MPI_Pack_size(1, t, MPI_COMM_WORLD, &room);
    MPI_Pack(from, 1, t, packed, BYTES, &at, MPI_COMM_WORLD);
    line("packed %d of %d: %lx", at, room, sum_of(packed, at));
    at = 0;
    MPI_Unpack(packed, BYTES, &at, to, 1, t, MPI_COMM_WORLD);
    line("unpacked %lx", sum_of(to, BYTES));
    MPI_Pack_external_size("external32", 1, t, &external);
    MPI_Pack_external("external32", from, 1, t, packed, BYTES, &wide);
    line("external %ld of %ld: %lx", (long)wide, (long)external, sum_of(packed, wide));
    wide = 0;
    memset(to, 0, sizeof(to));
    MPI_Unpack_external("external32", packed, external, &wide, to, 1, t);
    line("back %lx", sum_of(to, BYTES));
}

static int copy(MPI_Datatype type, int key, void *extra, void *in, void *out, int *flag)
{
    (void)type, (void)key, (void)extra;
    *(void **)out = (int *)in + 1;
    *flag = 1;
    return MPI_SUCCESS;
}

static int delete(MPI_Datatype type, int key, void *value, void *extra)
{
    (void)type, (void)key, (void)extra;
    line("deleted %d", (int)((int *)value - places));
    return MPI_SUCCESS;
}

static void attributes(int p, MPI_Datatype t)
{
    MPI_Datatype twin;
    void *value = NULL;
    int gone, flag = 0, length;
    char name[MPI_MAX_OBJECT_NAME];

    MPI_Type_set_attr(t, keyvals[p], &places[1]);
    MPI_Type_dup(t, &twin);
    MPI_Type_get_attr(twin, keyvals[p], &value, &flag);
    line("attribute %d %d", flag, (int)((int *)value - places));
    MPI_Type_delete_attr(twin, keyvals[p]);
    MPI_Type_free(&twin);
    MPI_Type_create_keyval(copy, delete, &gone, NULL);
    MPI_Type_free_keyval(&gone);
    MPI_Type_set_name(t, "a type");
    MPI_Type_get_name(t, name, &length);
    line("name %s, keyval %d", name, gone == MPI_KEYVAL_INVALID);
}

/* x -> a x + b, not commutative */
static void compose(void *in, void *inout, int *length, MPI_Datatype *type)
{
    unsigned *f = in, *g = inout;

    (void)type;
    for (int i = 0; i < 2 * *length; i += 2) {
        g[i + 1] += f[i + 1] * g[i];
        g[i] *= f[i];
    }
}

static void operations(int p)
{
    unsigned mine[2] = {(unsigned)rank + 2, 3}, all[2];
    int commutes;
    MPI_Op gone;
    MPI_Datatype pair;

    MPI_Type_contiguous(2, MPI_UNSIGNED, &pair);
    MPI_Type_commit(&pair);
    for (int i = 0; i <= p; i++) {
        MPI_Op_commutative(ops[i], &commutes);
        MPI_Allreduce(mine, all, 1, pair, ops[i], MPI_COMM_WORLD);
        MPI_Reduce_local(mine, all, 1, pair, ops[i]);
        line("composed %u %u, %d %d", all[0], all[1], commutes,
             MPI_Op_f2c(MPI_Op_c2f(ops[i])) == ops[i]);
    }
    MPI_Op_create(compose, 0, &gone);
    MPI_Op_free(&gone);
    MPI_Type_free(&pair);
}

static void pass(int p)
{
    int n = 0, i;
    MPI_Aint here, there;

    make_new(p, &n);
    make_old(p, &n);
    MPI_Type_create_keyval(copy, delete, &keyvals[p], NULL);
    MPI_Op_create(compose, 0, &ops[p]);
    for (int q = 0; q <= p; q++) {
        for (i = 0; i < n; i++) {
            measure(types[q][i]);
            contents(types[q][i]);
            if (i != 10 && i != 6 && i != 4 && i != 13)
                pack(types[q][i]);
        }
        for (i = 0; i < 4; i++)
            measure(named[q][i]);
        attributes(q, types[q][0]);
    }
    operations(p);
    MPI_Get_address(&places[1], &here);
    MPI_Address(&places[0], &there);
    line("between %ld", (long)(here - there));
    for (int q = 0; p == PASSES - 1 && q < PASSES; q++) {
        for (i = 0; i < n; i++)
            MPI_Type_free(&types[q][i]);
        MPI_Op_free(&ops[q]);
        MPI_Type_free_keyval(&keyvals[q]);
    }
}

int main(int argc, char **argv)
{
    return cover_main(argc, argv, pass);
}
