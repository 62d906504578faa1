/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Attributes of communicators, datatypes and windows. They live in the upper half,
 * so that they need not be made again after a restart. The bindings' functions (ompi_attr_...) are
 * in cr_attribute_fortran.c.
 */
#ifndef CR_ATTRIBUTE_H
#define CR_ATTRIBUTE_H

#include "cr_object.h"

/* Bits of Open MPI that the bindings pass when they make a keyval. */
enum { CR_KEYVAL_PREDEFINED = 1, CR_KEYVAL_FORTRAN = 2, CR_KEYVAL_FORTRAN_INT = 4 };

/*
 * How a value was set: it is read differently by C and by Fortran (MPI standard, section 17.2.7).
 */
enum cr_attribute_form { CR_ATTRIBUTE_POINTER, CR_ATTRIBUTE_INT, CR_ATTRIBUTE_AINT };

typedef void cr_attribute_fn(void); /* cast to the function type of its kind and language */

struct cr_keyval_spec {
    enum cr_kind kind;
    cr_attribute_fn *copy, *remove;
    void *extra_state; /* Fortran: the integer itself */
    int flags;         /* CR_KEYVAL_x */
};

/* A code of MPI. */
int cr_keyval_create(const struct cr_keyval_spec *spec, int *ret_key);
int cr_keyval_free(enum cr_kind kind, int *key);

/* OBJECT is a handle of KIND; deletes the old value first. A code of MPI. */
int cr_attribute_set(enum cr_kind kind, void *object, int key, enum cr_attribute_form form,
                     MPI_Aint value);
int cr_attribute_delete(enum cr_kind kind, void *object, int key);

/*
 * 1 and the value's place (valid until it is deleted) if KEY is set, 0 if not, -1 if there is no
 * such key.
 */
int cr_attribute_get(const struct cr_attributes *set, int key, enum cr_attribute_form *ret_form,
                     MPI_Aint **ret_value);

/* The object that SET belongs to. */
void *cr_attributes_owner(const struct cr_attributes *set);

/* First key that is not MPI's own. */
#define CR_KEYVAL_FIRST 32

#endif
