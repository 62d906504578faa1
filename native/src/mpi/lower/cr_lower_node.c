/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_node.h"

#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_node_start.h"

#include <stdio.h>
#include <stdlib.h>

/* Set by the launchers that we know: mpirun, srun with PMIx or PMI; or by whoever named the job. */
static const char *const launch_variables[] = {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK",
                                               "SLURM_PROCID", "QUIESCE_JOB_DIR"};

static int is_launched(void)
{
    size_t i;

    for (i = 0; i < sizeof launch_variables / sizeof *launch_variables; i++) {
        if (getenv(launch_variables[i]) != NULL)
            return 1;
    }
    return 0;
}

static uint32_t world_size(void)
{
    const char *text = getenv("OMPI_COMM_WORLD_SIZE");

    if (text == NULL)
        text = getenv("SLURM_NTASKS");
    return text != NULL ? (uint32_t)cr_parse_u64(&text, 10) : 0;
}

int cr_lower_node_start(const char *program, char *const *arguments, const char *mpi_version,
                        struct cr_error *err)
{
    struct cr_node_launch launch = {world_size(), mpi_version, arguments, program};
    struct cr_job_dir dir;
    int rc;

    if (!is_launched())
        return 0;
    rc = cr_job_dir_find(&dir, err);
    if (rc < 0)
        return rc;
    cr_str_copy(cr_lower->job_directory, sizeof cr_lower->job_directory, dir.directory);
    cr_str_copy(cr_lower->run_directory, sizeof cr_lower->run_directory, dir.run);
    cr_str_copy(cr_lower->job, sizeof cr_lower->job, dir.job);
    if (program[0] == '\0')
        return cr_fail(err, CR_ENOTREADY, "libexec/quiesce/crnode is missing in this installation");
    return cr_node_start(&dir, &launch, err);
}
