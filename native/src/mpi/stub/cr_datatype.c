/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; rebuild: threads parked. Derived datatypes. A handle keeps a recipe (combiner,
 * integers, addresses, types), which the real MPI itself gives right after the type was made; types
 * that others are made from live as long as those.
 */
#include "cr_object.h"
#include "cr_stub_wrap.h"

#include <string.h>

static struct cr_lock types_lock;
static struct cr_datatype *types; /* newest first: made again from the end */

static struct cr_type_recipe *recipe_new(int combiner, int integers, int addresses, int count)
{
    size_t size = sizeof(struct cr_type_recipe) + (size_t)addresses * sizeof(MPI_Aint) +
                  (size_t)count * sizeof(void *) + (size_t)integers * sizeof(int);
    struct cr_type_recipe *r = cr_pool_alloc(size);

    r->combiner = combiner;
    r->integers = integers;
    r->addresses = addresses;
    r->types = count;
    r->size = size;
    r->address = (MPI_Aint *)(r + 1);
    r->type = (struct cr_datatype **)(void *)(r->address + addresses);
    r->integer = (int *)(void *)(r->type + count);
    return r;
}

/* The types come as real ones, each with a reference of its own, and become ours. */
static void adopt_parts(struct cr_type_recipe *r)
{
    for (int i = 0; i < r->types; i++) {
        MPI_Datatype real = (MPI_Datatype)r->type[i];
        struct cr_handle *part = cr_handle_find(CR_KIND_DATATYPE, real);
        uint64_t fs;

        if (part == NULL) {
            r->type[i] = (struct cr_datatype *)cr_datatype_new(real, "MPI_Type_get_contents");
            continue;
        }
        r->type[i] = (struct cr_datatype *)part;
        if (part->flags & CR_HANDLE_PREDEFINED)
            continue;
        cr_datatype_retain((MPI_Datatype)part);
        fs = cr_lower_enter();
        CR_REAL(Type_free)(&real);
        cr_lower_leave(fs);
    }
}

static struct cr_type_recipe *read_recipe(MPI_Datatype real)
{
    int integers = 0, addresses = 0, count = 0, combiner = MPI_COMBINER_NAMED;
    struct cr_type_recipe *r;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Type_get_envelope)(real, &integers, &addresses, &count, &combiner);
    cr_lower_leave(fs);
    r = recipe_new(combiner, integers, addresses, count);
    if (combiner == MPI_COMBINER_NAMED)
        return r;
    fs = cr_lower_enter();
    CR_REAL(Type_get_contents)
    (real, integers, addresses, count, r->integer, r->address, (MPI_Datatype *)(void *)r->type);
    cr_lower_leave(fs);
    adopt_parts(r);
    return r;
}

MPI_Datatype cr_datatype_new(MPI_Datatype real, const char *made_by)
{
    struct cr_datatype *type;

    (void)made_by;
    if (real == NULL || real == CR_REAL_DATATYPE(MPI_DATATYPE_NULL))
        return MPI_DATATYPE_NULL;
    type = (struct cr_datatype *)cr_handle_new(CR_KIND_DATATYPE, sizeof(*type), real);
    type->references = 1;
    type->recipe = read_recipe(real);
    cr_handle_mirror(&type->handle);
    cr_handle_learn(&type->handle);
    cr_lock_take(&types_lock);
    type->next = types;
    types = type;
    cr_lock_give(&types_lock);
    return (MPI_Datatype)type;
}

MPI_Datatype cr_datatype_known(MPI_Datatype real, const char *made_by)
{
    struct cr_handle *known = cr_handle_find(CR_KIND_DATATYPE, real);

    return known != NULL ? (MPI_Datatype)known : cr_datatype_new(real, made_by);
}

void cr_datatype_retain(MPI_Datatype handle)
{
    struct cr_datatype *type = (struct cr_datatype *)handle;

    if (!(type->handle.flags & CR_HANDLE_PREDEFINED))
        __atomic_add_fetch(&type->references, 1, __ATOMIC_RELAXED);
}

static void take_out(struct cr_datatype *type)
{
    cr_lock_take(&types_lock);
    for (struct cr_datatype **at = &types; *at != NULL; at = &(*at)->next) {
        if (*at == type) {
            *at = type->next;
            break;
        }
    }
    cr_lock_give(&types_lock);
}

void cr_datatype_release(MPI_Datatype handle)
{
    struct cr_datatype *type = (struct cr_datatype *)handle;
    struct cr_type_recipe *r = type->recipe;
    MPI_Datatype real = CR_REAL_DATATYPE(handle);
    uint64_t fs;

    if ((type->handle.flags & CR_HANDLE_PREDEFINED) ||
        __atomic_sub_fetch(&type->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    take_out(type);
    fs = cr_lower_enter();
    CR_REAL(Type_free)(&real);
    cr_lower_leave(fs);
    cr_handle_delete(&type->handle, sizeof(*type));
    for (int i = 0; i < r->types; i++)
        cr_datatype_release((MPI_Datatype)r->type[i]);
    cr_pool_free(r, r->size);
}

CR_MPI(int, Type_commit, (MPI_Datatype * type))
{
    MPI_Datatype real;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    real = type != NULL ? CR_REAL_DATATYPE(*type) : NULL;
    fs = cr_lower_enter();
    rc = CR_REAL(Type_commit)(type != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS && cr_wrap_is(*type, CR_KIND_DATATYPE)) {
        ((struct cr_datatype *)*type)->committed = 1;
        cr_handle_mirror((struct cr_handle *)*type);
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Type_commit");
}

CR_MPI(int, Type_free, (MPI_Datatype * type))
{
    int rc = MPI_ERR_TYPE;

    cr_gate_enter();
    if (type != NULL && cr_wrap_is(*type, CR_KIND_DATATYPE) &&
        !(((struct cr_handle *)*type)->flags & CR_HANDLE_PREDEFINED)) {
        rc = cr_attributes_delete(*type);
        if (rc == MPI_SUCCESS) {
            cr_datatype_release(*type);
            *type = MPI_DATATYPE_NULL;
        }
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Type_free");
}

CR_MPI(int, Type_dup, (MPI_Datatype type, MPI_Datatype *newtype))
{
    MPI_Datatype real = NULL;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Type_dup)(CR_REAL_DATATYPE(type), newtype != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS) {
        *newtype = cr_datatype_new(real, "MPI_Type_dup");
        ((struct cr_datatype *)*newtype)->committed = ((struct cr_datatype *)type)->committed;
        rc = cr_attributes_copy(type, *newtype);
        if (rc != MPI_SUCCESS) {
            cr_datatype_release(*newtype);
            *newtype = MPI_DATATYPE_NULL;
        }
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Type_dup");
}

CR_MPI(int, Type_set_name, (MPI_Datatype type, const char *name))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Type_set_name)(CR_REAL_DATATYPE(type), name);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        strncpy(((struct cr_datatype *)type)->name, name,
                sizeof(((struct cr_datatype *)type)->name) - 1);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Type_set_name");
}

/* The parts are handed out as our handles, with a reference for the application. */
static int contents(struct cr_datatype *type, int max[3], int integer[], MPI_Aint address[],
                    MPI_Datatype part[])
{
    struct cr_type_recipe *r = type->recipe;

    if ((type->handle.flags & CR_HANDLE_PREDEFINED) || r->combiner == MPI_COMBINER_NAMED)
        return MPI_ERR_TYPE;
    if (max[0] < r->integers || max[1] < r->addresses || max[2] < r->types)
        return MPI_ERR_ARG;
    memcpy(integer, r->integer, (size_t)r->integers * sizeof(int));
    memcpy(address, r->address, (size_t)r->addresses * sizeof(MPI_Aint));
    for (int i = 0; i < r->types; i++) {
        part[i] = (MPI_Datatype)r->type[i];
        cr_datatype_retain(part[i]);
    }
    return MPI_SUCCESS;
}

CR_MPI(int, Type_get_contents,
       (MPI_Datatype type, int max_integers, int max_addresses, int max_datatypes,
        int array_of_integers[], MPI_Aint array_of_addresses[], MPI_Datatype array_of_datatypes[]))
{
    int max[3] = {max_integers, max_addresses, max_datatypes};
    int rc = MPI_ERR_TYPE;

    cr_gate_enter();
    if (cr_wrap_is(type, CR_KIND_DATATYPE))
        rc = contents((struct cr_datatype *)type, max, array_of_integers, array_of_addresses,
                      array_of_datatypes);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Type_get_contents");
}

static int make_again(struct cr_datatype *type)
{
    MPI_Datatype real = NULL;
    uint64_t fs;
    int rc = cr_recipe_make(type->recipe, &real);

    if (rc != MPI_SUCCESS)
        return rc;
    fs = cr_lower_enter();
    if (type->committed)
        rc = CR_REAL(Type_commit)(&real);
    if (rc == MPI_SUCCESS && type->name[0] != '\0')
        rc = CR_REAL(Type_set_name)(real, type->name);
    cr_lower_leave(fs);
    type->handle.real = real;
    cr_handle_mirror(&type->handle);
    cr_handle_learn(&type->handle);
    return rc;
}

/*
 * Oldest first: the parts of a type are older than the type. The list is turned round, walked, and
 * turned back.
 */
static struct cr_datatype *reverse(struct cr_datatype *list)
{
    struct cr_datatype *turned = NULL;

    while (list != NULL) {
        struct cr_datatype *next = list->next;

        list->next = turned;
        turned = list;
        list = next;
    }
    return turned;
}

int cr_datatype_rebuild(struct cr_error *err)
{
    int rc = MPI_SUCCESS, combiner = 0;

    types = reverse(types);
    for (struct cr_datatype *t = types; t != NULL && rc == MPI_SUCCESS; t = t->next) {
        combiner = t->recipe->combiner;
        rc = make_again(t);
    }
    types = reverse(types);
    if (rc != MPI_SUCCESS)
        return cr_fail(err, CR_EREFUSED,
                       "a datatype with combiner %d cannot be made again: MPI error %d", combiner,
                       rc);
    return 0;
}
