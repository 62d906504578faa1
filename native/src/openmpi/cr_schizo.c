/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. mca_schizo_quiesce.so, a component of Open MPI 4.0 and 4.1: mpirun and its daemons load it and, for a job
 * that was started with the parameter set ft-enable-cr, start every rank through cr_mpirank. For other jobs it does nothing.
 */
#include "cr_schizo_set.h"

#include <opal_config.h>
#include <orte_config.h>

#include <opal/util/argv.h>
#include <opal/util/opal_environ.h>
#include <orte/mca/schizo/schizo.h>
#include <orte/runtime/orte_globals.h>
#include <orte/types.h>
#include <orte/util/proc_info.h>

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if ORTE_MAJOR_VERSION != 4 || ORTE_MINOR_VERSION > 1
#error "these components are for Open MPI 4.0 and 4.1; other versions have other interfaces"
#endif

#define RANK_PROGRAM "cr_mpirank"
#define PREFIX_FROM_HERE "../../.." /* this is lib/quiesce/openmpi */
#define SETS "share/openmpi/amca-param-sets"
#define SETS_VARIABLE "OMPI_MCA_mca_base_param_file_path_force"

/* ---- places ---- */

/* PLACE as seen from this file, to which Open MPI's folder of components may only have a link. The caller frees it. */
static char *find_place(const char *place)
{
    char path[2 * PATH_MAX];
    char real[PATH_MAX];
    Dl_info here;
    char *slash;

    if (dladdr((void *)&cr_schizo_set_chosen, &here) == 0 || here.dli_fname == NULL ||
        realpath(here.dli_fname, real) == NULL)
        return NULL;
    slash = strrchr(real, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(path, sizeof(path), "%s/" PREFIX_FROM_HERE "/%s", real, place);
    /* A path that does not exist is left as it is: Open MPI then names it in its message. */
    return realpath(path, real) != NULL ? strdup(real) : strdup(path);
}

/* ---- mpirun ---- */

/* mpirun hands its own environment only to ranks of its own host; those of others get what is in the application's. */
static int hand_on(const char *variable, char ***to)
{
    const char *equals = strchr(variable, '=');
    char *name;

    if (equals == NULL)
        return ORTE_SUCCESS;
    name = strndup(variable, (size_t)(equals - variable));
    if (name == NULL)
        return ORTE_ERR_OUT_OF_RESOURCE;
    opal_setenv(name, equals + 1, false, to);
    free(name);
    return ORTE_SUCCESS;
}

/* Ranks look for the set again; without this each would say that it cannot find one that only a user has installed. */
static void tell_where_sets_are(char ***to)
{
    char *sets = getenv(SETS_VARIABLE) == NULL ? find_place(SETS) : NULL;

    if (sets != NULL)
        opal_setenv(SETS_VARIABLE, sets, false, to);
    free(sets);
}

static int parse_env(char *path, opal_cmd_line_t *words, char **from, char ***to)
{
    int rc = ORTE_SUCCESS;

    (void)path;
    (void)words;
    if (!cr_schizo_set_chosen(*to) && !cr_schizo_set_chosen(from))
        return ORTE_ERR_TAKE_NEXT_OPTION;
    for (; from != NULL && *from != NULL && rc == ORTE_SUCCESS; from++) {
        if (cr_schizo_set_hands_on(*from))
            rc = hand_on(*from, to);
    }
    tell_where_sets_are(to);
    return rc == ORTE_SUCCESS ? ORTE_ERR_TAKE_NEXT_OPTION : rc;
}

/* ---- mpirun and its daemons ---- */

/* A user's own fork agent stays. The set names ours without its directory. */
static int agent_is_ours_to_set(void)
{
    return orte_fork_agent == NULL || orte_fork_agent[0] == NULL ||
           strcmp(orte_fork_agent[0], RANK_PROGRAM) == 0;
}

/* Each daemon comes here for each application of a job before it starts ranks of it. */
static int setup_fork(orte_job_t *job, orte_app_context_t *application)
{
    char **agent;

    (void)job;
    if (!cr_schizo_set_chosen(application->env) && !cr_schizo_set_chosen(environ))
        return ORTE_SUCCESS;
    if (!agent_is_ours_to_set())
        return ORTE_SUCCESS;
    agent = calloc(2, sizeof(*agent));
    if (agent == NULL)
        return ORTE_ERR_OUT_OF_RESOURCE;
    agent[0] = find_place("libexec/quiesce/" RANK_PROGRAM);
    if (agent[0] == NULL) {
        free(agent);
        return ORTE_ERR_NOT_FOUND;
    }
    opal_argv_free(orte_fork_agent);
    orte_fork_agent = agent;
    return ORTE_SUCCESS;
}

/* ---- the component ---- */

static orte_schizo_base_module_t module = {.parse_env = parse_env, .setup_fork = setup_fork};

/* Ranks load it as well, and have no use for it. */
static int query(mca_base_module_t **ret_module, int *ret_priority)
{
    if (ORTE_PROC_IS_APP) {
        *ret_module = NULL;
        return ORTE_ERR_NOT_AVAILABLE;
    }
    *ret_module = (mca_base_module_t *)&module;
    *ret_priority = 5;
    return ORTE_SUCCESS;
}

/* Open MPI finds it by this name. */
ORTE_MODULE_DECLSPEC extern orte_schizo_base_component_t mca_schizo_quiesce_component;

orte_schizo_base_component_t mca_schizo_quiesce_component = {
    .base_version = {MCA_SCHIZO_BASE_VERSION_1_0_0, .mca_component_name = "quiesce",
                     MCA_BASE_MAKE_VERSION(component, ORTE_MAJOR_VERSION, ORTE_MINOR_VERSION,
                                           ORTE_RELEASE_VERSION),
                     .mca_query_component = query},
    .base_data = {MCA_BASE_METADATA_PARAM_CHECKPOINT}};
