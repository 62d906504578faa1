/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Paths below /proc/PID by the ids that the program knows. */
#include "cr_preload_pid.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Calls libc's NAME with PATH as the kernel knows it; BEFORE and what follows are its other arguments. */
#define WITH_PATH(name, path, call)                                                                \
    char room[PATH_MAX];                                                                           \
    const char *real = cr_preload_proc_path(path, room, sizeof(room));                             \
    return CR_NEXT(name) call

static mode_t mode_of(int flags, va_list more)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
}

#define MODE(flags)                                                                                \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    mode_t mode = mode_of(flags, more);                                                            \
    va_end(more)

CR_WRAPPER int open(const char *path, int flags, ...)
{
    MODE(flags);
    WITH_PATH(open, path, (real, flags, mode));
}

CR_WRAPPER int open64(const char *path, int flags, ...)
{
    MODE(flags);
    WITH_PATH(open64, path, (real, flags, mode));
}

CR_WRAPPER int openat(int directory, const char *path, int flags, ...)
{
    MODE(flags);
    WITH_PATH(openat, path, (directory, real, flags, mode));
}

CR_WRAPPER int openat64(int directory, const char *path, int flags, ...)
{
    MODE(flags);
    WITH_PATH(openat64, path, (directory, real, flags, mode));
}

CR_WRAPPER FILE *fopen(const char *path, const char *mode)
{
    WITH_PATH(fopen, path, (real, mode));
}

CR_WRAPPER FILE *fopen64(const char *path, const char *mode)
{
    WITH_PATH(fopen64, path, (real, mode));
}

CR_WRAPPER DIR *opendir(const char *path)
{
    WITH_PATH(opendir, path, (real));
}

CR_WRAPPER int access(const char *path, int mode)
{
    WITH_PATH(access, path, (real, mode));
}

CR_WRAPPER ssize_t readlink(const char *path, char *out, size_t size)
{
    WITH_PATH(readlink, path, (real, out, size));
}

CR_WRAPPER int stat(const char *path, struct stat *st)
{
    WITH_PATH(stat, path, (real, st));
}

CR_WRAPPER int stat64(const char *path, struct stat64 *st)
{
    WITH_PATH(stat64, path, (real, st));
}

CR_WRAPPER int lstat(const char *path, struct stat *st)
{
    WITH_PATH(lstat, path, (real, st));
}

CR_WRAPPER int lstat64(const char *path, struct stat64 *st)
{
    WITH_PATH(lstat64, path, (real, st));
}
