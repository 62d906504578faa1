/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_schizo_set.h"

#include <stddef.h>
#include <string.h>

/* Lists of names or paths, to which mpirun sets them for -am and for --tune; daemons get whole paths. */
static const char *const VARIABLES[] = {"OMPI_MCA_mca_base_param_file_prefix=",
                                        "OMPI_MCA_mca_base_envar_file_prefix="};
static const char *const SETS[] = {"ft-enable-cr", "ft-enable-cr-recovery"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define SEPARATORS ":,"

/* The first LENGTH bytes of FILE are a set of ours, with or without its directory. */
static int is_set(const char *file, size_t length)
{
    const char *slash = memrchr(file, '/', length);
    const char *name = slash != NULL ? slash + 1 : file;

    length -= (size_t)(name - file);
    for (size_t i = 0; i < COUNT(SETS); i++) {
        if (strlen(SETS[i]) == length && memcmp(SETS[i], name, length) == 0)
            return 1;
    }
    return 0;
}

static int lists_set(const char *list)
{
    while (*list != '\0') {
        size_t length = strcspn(list, SEPARATORS);

        if (is_set(list, length))
            return 1;
        list += length;
        list += strspn(list, SEPARATORS);
    }
    return 0;
}

int cr_schizo_set_chosen(char *const environment[])
{
    for (; environment != NULL && *environment != NULL; environment++) {
        for (size_t i = 0; i < COUNT(VARIABLES); i++) {
            size_t length = strlen(VARIABLES[i]);

            if (strncmp(*environment, VARIABLES[i], length) == 0 &&
                lists_set(*environment + length))
                return 1;
        }
    }
    return 0;
}

int cr_schizo_set_hands_on(const char *variable)
{
    return strncmp(variable, "QUIESCE_", strlen("QUIESCE_")) == 0;
}
