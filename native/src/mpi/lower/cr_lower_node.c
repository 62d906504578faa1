/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_node.h"

#include "cr_fmt.h"
#include "cr_lower.h"

#include <stdlib.h>

static void copy_variable(char *out, size_t size, const char *name)
{
    const char *value = getenv(name);

    if (value != NULL)
        cr_str_copy(out, size, value);
}

void cr_lower_node_start(const char *program)
{
    (void)program;
    copy_variable(cr_lower->job_directory, sizeof cr_lower->job_directory, "QUIESCE_JOB_DIR");
    copy_variable(cr_lower->job, sizeof cr_lower->job, "QUIESCE_JOB");
}
