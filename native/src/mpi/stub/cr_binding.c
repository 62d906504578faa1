/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Helpers of Open MPI that its libraries for Fortran and Java call. Memory that
 * the caller frees comes from the application's malloc.
 */
#include "cr_stub_bind.h"
#include "cr_stub_wrap.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define OPAL_SUCCESS 0
#define OPAL_ERR_OUT_OF_RESOURCE (-2)

int ompi_fortran_string_f2c(const char *fortran, int length, char **ret_c);
EXPORT int ompi_fortran_string_f2c(const char *fortran, int length, char **ret_c)
{
    while (length > 0 && *fortran == ' ') {
        fortran++;
        length--;
    }
    while (length > 0 && fortran[length - 1] == ' ')
        length--;
    *ret_c = malloc((size_t)length + 1);
    if (*ret_c == NULL)
        return OPAL_ERR_OUT_OF_RESOURCE;
    memcpy(*ret_c, fortran, (size_t)length);
    (*ret_c)[length] = '\0';
    return OPAL_SUCCESS;
}

int ompi_fortran_string_c2f(const char *c, char *fortran, int length);
EXPORT int ompi_fortran_string_c2f(const char *c, char *fortran, int length)
{
    size_t used = strnlen(c, (size_t)length);

    memcpy(fortran, c, used);
    memset(fortran + used, ' ', (size_t)length - used);
    return OPAL_SUCCESS;
}

static int is_blank(const char *fortran, int length)
{
    while (length > 0 && fortran[length - 1] == ' ')
        length--;
    return length == 0;
}

/* COUNT strings of LENGTH, the next one STEP further, as a NULL-terminated array. */
static int strings_f2c(const char *array, int count, int length, int step, char ***ret_argv)
{
    char **argv = calloc((size_t)count + 1, sizeof(*argv));

    if (argv == NULL)
        return OPAL_ERR_OUT_OF_RESOURCE;
    for (int i = 0; i < count; i++) {
        if (ompi_fortran_string_f2c(array + (ptrdiff_t)i * step, length, &argv[i]) !=
            OPAL_SUCCESS) {
            for (int k = 0; k < i; k++)
                free(argv[k]);
            free(argv);
            return OPAL_ERR_OUT_OF_RESOURCE;
        }
    }
    *ret_argv = argv;
    return OPAL_SUCCESS;
}

/* An array that ends with a blank string. */
int ompi_fortran_argv_blank_f2c(const char *array, int length, int step, char ***ret_argv);
EXPORT int ompi_fortran_argv_blank_f2c(const char *array, int length, int step, char ***ret_argv)
{
    int count = 0;

    while (!is_blank(array + (ptrdiff_t)count * step, length))
        count++;
    return strings_f2c(array, count, length, step, ret_argv);
}

int ompi_fortran_argv_count_f2c(const char *array, int count, int length, int step,
                                char ***ret_argv);
EXPORT int ompi_fortran_argv_count_f2c(const char *array, int count, int length, int step,
                                       char ***ret_argv)
{
    return strings_f2c(array, count, length, step, ret_argv);
}

/* For MPI_Comm_spawn_multiple: COUNT arrays, interleaved in Fortran's order. */
int ompi_fortran_multiple_argvs_f2c(int count, const char *array, int length, char ****ret_argvs);
EXPORT int ompi_fortran_multiple_argvs_f2c(int count, const char *array, int length,
                                           char ****ret_argvs)
{
    char ***argvs = calloc((size_t)count, sizeof(*argvs));

    if (argvs == NULL)
        return OPAL_ERR_OUT_OF_RESOURCE;
    for (int i = 0; i < count; i++) {
        int rc = ompi_fortran_argv_blank_f2c(array + (ptrdiff_t)i * length, length, count * length,
                                             &argvs[i]);

        if (rc != OPAL_SUCCESS)
            return rc;
    }
    *ret_argvs = argvs;
    return OPAL_SUCCESS;
}

/* The predefined type of a class and size, as the Fortran library's handle. */
MPI_Datatype ompi_datatype_match_size(int size, uint16_t flags, int language);
EXPORT MPI_Datatype ompi_datatype_match_size(int size, uint16_t flags, int language)
{
    typedef MPI_Datatype match_fn(int size, uint16_t flags, int language);
    match_fn *real = (match_fn *)cr_stub_resolve("ompi_datatype_match_size");
    MPI_Datatype found;
    uint64_t fs;

    if (real == NULL)
        return MPI_DATATYPE_NULL;
    cr_gate_enter();
    fs = cr_lower_enter();
    found = real(size, flags, language);
    cr_lower_leave(fs);
    found = cr_datatype_known(found, "MPI_Type_match_size");
    cr_gate_leave();
    return found;
}

/* libmpi_java copies array slices of derived types with it. */
int opal_datatype_copy_content_same_ddt(MPI_Datatype type, int32_t count, char *to, char *from);
EXPORT int opal_datatype_copy_content_same_ddt(MPI_Datatype type, int32_t count, char *to,
                                               char *from)
{
    typedef int copy_fn(MPI_Datatype type, int32_t count, char *to, char *from);
    static copy_fn *real;
    static uint64_t generation;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    if (generation != cr_lower->generation) {
        real = (copy_fn *)cr_stub_resolve("opal_datatype_copy_content_same_ddt");
        generation = cr_lower->generation;
    }
    fs = cr_lower_enter();
    rc = real(CR_REAL_DATATYPE(type), count, to, from);
    cr_lower_leave(fs);
    cr_gate_leave();
    return rc;
}

/* An empty list of Open MPI's: MPI_Register_datarep of the Fortran library appends to it. */
struct list_item {
    void *class;
    void *references;
    struct list_item *next, *previous;
    int freed;
};
struct list {
    void *class;
    void *references;
    struct list_item end;
    size_t length;
};
extern char ompi_registered_datareps[];

__attribute__((constructor)) static void start(void)
{
    struct list *list = (struct list *)(void *)ompi_registered_datareps;

    list->end.next = list->end.previous = &list->end;
}
