/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The calls of MPI about keyvals and attributes, from C. */
#include "cr_attribute.h"
#include "cr_stub_wrap.h"

#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static int create(enum cr_kind kind, cr_attribute_fn *copy, cr_attribute_fn *remove, int *key,
                  void *extra, const char *name)
{
    struct cr_keyval_spec spec = {kind, copy, remove, extra, 0};
    int rc;

    cr_gate_enter();
    rc = copy == NULL || remove == NULL || key == NULL ? MPI_ERR_ARG : cr_keyval_create(&spec, key);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, name);
}

static int free_key(enum cr_kind kind, int *key, const char *name)
{
    int rc;

    cr_gate_enter();
    rc = cr_keyval_free(kind, key);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, name);
}

static int wrong_code(enum cr_kind kind)
{
    return kind == CR_KIND_COMM ? MPI_ERR_COMM : kind == CR_KIND_WIN ? MPI_ERR_WIN : MPI_ERR_TYPE;
}

/* Datatypes have no error handler of their own. */
static int finish(enum cr_kind kind, void *object, int rc, const char *name)
{
    if (rc == MPI_SUCCESS)
        return rc;
    return cr_raise(kind == CR_KIND_DATATYPE ? (struct cr_keyed *)MPI_COMM_WORLD : object, rc,
                    name);
}

static int set(enum cr_kind kind, void *object, int key, void *value, const char *name)
{
    int rc = wrong_code(kind);

    cr_gate_enter();
    if (cr_wrap_is(object, kind))
        rc = cr_attribute_set(kind, object, key, CR_ATTRIBUTE_POINTER, (MPI_Aint)value);
    cr_gate_leave();
    return finish(kind, object, rc, name);
}

static int get_own(void *object, int key, void *value, int *flag)
{
    enum cr_attribute_form form;
    MPI_Aint *place;
    int found = cr_attribute_get(*cr_attributes_of(object), key, &form, &place);
    void *seen;

    if (found < 0)
        return MPI_ERR_KEYVAL;
    *flag = found;
    if (found == 0)
        return MPI_SUCCESS;
    seen = form == CR_ATTRIBUTE_POINTER ? (void *)*place : (void *)place;
    memcpy(value, &seen, sizeof(seen));
    return MPI_SUCCESS;
}

static int get_of_window(void *window, int key, void *value, int *flag)
{
    void *seen = cr_window_attribute(window, key);

    if (value == NULL || flag == NULL)
        return MPI_ERR_ARG;
    memcpy(value, &seen, sizeof(seen));
    *flag = 1;
    return MPI_SUCCESS;
}

static int get(enum cr_kind kind, void *object, int key, void *value, int *flag, const char *name)
{
    int rc = wrong_code(kind);

    cr_gate_enter();
    if (cr_wrap_is(object, kind)) {
        if (kind == CR_KIND_WIN && key >= MPI_WIN_BASE && key <= MPI_WIN_MODEL) {
            rc = get_of_window(object, key, value, flag);
        } else {
            rc = value == NULL || flag == NULL ? MPI_ERR_ARG : get_own(object, key, value, flag);
        }
    }
    cr_gate_leave();
    return finish(kind, object, rc, name);
}

static int delete(enum cr_kind kind, void *object, int key, const char *name)
{
    int rc = wrong_code(kind);

    cr_gate_enter();
    if (cr_wrap_is(object, kind))
        rc = cr_attribute_delete(kind, object, key);
    cr_gate_leave();
    return finish(kind, object, rc, name);
}

#define FN(function) ((cr_attribute_fn *)(function))

CR_MPI(int, Comm_create_keyval,
       (MPI_Comm_copy_attr_function * copy, MPI_Comm_delete_attr_function *remove, int *key,
        void *extra))
{
    return create(CR_KIND_COMM, FN(copy), FN(remove), key, extra, "MPI_Comm_create_keyval");
}

CR_MPI(int, Keyval_create,
       (MPI_Copy_function * copy, MPI_Delete_function *remove, int *key, void *extra))
{
    return create(CR_KIND_COMM, FN(copy), FN(remove), key, extra, "MPI_Keyval_create");
}

CR_MPI(int, Type_create_keyval,
       (MPI_Type_copy_attr_function * copy, MPI_Type_delete_attr_function *remove, int *key,
        void *extra))
{
    return create(CR_KIND_DATATYPE, FN(copy), FN(remove), key, extra, "MPI_Type_create_keyval");
}

CR_MPI(int, Win_create_keyval,
       (MPI_Win_copy_attr_function * copy, MPI_Win_delete_attr_function *remove, int *key,
        void *extra))
{
    return create(CR_KIND_WIN, FN(copy), FN(remove), key, extra, "MPI_Win_create_keyval");
}

CR_MPI(int, Comm_free_keyval, (int *key))
{
    return free_key(CR_KIND_COMM, key, "MPI_Comm_free_keyval");
}

CR_MPI(int, Keyval_free, (int *key))
{
    return free_key(CR_KIND_COMM, key, "MPI_Keyval_free");
}

CR_MPI(int, Type_free_keyval, (int *key))
{
    return free_key(CR_KIND_DATATYPE, key, "MPI_Type_free_keyval");
}

CR_MPI(int, Win_free_keyval, (int *key))
{
    return free_key(CR_KIND_WIN, key, "MPI_Win_free_keyval");
}

CR_MPI(int, Comm_set_attr, (MPI_Comm comm, int key, void *value))
{
    return set(CR_KIND_COMM, comm, key, value, "MPI_Comm_set_attr");
}

CR_MPI(int, Attr_put, (MPI_Comm comm, int key, void *value))
{
    return set(CR_KIND_COMM, comm, key, value, "MPI_Attr_put");
}

CR_MPI(int, Type_set_attr, (MPI_Datatype type, int key, void *value))
{
    return set(CR_KIND_DATATYPE, type, key, value, "MPI_Type_set_attr");
}

CR_MPI(int, Win_set_attr, (MPI_Win win, int key, void *value))
{
    return set(CR_KIND_WIN, win, key, value, "MPI_Win_set_attr");
}

CR_MPI(int, Comm_get_attr, (MPI_Comm comm, int key, void *value, int *flag))
{
    return get(CR_KIND_COMM, comm, key, value, flag, "MPI_Comm_get_attr");
}

CR_MPI(int, Attr_get, (MPI_Comm comm, int key, void *value, int *flag))
{
    return get(CR_KIND_COMM, comm, key, value, flag, "MPI_Attr_get");
}

CR_MPI(int, Type_get_attr, (MPI_Datatype type, int key, void *value, int *flag))
{
    return get(CR_KIND_DATATYPE, type, key, value, flag, "MPI_Type_get_attr");
}

CR_MPI(int, Win_get_attr, (MPI_Win win, int key, void *value, int *flag))
{
    return get(CR_KIND_WIN, win, key, value, flag, "MPI_Win_get_attr");
}

CR_MPI(int, Comm_delete_attr, (MPI_Comm comm, int key))
{
    return delete (CR_KIND_COMM, comm, key, "MPI_Comm_delete_attr");
}

CR_MPI(int, Attr_delete, (MPI_Comm comm, int key))
{
    return delete (CR_KIND_COMM, comm, key, "MPI_Attr_delete");
}

CR_MPI(int, Type_delete_attr, (MPI_Datatype type, int key))
{
    return delete (CR_KIND_DATATYPE, type, key, "MPI_Type_delete_attr");
}

CR_MPI(int, Win_delete_attr, (MPI_Win win, int key))
{
    return delete (CR_KIND_WIN, win, key, "MPI_Win_delete_attr");
}

/* The functions behind MPI_COMM_DUP_FN and the like: C's have these names in the library. */
#define DUP(name, type)                                                                            \
    EXPORT int name(type object, int key, void *extra, void *in, void *out, int *flag)             \
    {                                                                                              \
        (void)object;                                                                              \
        (void)key;                                                                                 \
        (void)extra;                                                                               \
        memcpy(out, &in, sizeof(in));                                                              \
        *flag = 1;                                                                                 \
        return MPI_SUCCESS;                                                                        \
    }
#define NULL_COPY(name, type)                                                                      \
    EXPORT int name(type object, int key, void *extra, void *in, void *out, int *flag)             \
    {                                                                                              \
        (void)object;                                                                              \
        (void)key;                                                                                 \
        (void)extra;                                                                               \
        (void)in;                                                                                  \
        (void)out;                                                                                 \
        *flag = 0;                                                                                 \
        return MPI_SUCCESS;                                                                        \
    }
#define NULL_DELETE(name, type)                                                                    \
    EXPORT int name(type object, int key, void *value, void *extra)                                \
    {                                                                                              \
        (void)object;                                                                              \
        (void)key;                                                                                 \
        (void)value;                                                                               \
        (void)extra;                                                                               \
        return MPI_SUCCESS;                                                                        \
    }

DUP(OMPI_C_MPI_COMM_DUP_FN, MPI_Comm)
DUP(OMPI_C_MPI_DUP_FN, MPI_Comm)
DUP(OMPI_C_MPI_TYPE_DUP_FN, MPI_Datatype)
DUP(OMPI_C_MPI_WIN_DUP_FN, MPI_Win)
NULL_COPY(OMPI_C_MPI_COMM_NULL_COPY_FN, MPI_Comm)
NULL_COPY(OMPI_C_MPI_NULL_COPY_FN, MPI_Comm)
NULL_COPY(OMPI_C_MPI_TYPE_NULL_COPY_FN, MPI_Datatype)
NULL_COPY(OMPI_C_MPI_WIN_NULL_COPY_FN, MPI_Win)
NULL_DELETE(OMPI_C_MPI_COMM_NULL_DELETE_FN, MPI_Comm)
NULL_DELETE(OMPI_C_MPI_NULL_DELETE_FN, MPI_Comm)
NULL_DELETE(OMPI_C_MPI_TYPE_NULL_DELETE_FN, MPI_Datatype)
NULL_DELETE(OMPI_C_MPI_WIN_NULL_DELETE_FN, MPI_Win)
