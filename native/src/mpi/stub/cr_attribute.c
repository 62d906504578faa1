/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Keyvals, and the values set with them. */
#include "cr_attribute.h"

#include "cr_stub_wrap.h"

#include <string.h>

typedef void fint_copy_fn(MPI_Fint *object, MPI_Fint *key, MPI_Fint *extra, MPI_Fint *in,
                          MPI_Fint *out, MPI_Fint *flag, MPI_Fint *rc);
typedef void fint_delete_fn(MPI_Fint *object, MPI_Fint *key, MPI_Fint *value, MPI_Fint *extra,
                            MPI_Fint *rc);
typedef void aint_copy_fn(MPI_Fint *object, MPI_Fint *key, MPI_Aint *extra, MPI_Aint *in,
                          MPI_Aint *out, MPI_Fint *flag, MPI_Fint *rc);
typedef void aint_delete_fn(MPI_Fint *object, MPI_Fint *key, MPI_Aint *value, MPI_Aint *extra,
                            MPI_Fint *rc);
typedef int copy_fn(void *object, int key, void *extra, void *in, void *out, int *flag);
typedef int delete_fn(void *object, int key, void *value, void *extra);

struct keyval {
    struct cr_keyval_spec spec;
    uint32_t references; /* one of the application, one of each value */
};

struct value {
    struct value *next; /* newest first: deleted in this order */
    int key;
    enum cr_attribute_form form;
    MPI_Aint value;
};

struct cr_attributes {
    void *owner;
    struct value *first;
};

#define KEYVALS_PER_BLOCK 64
#define BLOCKS 1024
static struct keyval *blocks[BLOCKS];
static int keyval_count = CR_KEYVAL_FIRST;
static struct cr_lock keyvals_lock;

static struct keyval *keyval_at(int key)
{
    if (key < 0 || key >= keyval_count || blocks[key / KEYVALS_PER_BLOCK] == NULL)
        return NULL;
    return &blocks[key / KEYVALS_PER_BLOCK][key % KEYVALS_PER_BLOCK];
}

static struct keyval *keyval_of(int key, enum cr_kind kind)
{
    struct keyval *k = keyval_at(key);

    return k != NULL && k->references > 0 && k->spec.kind == kind ? k : NULL;
}

static void define(int key, const struct cr_keyval_spec *spec)
{
    int block = key / KEYVALS_PER_BLOCK;

    if (blocks[block] == NULL)
        blocks[block] = cr_pool_alloc(sizeof(struct keyval) * KEYVALS_PER_BLOCK);
    blocks[block][key % KEYVALS_PER_BLOCK].spec = *spec;
    blocks[block][key % KEYVALS_PER_BLOCK].references = 1;
}

int cr_keyval_create(const struct cr_keyval_spec *spec, int *ret_key)
{
    int key = -1;

    cr_lock_take(&keyvals_lock);
    for (int i = CR_KEYVAL_FIRST; i < keyval_count && key < 0; i++) {
        if (keyval_at(i)->references == 0)
            key = i;
    }
    if (key < 0 && keyval_count < KEYVALS_PER_BLOCK * BLOCKS)
        key = keyval_count++;
    if (key >= 0)
        define(key, spec);
    cr_lock_give(&keyvals_lock);
    if (key < 0)
        return MPI_ERR_NO_MEM;
    *ret_key = key;
    return MPI_SUCCESS;
}

static void keyval_release(struct keyval *k)
{
    __atomic_sub_fetch(&k->references, 1, __ATOMIC_ACQ_REL);
}

int cr_keyval_free(enum cr_kind kind, int *key)
{
    struct keyval *k = key != NULL ? keyval_of(*key, kind) : NULL;

    if (k == NULL || (k->spec.flags & CR_KEYVAL_PREDEFINED))
        return MPI_ERR_KEYVAL;
    keyval_release(k);
    *key = MPI_KEYVAL_INVALID;
    return MPI_SUCCESS;
}

struct cr_attributes **cr_attributes_of(void *object)
{
    struct cr_handle *handle = object;
    size_t at = CR_COMM_ATTRIBUTES;

    if (handle->kind == CR_KIND_DATATYPE)
        at = CR_DATATYPE_ATTRIBUTES;
    else if (handle->kind == CR_KIND_WIN)
        at = CR_WIN_ATTRIBUTES;
    return (struct cr_attributes **)(void *)((char *)object + at);
}

void cr_attributes_make(void *object)
{
    struct cr_attributes **set = cr_attributes_of(object);

    if (*set == NULL) {
        *set = cr_pool_alloc(sizeof(**set));
        (*set)->owner = object;
    }
}

void *cr_attributes_owner(const struct cr_attributes *set)
{
    return set->owner;
}

static MPI_Fint fortran_of(void *object)
{
    switch (((struct cr_handle *)object)->kind) {
    case CR_KIND_COMM:
        return PMPI_Comm_c2f(object);
    case CR_KIND_DATATYPE:
        return PMPI_Type_c2f(object);
    default:
        return PMPI_Win_c2f(object);
    }
}

/*
 * What a C program sees of a value: a pointer that was set, or the address of an integer that was
 * set.
 */
static void *as_pointer(struct value *v)
{
    return v->form == CR_ATTRIBUTE_POINTER ? (void *)v->value : (void *)&v->value;
}

static int call_delete(void *object, struct keyval *k, struct value *v)
{
    MPI_Fint handle, key = v->key, small = (MPI_Fint)v->value, small_extra, rc = MPI_SUCCESS;
    MPI_Aint big = v->value, extra = (MPI_Aint)k->spec.extra_state;

    if (k->spec.remove == NULL)
        return MPI_SUCCESS;
    if (!(k->spec.flags & CR_KEYVAL_FORTRAN))
        return ((delete_fn *)k->spec.remove)(object, v->key, as_pointer(v), k->spec.extra_state);
    handle = fortran_of(object);
    if (k->spec.flags & CR_KEYVAL_FORTRAN_INT) {
        small_extra = (MPI_Fint)extra;
        ((fint_delete_fn *)k->spec.remove)(&handle, &key, &small, &small_extra, &rc);
    } else {
        ((aint_delete_fn *)k->spec.remove)(&handle, &key, &big, &extra, &rc);
    }
    return rc;
}

static int copy_fortran(void *from, struct keyval *k, struct value *v, struct value *to, int *flag)
{
    MPI_Fint handle = fortran_of(from), key = v->key, rc = MPI_SUCCESS, wanted = 0;
    MPI_Fint small = (MPI_Fint)v->value, small_out = 0, small_extra;
    MPI_Aint big = v->value, big_out = 0, extra = (MPI_Aint)k->spec.extra_state;

    if (k->spec.flags & CR_KEYVAL_FORTRAN_INT) {
        small_extra = (MPI_Fint)extra;
        ((fint_copy_fn *)k->spec.copy)(&handle, &key, &small_extra, &small, &small_out, &wanted,
                                       &rc);
        to->value = small_out;
        to->form = CR_ATTRIBUTE_INT;
    } else {
        ((aint_copy_fn *)k->spec.copy)(&handle, &key, &extra, &big, &big_out, &wanted, &rc);
        to->value = big_out;
        to->form = CR_ATTRIBUTE_AINT;
    }
    *flag = wanted;
    return rc;
}

static int call_copy(void *from, struct keyval *k, struct value *v, struct value *to, int *flag)
{
    void *out = NULL;
    int rc;

    *flag = 0;
    if (k->spec.copy == NULL)
        return MPI_SUCCESS;
    if (k->spec.flags & CR_KEYVAL_FORTRAN)
        return copy_fortran(from, k, v, to, flag);
    rc = ((copy_fn *)k->spec.copy)(from, v->key, k->spec.extra_state, as_pointer(v), &out, flag);
    to->form = CR_ATTRIBUTE_POINTER;
    to->value = (MPI_Aint)out;
    return rc;
}

static void put(void *object, struct keyval *k, const struct value *from)
{
    struct cr_attributes *set;
    struct value *v = cr_pool_alloc(sizeof(*v));

    cr_attributes_make(object);
    set = *cr_attributes_of(object);
    *v = *from;
    v->next = set->first;
    set->first = v;
    __atomic_add_fetch(&k->references, 1, __ATOMIC_RELAXED);
}

static struct value **find(const struct cr_attributes *set, int key)
{
    struct value **at = (struct value **)&set->first;

    while (*at != NULL && (*at)->key != key)
        at = &(*at)->next;
    return at;
}

static int remove_at(void *object, struct value **at)
{
    struct value *v = *at;
    struct keyval *k = keyval_at(v->key);
    int rc = call_delete(object, k, v);

    if (rc != MPI_SUCCESS)
        return rc;
    *at = v->next;
    keyval_release(k);
    cr_pool_free(v, sizeof(*v));
    return MPI_SUCCESS;
}

int cr_attribute_set(enum cr_kind kind, void *object, int key, enum cr_attribute_form form,
                     MPI_Aint value)
{
    struct keyval *k = keyval_of(key, kind);
    struct value v = {NULL, key, form, value};
    int rc;

    if (k == NULL || (k->spec.flags & CR_KEYVAL_PREDEFINED))
        return MPI_ERR_KEYVAL;
    rc = cr_attribute_delete(kind, object, key);
    if (rc != MPI_SUCCESS)
        return rc;
    put(object, k, &v);
    return MPI_SUCCESS;
}

int cr_attribute_delete(enum cr_kind kind, void *object, int key)
{
    struct keyval *k = keyval_of(key, kind);
    struct cr_attributes *set = *cr_attributes_of(object);
    struct value **at;

    if (k == NULL || (k->spec.flags & CR_KEYVAL_PREDEFINED))
        return MPI_ERR_KEYVAL;
    if (set == NULL)
        return MPI_SUCCESS;
    at = find(set, key);
    return *at == NULL ? MPI_SUCCESS : remove_at(object, at);
}

int cr_attribute_get(const struct cr_attributes *set, int key, enum cr_attribute_form *ret_form,
                     MPI_Aint **ret_value)
{
    const struct keyval *k = keyval_at(key);
    struct value *v;

    if (k == NULL || k->references == 0)
        return -1;
    v = set != NULL ? *find(set, key) : NULL;
    if (v == NULL)
        return 0;
    *ret_form = v->form;
    *ret_value = &v->value;
    return 1;
}

/* Oldest first, so that the copies are deleted in the same order as the originals. */
static int copy_from(struct value *v, void *from, void *to)
{
    struct keyval *k;
    struct value made;
    int rc, flag;

    if (v == NULL)
        return MPI_SUCCESS;
    rc = copy_from(v->next, from, to);
    if (rc != MPI_SUCCESS)
        return rc;
    k = keyval_at(v->key);
    made = *v;
    if (k->spec.flags & CR_KEYVAL_PREDEFINED) {
        put(to, k, v);
        return MPI_SUCCESS;
    }
    rc = call_copy(from, k, v, &made, &flag);
    if (rc == MPI_SUCCESS && flag)
        put(to, k, &made);
    return rc;
}

int cr_attributes_copy(void *from, void *to)
{
    struct cr_attributes *set = *cr_attributes_of(from);

    return set == NULL ? MPI_SUCCESS : copy_from(set->first, from, to);
}

int cr_attributes_delete(void *object)
{
    struct cr_attributes **set = cr_attributes_of(object);
    int rc = MPI_SUCCESS;

    if (*set == NULL)
        return MPI_SUCCESS;
    while ((*set)->first != NULL && rc == MPI_SUCCESS)
        rc = remove_at(object, &(*set)->first);
    if (rc == MPI_SUCCESS) {
        cr_pool_free(*set, sizeof(**set));
        *set = NULL;
    }
    return rc;
}

/* MPI's own attributes of MPI_COMM_WORLD: integers, read from the real MPI. */
static const int own_keys[] = {MPI_TAG_UB, MPI_HOST,         MPI_IO,           MPI_WTIME_IS_GLOBAL,
                               MPI_APPNUM, MPI_LASTUSEDCODE, MPI_UNIVERSE_SIZE};
#define OWN_KEYS (sizeof(own_keys) / sizeof(own_keys[0]))

static void read_own(int key)
{
    struct value v = {NULL, key, CR_ATTRIBUTE_INT, 0};
    struct cr_attributes *set;
    struct value **at;
    int *real = NULL, flag = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_get_attr)(CR_REAL_COMM(MPI_COMM_WORLD), key, &real, &flag);
    cr_lower_leave(fs);
    if (!flag)
        return;
    v.value = *real;
    cr_attributes_make(MPI_COMM_WORLD);
    set = *cr_attributes_of(MPI_COMM_WORLD);
    at = find(set, key);
    if (*at != NULL)
        (*at)->value = v.value;
    else
        put(MPI_COMM_WORLD, keyval_at(key), &v);
}

void cr_attribute_refresh(void)
{
    for (size_t i = 0; i < OWN_KEYS; i++)
        read_own(own_keys[i]);
}

void cr_attribute_init(void)
{
    struct cr_keyval_spec spec = {CR_KIND_COMM, NULL, NULL, NULL, CR_KEYVAL_PREDEFINED};

    for (size_t i = 0; i < OWN_KEYS; i++)
        define(own_keys[i], &spec);
    spec.kind = CR_KIND_WIN;
    for (int key = MPI_WIN_BASE; key <= MPI_WIN_MODEL; key++)
        define(key, &spec);
    cr_attribute_refresh();
}
