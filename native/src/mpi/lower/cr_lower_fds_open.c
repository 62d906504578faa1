/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal, lower half. Exported stand-ins for the C library's functions that open files and
 * duplicate or close descriptors. They make the system call themselves and differ from the
 * originals only in that they are no cancellation points.
 */
#include "cr_lower_fds.h"

#include "cr_sys.h"

#include <errno.h>
#include <stdarg.h>

#define EXPORT __attribute__((visibility("default")))

/* The C library's declarations are attributes- and fortify-laden; these are the plain ones. */
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int openat(int directory, const char *path, int flags, ...);
int openat64(int directory, const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
int creat(const char *path, mode_t mode);
int creat64(const char *path, mode_t mode);
int dup(int fd);
int dup2(int fd, int to);
int dup3(int fd, int to, int flags);
int fcntl(int fd, int command, ...);
int fcntl64(int fd, int command, ...);
int close(int fd);

static int result(long rc)
{
    if (rc >= 0)
        return (int)rc;
    errno = (int)-rc;
    return -1;
}

static int opened(int directory, const char *path, int flags, mode_t mode)
{
    return result(cr_lower_fds_add(cr_sys_openat(directory, path, flags, mode)));
}

#define MODE(flags, last)                                                                          \
    __extension__({                                                                                \
        mode_t mode_ = 0;                                                                          \
        if ((flags) & (O_CREAT | O_TMPFILE)) {                                                     \
            va_list args_;                                                                         \
            va_start(args_, last);                                                                 \
            mode_ = va_arg(args_, mode_t);                                                         \
            va_end(args_);                                                                         \
        }                                                                                          \
        mode_;                                                                                     \
    })

EXPORT int open(const char *path, int flags, ...)
{
    return opened(AT_FDCWD, path, flags, MODE(flags, flags));
}

EXPORT int open64(const char *path, int flags, ...)
{
    return opened(AT_FDCWD, path, flags, MODE(flags, flags));
}

EXPORT int openat(int directory, const char *path, int flags, ...)
{
    return opened(directory, path, flags, MODE(flags, flags));
}

EXPORT int openat64(int directory, const char *path, int flags, ...)
{
    return opened(directory, path, flags, MODE(flags, flags));
}

EXPORT int __open_2(const char *path, int flags)
{
    return opened(AT_FDCWD, path, flags, 0);
}

EXPORT int __open64_2(const char *path, int flags)
{
    return opened(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int directory, const char *path, int flags)
{
    return opened(directory, path, flags, 0);
}

EXPORT int __openat64_2(int directory, const char *path, int flags)
{
    return opened(directory, path, flags, 0);
}

EXPORT int creat(const char *path, mode_t mode)
{
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int creat64(const char *path, mode_t mode)
{
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

EXPORT int dup(int fd)
{
    return result(cr_lower_fds_add((int)cr_sys(SYS_dup, fd)));
}

EXPORT int dup2(int fd, int to)
{
    return result(cr_lower_fds_add((int)cr_sys(SYS_dup2, fd, to)));
}

EXPORT int dup3(int fd, int to, int flags)
{
    return result(cr_lower_fds_add((int)cr_sys(SYS_dup3, fd, to, flags)));
}

static int controlled(int fd, int command, long argument)
{
    long rc = cr_sys(SYS_fcntl, fd, command, argument);

    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        cr_lower_fds_add((int)rc);
    return result(rc);
}

EXPORT int fcntl(int fd, int command, ...)
{
    va_list args;
    long argument;

    va_start(args, command);
    argument = va_arg(args, long);
    va_end(args);
    return controlled(fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
    va_list args;
    long argument;

    va_start(args, command);
    argument = va_arg(args, long);
    va_end(args);
    return controlled(fd, command, argument);
}

EXPORT int close(int fd)
{
    /* Out of the table first: once it is closed, the application may get the number at any moment.
     * */
    cr_lower_fds_remove(fd);
    return result(cr_sys_close(fd));
}
