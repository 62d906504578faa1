/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Finding the functions behind the wrappers. */
#include "cr_preload.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

void *cr_preload_next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (found == NULL) {
        fprintf(stderr,
                "libcr: the C library has no function %s; this version of Quiesce cannot "
                "run here\n",
                name);
        abort();
    }
    return found;
}

extern struct cr_preload_pointer __start_cr_preload_pointers[]
    __attribute__((visibility("hidden")));
extern struct cr_preload_pointer __stop_cr_preload_pointers[] __attribute__((visibility("hidden")));

void cr_preload_resolve(void)
{
    struct cr_preload_pointer *end = __stop_cr_preload_pointers;

    /* What this C library does not have is an error only for a program that calls it. */
    for (struct cr_preload_pointer *p = __start_cr_preload_pointers; p < end; p++)
        *p->pointer = dlsym(RTLD_NEXT, p->name);
}
