/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_page.h"

#include "cr_lower.h"
#include "cr_lower_fds.h"
#include "cr_lower_ranges.h"
#include "cr_lower_threads.h"
#include "cr_lower_transport.h"
#include "cr_lower_vdso.h"
#include "cr_sys.h"

#include <dlfcn.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(sizeof(struct cr_lower_info) <= CR_PAGE, "the shared page is one page");

static int resolve(const char *const *names, int count, void **out)
{
    int i, missing = 0;

    for (i = 0; i < count; i++) {
        out[i] = dlsym(RTLD_DEFAULT, names[i]);
        if (out[i] == NULL)
            missing++;
    }
    return missing;
}

static void mpi_started(void)
{
    struct cr_error err = {0, ""};

    if (cr_lower_transport_look(&err) == 0)
        return;
    fprintf(stderr, "cr_mpirank: %s\n", err.text);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
}

/* No two lower halves have the same pid at the same time of this machine; never 0. */
static uint64_t make_generation(void)
{
    return ((uint64_t)cr_sys_clock_ns(CLOCK_REALTIME) ^ ((uint64_t)cr_sys_getpid() << 40)) | 1;
}

int cr_lower_page_make(int restored, struct cr_error *err)
{
    uint64_t at = cr_sys_mmap(CR_LOWER_INFO_ADDRESS, CR_PAGE, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (at != CR_LOWER_INFO_ADDRESS)
        return cr_fail(err, CR_ECOLLISION, "the address %lx is taken in this process",
                       CR_LOWER_INFO_ADDRESS);
    cr_lower_ranges_add(at, at + CR_PAGE);
    cr_lower->version = CR_LOWER_VERSION;
    cr_lower->restored = (uint32_t)restored;
    cr_lower->generation = make_generation();
    cr_lower_threads_own_shadow(&cr_lower->main);
    cr_lower->resolve = resolve;
    cr_lower->new_shadow = cr_lower_threads_new_shadow;
    cr_lower->upper_fs = cr_lower_threads_upper_fs;
    cr_lower->ranges = cr_lower_ranges_copy;
    cr_lower->fds = cr_lower_fds_copy;
    cr_lower->thread_is_lower = cr_lower_threads_is_lower;
    cr_lower->mpi_started = mpi_started;
    cr_lower->rank = -1;
    cr_lower->pid = cr_sys_getpid();
    if (readlink("/proc/self/exe", cr_lower->program, sizeof cr_lower->program - 1) < 0)
        cr_lower->program[0] = '\0';
    cr_lower_vdso_bind();
    cr_lower->magic = CR_LOWER_MAGIC;
    return 0;
}
