/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Does what the first rank of a node does: node_start JOB-DIR CRNODE. Prints the run directory. */
#include "cr_fmt.h"
#include "cr_node_start.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct cr_node_launch launch = {.world_size = 2, .mpi_version = "none"};
    struct cr_error err = {0};
    struct cr_job_dir dir;

    if (argc != 3)
        return 2;
    launch.crnode = argv[2];
    launch.argument = argv;
    if (cr_job_dir_at(&dir, argv[1], NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    cr_str_copy(dir.job, sizeof(dir.job), "started");
    if (cr_node_start(&dir, &launch, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    puts(dir.run);
    return 0;
}
