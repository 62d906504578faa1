/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_environment.h"

#include "cr_fmt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Makes mpirun start each rank through us; a nested mpirun of the application shall not. */
#define FORK_AGENT "OMPI_MCA_orte_fork_agent="

static char *value_behind(char *entry, const char *name)
{
    size_t length = strlen(name);

    return strncmp(entry, name, length) == 0 && entry[length] == '=' ? entry + length + 1 : NULL;
}

static char *join(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 1;
    char *out = malloc(size);

    if (out != NULL)
        cr_fmt(out, size, "%s%s", name, value);
    return out;
}

/* What the application sees instead of ENTRY; NULL: nothing. */
static char *translate(char *entry)
{
    char *saved = value_behind(entry, CR_LOWER_SAVED_PRELOAD);

    if (saved != NULL)
        return join("LD_PRELOAD=", saved);
    saved = value_behind(entry, CR_LOWER_SAVED_AUDIT);
    if (saved != NULL)
        return join("LD_AUDIT=", saved);
    if (cr_str_starts(entry, CR_LOWER_PRIVATE_PREFIX) || cr_str_starts(entry, FORK_AGENT))
        return NULL;
    return entry;
}

char **cr_lower_environment_of_application(void)
{
    size_t i, count = 0, kept = 0;
    char **out;

    while (environ[count] != NULL)
        count++;
    out = malloc((count + 1) * sizeof *out);
    if (out == NULL)
        return NULL;
    for (i = 0; i < count; i++) {
        char *entry = translate(environ[i]);
        if (entry != NULL)
            out[kept++] = entry;
    }
    out[kept] = NULL;
    return out;
}

/*
 * Nothing but ours may patch mmap; and no memory hook of the lower half sees what the application
 * unmaps, so registrations of memory must not outlive a call.
 */
static void forget_registrations(void)
{
    static const char *const settings[][2] = {
        {"OMPI_MCA_memory", "^patcher"},
        {"OMPI_MCA_mpi_leave_pinned", "0"},
        {"OMPI_MCA_mpi_leave_pinned_pipeline", "0"},
        {"UCX_MEM_MMAP_HOOK_MODE", "none"},
        {"UCX_MEM_EVENTS", "n"},
        {"FI_MR_CACHE_MONITOR", "disabled"},
    };
    size_t i;

    /* Other names of the same two parameters. */
    unsetenv("OMPI_MCA_opal_leave_pinned");
    unsetenv("OMPI_MCA_opal_leave_pinned_pipeline");
    for (i = 0; i < sizeof settings / sizeof *settings; i++)
        setenv(settings[i][0], settings[i][1], 1);
}

void cr_lower_environment_set(void)
{
    /* Signal handlers belong to the application. */
    setenv("OMPI_MCA_opal_signal", "", 1);
    forget_registrations();
    /* Debian leaves pt2pt out, but where osc/rdma cannot work (tcp) there is no other one. */
    setenv("OMPI_MCA_osc", "^ucx", 0);
    /* UCX would catch SIGSEGV and friends to print a backtrace. */
    setenv("UCX_HANDLE_ERRORS", "none", 1);
    setenv("UCX_ERROR_SIGNALS", "", 1);
}
