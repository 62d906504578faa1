/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; rebuild: threads parked. Error classes, codes and texts that the application
 * adds. The real MPI numbers them one after the other, so adding them again in the same order gives
 * the same numbers.
 */
#include "cr_attribute.h"
#include "cr_stub_wrap.h"

#include <string.h>

enum what { ADD_CLASS, ADD_CODE, ADD_TEXT };

struct added {
    struct added *next;
    enum what what;
    int number; /* class of a code, code of a text */
    char text[MPI_MAX_ERROR_STRING];
};

static struct added *first, **last = &first;
static struct cr_lock added_lock;

static int add(struct added *a, int *ret_number)
{
    uint64_t fs = cr_lower_enter();
    int rc;

    if (a->what == ADD_CLASS)
        rc = CR_REAL(Add_error_class)(ret_number);
    else if (a->what == ADD_CODE)
        rc = CR_REAL(Add_error_code)(a->number, ret_number);
    else
        rc = CR_REAL(Add_error_string)(a->number, a->text);
    cr_lower_leave(fs);
    return rc;
}

static int record(enum what what, int number, const char *text, int *ret_number, const char *name)
{
    struct added *a;
    int rc;

    cr_gate_enter();
    a = cr_pool_alloc(sizeof(*a));
    a->what = what;
    a->number = number;
    if (text != NULL)
        strncpy(a->text, text, sizeof(a->text) - 1);
    rc = add(a, ret_number);
    if (rc == MPI_SUCCESS) {
        cr_lock_take(&added_lock);
        *last = a;
        last = &a->next;
        cr_lock_give(&added_lock);
        cr_attribute_refresh(); /* MPI_LASTUSEDCODE */
    } else {
        cr_pool_free(a, sizeof(*a));
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, name);
}

CR_MPI(int, Add_error_class, (int *errorclass))
{
    return record(ADD_CLASS, 0, NULL, errorclass, "MPI_Add_error_class");
}

CR_MPI(int, Add_error_code, (int errorclass, int *errorcode))
{
    return record(ADD_CODE, errorclass, NULL, errorcode, "MPI_Add_error_code");
}

CR_MPI(int, Add_error_string, (int errorcode, const char *string))
{
    return record(ADD_TEXT, errorcode, string, NULL, "MPI_Add_error_string");
}

void cr_error_class_rebuild(void)
{
    for (struct added *a = first; a != NULL; a = a->next) {
        int number;

        add(a, &number);
    }
}
