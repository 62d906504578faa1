/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What libmpi_mpifh and libmpi_cxx call for attributes: functions of Open MPI that
 * take the place of the object's attributes ("c_keyhash") instead of, or besides, the object. TYPE:
 * 1 communicator, 2 datatype, 3 window.
 */
#include "cr_attribute.h"
#include "cr_stub_wrap.h"

#include <stdbool.h>

#define EXPORT __attribute__((visibility("default")))

static const enum cr_kind kinds[] = {CR_KIND_NONE, CR_KIND_COMM, CR_KIND_DATATYPE, CR_KIND_WIN};

int ompi_attr_create_keyval(int type, cr_attribute_fn *copy, cr_attribute_fn *remove, int *key,
                            void *extra, int flags, void *bindings_extra);
EXPORT int ompi_attr_create_keyval(int type, cr_attribute_fn *copy, cr_attribute_fn *remove,
                                   int *key, void *extra, int flags, void *bindings_extra)
{
    struct cr_keyval_spec spec = {kinds[type & 3], copy, remove, extra, flags};
    int rc;

    (void)bindings_extra; /* C++ frees it with the keyval; the functions get it as EXTRA */
    cr_gate_enter();
    rc = cr_keyval_create(&spec, key);
    cr_gate_leave();
    return rc;
}

int ompi_attr_create_keyval_fint(int type, cr_attribute_fn *copy, cr_attribute_fn *remove, int *key,
                                 MPI_Fint extra, int flags, void *bindings_extra);
EXPORT int ompi_attr_create_keyval_fint(int type, cr_attribute_fn *copy, cr_attribute_fn *remove,
                                        int *key, MPI_Fint extra, int flags, void *bindings_extra)
{
    return ompi_attr_create_keyval(type, copy, remove, key, (void *)(MPI_Aint)extra,
                                   flags | CR_KEYVAL_FORTRAN | CR_KEYVAL_FORTRAN_INT,
                                   bindings_extra);
}

int ompi_attr_create_keyval_aint(int type, cr_attribute_fn *copy, cr_attribute_fn *remove, int *key,
                                 MPI_Aint extra, int flags, void *bindings_extra);
EXPORT int ompi_attr_create_keyval_aint(int type, cr_attribute_fn *copy, cr_attribute_fn *remove,
                                        int *key, MPI_Aint extra, int flags, void *bindings_extra)
{
    return ompi_attr_create_keyval(type, copy, remove, key, (void *)extra,
                                   flags | CR_KEYVAL_FORTRAN, bindings_extra);
}

static int set(int type, void *object, int key, enum cr_attribute_form form, MPI_Aint value)
{
    int rc;

    cr_gate_enter();
    rc = cr_wrap_is(object, kinds[type & 3])
             ? cr_attribute_set(kinds[type & 3], object, key, form, value)
             : MPI_ERR_ARG;
    cr_gate_leave();
    return rc == MPI_SUCCESS ? rc : cr_raise(object, rc, "MPI_Attr_put");
}

int ompi_attr_set_fint(int type, void *object, void *place, int key, MPI_Fint value,
                       bool predefined);
EXPORT int ompi_attr_set_fint(int type, void *object, void *place, int key, MPI_Fint value,
                              bool predefined)
{
    (void)place;
    (void)predefined;
    return set(type, object, key, CR_ATTRIBUTE_INT, value);
}

int ompi_attr_set_aint(int type, void *object, void *place, int key, MPI_Aint value,
                       bool predefined);
EXPORT int ompi_attr_set_aint(int type, void *object, void *place, int key, MPI_Aint value,
                              bool predefined)
{
    (void)place;
    (void)predefined;
    return set(type, object, key, CR_ATTRIBUTE_AINT, value);
}

static int get_of_window(const struct cr_attributes *attributes, int key, MPI_Aint *value,
                         int *flag)
{
    void *place = cr_window_attribute(cr_attributes_owner(attributes), key);

    if (key == MPI_WIN_BASE)
        *value = (MPI_Aint)place;
    else
        *value = key == MPI_WIN_SIZE ? *(MPI_Aint *)place : *(int *)place;
    *flag = 1;
    return MPI_SUCCESS;
}

static int get(const struct cr_attributes *attributes, int key, MPI_Aint *value, int *flag)
{
    enum cr_attribute_form form;
    MPI_Aint *place;
    int found;

    if (attributes != NULL && key >= MPI_WIN_BASE && key <= MPI_WIN_MODEL)
        return get_of_window(attributes, key, value, flag);
    found = cr_attribute_get(attributes, key, &form, &place);
    if (found < 0)
        return MPI_ERR_KEYVAL;
    *flag = found;
    if (found)
        *value = *place;
    return MPI_SUCCESS;
}

int ompi_attr_get_fint(const struct cr_attributes *attributes, int key, MPI_Fint *value, int *flag);
EXPORT int ompi_attr_get_fint(const struct cr_attributes *attributes, int key, MPI_Fint *value,
                              int *flag)
{
    MPI_Aint wide = 0;
    int rc;

    cr_gate_enter();
    rc = get(attributes, key, &wide, flag);
    if (rc == MPI_SUCCESS && *flag)
        *value = (MPI_Fint)wide;
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Attr_get");
}

int ompi_attr_get_aint(const struct cr_attributes *attributes, int key, MPI_Aint *value, int *flag);
EXPORT int ompi_attr_get_aint(const struct cr_attributes *attributes, int key, MPI_Aint *value,
                              int *flag)
{
    int rc;

    cr_gate_enter();
    rc = get(attributes, key, value, flag);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Attr_get");
}
