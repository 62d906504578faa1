/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_image_read.h"

#include "cr_sys.h"

#include <errno.h>

int cr_image_read_at(int fd, const char *path, uint64_t base, void *buffer, size_t size,
                     uint64_t offset, struct cr_error *err)
{
    uint8_t *at = buffer;

    while (size > 0) {
        long n = cr_sys_pread(fd, at, size, base + offset);

        if (n == -EINTR)
            continue;
        if (n < 0)
            return cr_fail(err, (int)-n, "cannot read %s at offset %lu: %s", path, offset,
                           cr_error_words((int)-n));
        if (n == 0)
            return cr_fail(err, CR_EINCOMPLETE, "%s ends at offset %lu: it was cut short", path,
                           offset);
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}
