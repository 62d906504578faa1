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

/*
 * dlsym() takes locks, so functions that signal handlers may call are looked up before any handler
 * exists.
 */
void cr_preload_resolve(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaction(CR_STOP_SIGNAL, NULL, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    cr_preload_resolve_sockets();
}
