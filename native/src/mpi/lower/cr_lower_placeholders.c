/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. System calls are made directly, so that the descriptors are not taken for the
 * lower half's. */
#include "cr_lower_placeholders.h"

#include "cr_lower_fds.h"
#include "cr_sys.h"

#include <errno.h>

int cr_lower_placeholders_make(const int *fds, size_t count, struct cr_error *err)
{
    int null = cr_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    int keep_null = 0;
    size_t i;

    if (null < 0)
        return cr_fail(err, -null, "opening /dev/null");
    for (i = 0; i < count; i++) {
        long rc = 0;
        keep_null |= fds[i] == null;
        if (fds[i] > 2 && fds[i] != null)
            rc = cr_sys(SYS_dup3, null, fds[i], O_CLOEXEC);
        if (rc < 0)
            return cr_fail(err, (int)-rc, "keeping descriptor %d free for the application%s",
                           fds[i],
                           rc == -EBADF ? " (raise the limit of open files, ulimit -n)" : "");
    }
    if (!keep_null)
        cr_sys_close(null);
    return 0;
}

void cr_lower_placeholders_settle(const int *fds, size_t count)
{
    size_t i;

    cr_lower_fds_snapshot();
    for (i = 0; i < count; i++)
        cr_lower_fds_give_up(fds[i]);
}
