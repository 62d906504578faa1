/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. In a build without the restore engine. */
#include "cr_lower_restore.h"

int cr_lower_restore(const char *folder, struct cr_error *err)
{
    return cr_fail(err, CR_EKERNEL, "%s: this build cannot restart (no restore engine)", folder);
}
