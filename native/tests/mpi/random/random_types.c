/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random datatypes: made of one another, freed while messages of them are under way. */
#include "random.h"

enum { MOST_ELEMENTS = 60, MOST_EXTENT = 2000, BIG_BYTES = 120000 };

struct rn_type rn_types[TYPES];
MPI_Datatype rn_affine;
MPI_Op rn_compose;

/* x -> a x + b, one after the other. */
static void compose(void *in, void *inout, int *count, MPI_Datatype *type)
{
    const unsigned *f = in;
    unsigned *g = inout;
    int i;

    (void)type;
    for (i = 0; i < 2 * *count; i += 2) {
        unsigned a = f[i], b = f[i + 1];

        g[i + 1] = g[i] * b + g[i + 1];
        g[i] = a * g[i];
    }
}

static void measure(struct rn_type *t)
{
    MPI_Aint low, extent, true_low, true_extent;

    MPI_Type_get_extent(t->handle, &low, &extent);
    MPI_Type_get_true_extent(t->handle, &true_low, &true_extent);
    t->extent = extent;
    t->span = true_low + true_extent;
    if (t->span < extent)
        t->span = extent;
}

void rn_types_begin(void)
{
    const MPI_Datatype plain[PLAIN] = {MPI_INT,           MPI_BYTE,  MPI_CHAR,      MPI_DOUBLE,
                                       MPI_UNSIGNED_LONG, MPI_SHORT, MPI_DOUBLE_INT};
    int i;

    memset(rn_types, 0, sizeof(rn_types));
    for (i = 0; i < PLAIN; i++) {
        rn_types[i] = (struct rn_type){.live = 1, .base = i, .elements = 1, .handle = plain[i]};
        if (plain[i] == MPI_DOUBLE_INT)
            rn_types[i].base = -1;
        measure(&rn_types[i]);
    }
    MPI_Type_contiguous(2, MPI_UNSIGNED, &rn_affine);
    MPI_Type_commit(&rn_affine);
    MPI_Op_create(compose, 0, &rn_compose);
    for (i = rn_dice(4); i >= 0; i--)
        rn_type_make();
}

void rn_types_end(void)
{
    int i;

    for (i = PLAIN; i < TYPES; i++)
        if (rn_types[i].live)
            MPI_Type_free(&rn_types[i].handle);
    MPI_Type_free(&rn_affine);
    MPI_Op_free(&rn_compose);
}

int rn_type_draw(void)
{
    int i = rn_dice(TYPES);

    while (!rn_types[i].live)
        i = (i + 1) % TYPES;
    return i;
}

int rn_type_draw_like(int type, int *count)
{
    int like = rn_type_draw(), all = rn_types[type].elements * *count;

    *count += rn_dice(3);
    if (rn_types[type].base < 0 || rn_types[like].base != rn_types[type].base)
        return type;
    *count = (all + rn_types[like].elements - 1) / rn_types[like].elements + rn_dice(2);
    return like;
}

/* Mostly small; some do not fit the eager limit of shared memory (4 KiB) or of TCP (64 KiB). */
int rn_count_draw(int type)
{
    int most = (int)(BIG_BYTES / rn_types[type].extent), how = rn_dice(20);

    if (how == 0)
        return 0;
    if (how < 14)
        return 1 + rn_dice(8);
    if (how < 18)
        return 1 + rn_dice(most / 12 + 1);
    return 1 + rn_dice(most + 1);
}

size_t rn_type_bytes(int type, int count)
{
    const struct rn_type *t = &rn_types[type];

    return count <= 0 ? 0 : (size_t)((count - 1) * t->extent + t->span);
}

static void make_struct(struct rn_type *t, const struct rn_type *of)
{
    const struct rn_type *other = &rn_types[rn_type_draw()];
    MPI_Aint at[2] = {8 * rn_dice(2), 0};
    MPI_Datatype both[2] = {of->handle, other->handle};
    int lengths[2] = {1 + rn_dice(2), 1 + rn_dice(2)};

    at[1] = at[0] + (lengths[0] - 1) * of->extent + of->span + rn_dice(9);
    t->elements = lengths[0] * of->elements + lengths[1] * other->elements;
    if (other->base != of->base)
        t->base = -1;
    MPI_Type_create_struct(2, lengths, at, both, &t->handle);
}

static void make_indexed(struct rn_type *t, const struct rn_type *of, int how)
{
    int lengths[3] = {1 + rn_dice(3), rn_dice(2), 1 + rn_dice(2)}, at[3] = {rn_dice(3), 0, 0}, i;
    MPI_Aint bytes[3];

    for (i = 1; i < 3; i++)
        at[i] = at[i - 1] + lengths[i - 1] + rn_dice(3);
    for (i = 0; i < 3; i++)
        bytes[i] = at[i] * of->span;
    t->elements *= lengths[0] + lengths[1] + lengths[2];
    if (how == 0) {
        MPI_Type_indexed(3, lengths, at, of->handle, &t->handle);
    } else if (how == 1) {
        MPI_Type_create_hindexed(3, lengths, bytes, of->handle, &t->handle);
    } else {
        t->elements = of->elements * 3;
        for (i = 0; i < 3; i++)
            at[i] += i;
        MPI_Type_create_indexed_block(3, 1, at, of->handle, &t->handle);
    }
}

static void make_subarray(struct rn_type *t, const struct rn_type *of)
{
    int sizes[2] = {2 + rn_dice(3), 2 + rn_dice(3)}, parts[2], starts[2], i;

    for (i = 0; i < 2; i++) {
        parts[i] = 1 + rn_dice(sizes[i]);
        starts[i] = rn_dice(sizes[i] - parts[i] + 1);
    }
    t->elements *= parts[0] * parts[1];
    MPI_Type_create_subarray(2, sizes, parts, starts, rn_dice(2) ? MPI_ORDER_C : MPI_ORDER_FORTRAN,
                             of->handle, &t->handle);
}

static void make_vector(struct rn_type *t, const struct rn_type *of, int in_bytes)
{
    int count = 1 + rn_dice(4), length = 1 + rn_dice(3), stride = length + rn_dice(3);

    t->elements *= count * length;
    if (in_bytes)
        MPI_Type_create_hvector(count, length, stride * of->span, of->handle, &t->handle);
    else
        MPI_Type_vector(count, length, stride, of->handle, &t->handle);
}

static void construct(struct rn_type *t, const struct rn_type *of)
{
    int how = rn_dice(9);

    switch (how) {
    case 0:
        t->elements *= 3;
        MPI_Type_contiguous(3, of->handle, &t->handle);
        break;
    case 1:
    case 2:
        make_vector(t, of, how == 1);
        break;
    case 3:
    case 4:
    case 5:
        make_indexed(t, of, how - 3);
        break;
    case 6:
        make_struct(t, of);
        break;
    case 7:
        make_subarray(t, of);
        break;
    default:
        if (rn_dice(2))
            MPI_Type_create_resized(of->handle, 0, of->span + 8 * rn_dice(3), &t->handle);
        else
            MPI_Type_dup(of->handle, &t->handle);
    }
}

/* Of two elements in a row the second would begin in the first: nothing may be received into such a type. */
static int overlaps_itself(const struct rn_type *t)
{
    MPI_Aint true_low, true_extent;

    MPI_Type_get_true_extent(t->handle, &true_low, &true_extent);
    return true_extent > t->extent;
}

void rn_type_make(void)
{
    struct rn_type made = {0};
    int of = rn_type_draw(), i;

    for (i = PLAIN; i < TYPES && rn_types[i].live; i++)
        ;
    if (i == TYPES)
        return;
    made = rn_types[of];
    construct(&made, &rn_types[of]);
    MPI_Type_commit(&made.handle);
    measure(&made);
    if (made.elements > MOST_ELEMENTS || made.extent > MOST_EXTENT || overlaps_itself(&made))
        MPI_Type_free(&made.handle);
    else
        rn_types[i] = made;
}

/* Needed by a half of a message that is still to come? */
static int is_open(int type)
{
    int i;

    for (i = 0; i < OPEN; i++)
        if (rn_open[i].used && (rn_open[i].type == type || rn_open[i].like == type))
            return 1;
    return 0;
}

void rn_type_free(void)
{
    int i = rn_type_draw();

    if (i < PLAIN || is_open(i) || rn_collectives_keep(i))
        return;
    MPI_Type_free(&rn_types[i].handle);
    rn_types[i].live = 0;
}
