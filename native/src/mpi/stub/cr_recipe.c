/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. Makes a datatype from what MPI_Type_get_contents says of it (MPI
 * standard, section 4.1.13).
 */
#include "cr_object.h"

static MPI_Datatype part(const struct cr_type_recipe *r, int i)
{
    return (MPI_Datatype)r->type[i]->handle.real;
}

static int make_struct(const struct cr_type_recipe *r, MPI_Datatype *made)
{
    int count = r->integer[0], rc;
    size_t size = ((size_t)count + 1) * sizeof(MPI_Datatype);
    MPI_Datatype *parts = cr_pool_alloc(size);
    uint64_t fs;

    for (int i = 0; i < count; i++)
        parts[i] = part(r, i);
    fs = cr_lower_enter();
    rc = CR_REAL(Type_create_struct)(count, r->integer + 1, r->address, parts, made);
    cr_lower_leave(fs);
    cr_pool_free(parts, size);
    return rc;
}

/* Vectors and indexed types; FS is the lower half's. */
static int make_strided(const struct cr_type_recipe *r, MPI_Datatype *made)
{
    const int *n = r->integer;

    switch (r->combiner) {
    case MPI_COMBINER_VECTOR:
        return CR_REAL(Type_vector)(n[0], n[1], n[2], part(r, 0), made);
    case MPI_COMBINER_HVECTOR:
        return CR_REAL(Type_create_hvector)(n[0], n[1], r->address[0], part(r, 0), made);
    case MPI_COMBINER_INDEXED:
        return CR_REAL(Type_indexed)(n[0], n + 1, n + 1 + n[0], part(r, 0), made);
    case MPI_COMBINER_HINDEXED:
        return CR_REAL(Type_create_hindexed)(n[0], n + 1, r->address, part(r, 0), made);
    case MPI_COMBINER_INDEXED_BLOCK:
        return CR_REAL(Type_create_indexed_block)(n[0], n[1], n + 2, part(r, 0), made);
    case MPI_COMBINER_HINDEXED_BLOCK:
        return CR_REAL(Type_create_hindexed_block)(n[0], n[1], r->address, part(r, 0), made);
    default:
        return MPI_ERR_TYPE;
    }
}

/* FS is the lower half's. */
static int make_other(const struct cr_type_recipe *r, MPI_Datatype *made)
{
    const int *n = r->integer;
    int d;

    switch (r->combiner) {
    case MPI_COMBINER_DUP:
        return CR_REAL(Type_dup)(part(r, 0), made);
    case MPI_COMBINER_CONTIGUOUS:
        return CR_REAL(Type_contiguous)(n[0], part(r, 0), made);
    case MPI_COMBINER_RESIZED:
        return CR_REAL(Type_create_resized)(part(r, 0), r->address[0], r->address[1], made);
    case MPI_COMBINER_SUBARRAY:
        d = n[0];
        return CR_REAL(Type_create_subarray)(d, n + 1, n + 1 + d, n + 1 + 2 * d, n[1 + 3 * d],
                                             part(r, 0), made);
    case MPI_COMBINER_DARRAY:
        d = n[2];
        return CR_REAL(Type_create_darray)(n[0], n[1], d, n + 3, n + 3 + d, n + 3 + 2 * d,
                                           n + 3 + 3 * d, n[3 + 4 * d], part(r, 0), made);
    case MPI_COMBINER_F90_REAL:
        return CR_REAL(Type_create_f90_real)(n[0], n[1], made);
    case MPI_COMBINER_F90_COMPLEX:
        return CR_REAL(Type_create_f90_complex)(n[0], n[1], made);
    case MPI_COMBINER_F90_INTEGER:
        return CR_REAL(Type_create_f90_integer)(n[0], made);
    default:
        return make_strided(r, made);
    }
}

int cr_recipe_make(const struct cr_type_recipe *recipe, MPI_Datatype *ret_real)
{
    uint64_t fs;
    int rc;

    if (recipe->combiner == MPI_COMBINER_STRUCT)
        return make_struct(recipe, ret_real);
    fs = cr_lower_enter();
    rc = make_other(recipe, ret_real);
    cr_lower_leave(fs);
    return rc;
}
