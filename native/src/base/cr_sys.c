/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_sys.h"

#include <errno.h>

long cr_sys_read_file(const char *path, char *buffer, size_t size)
{
    size_t length = 0;
    long n = 1;
    int fd = cr_sys_open(path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    while (n > 0 && length < size) {
        n = cr_sys_read(fd, buffer + length, size - length);
        if (n == -EINTR)
            n = 1;
        else if (n > 0)
            length += (size_t)n;
    }
    cr_sys_close(fd);
    if (n < 0)
        return n;
    if (length >= size)
        return -EFBIG;
    buffer[length] = '\0';
    return (long)length;
}

int cr_sys_write_all(int fd, const void *buffer, size_t size)
{
    const char *at = buffer;

    while (size > 0) {
        long n = cr_sys_write(fd, at, size);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int)n;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}
