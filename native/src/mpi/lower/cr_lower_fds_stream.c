/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal, lower half. Exported stand-ins for functions of the C library that open a
 * descriptor inside themselves: streams, directories, temporary files, shared memory objects. They
 * call the original and look at what it returned. The original close calls do not come through our
 * close(), so the number leaves the table here.
 */
#include "cr_lower_fds.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default")))

/* The C library's function NAME, found once. */
#define ORIGINAL(name)                                                                             \
    __extension__({                                                                                \
        static __typeof__(name) *volatile found_;                                                  \
        if (found_ == NULL)                                                                        \
            found_ = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                                  \
        found_;                                                                                    \
    })

static FILE *opened(FILE *stream)
{
    if (stream != NULL)
        cr_lower_fds_add(fileno(stream));
    return stream;
}

static DIR *opened_directory(DIR *directory)
{
    if (directory != NULL)
        cr_lower_fds_add(dirfd(directory));
    return directory;
}

EXPORT FILE *fopen(const char *restrict path, const char *restrict mode)
{
    return opened(ORIGINAL(fopen)(path, mode));
}

EXPORT FILE *fopen64(const char *restrict path, const char *restrict mode)
{
    return opened(ORIGINAL(fopen64)(path, mode));
}

EXPORT FILE *freopen(const char *restrict path, const char *restrict mode, FILE *restrict stream)
{
    cr_lower_fds_remove(fileno(stream));
    return opened(ORIGINAL(freopen)(path, mode, stream));
}

EXPORT FILE *freopen64(const char *restrict path, const char *restrict mode, FILE *restrict stream)
{
    cr_lower_fds_remove(fileno(stream));
    return opened(ORIGINAL(freopen64)(path, mode, stream));
}

EXPORT FILE *tmpfile(void)
{
    return opened(ORIGINAL(tmpfile)());
}

EXPORT FILE *tmpfile64(void)
{
    return opened(ORIGINAL(tmpfile64)());
}

EXPORT FILE *popen(const char *command, const char *mode)
{
    return opened(ORIGINAL(popen)(command, mode));
}

EXPORT int pclose(FILE *stream)
{
    cr_lower_fds_remove(fileno(stream));
    return ORIGINAL(pclose)(stream);
}

EXPORT int fclose(FILE *stream)
{
    cr_lower_fds_remove(fileno(stream));
    return ORIGINAL(fclose)(stream);
}

EXPORT DIR *opendir(const char *path)
{
    return opened_directory(ORIGINAL(opendir)(path));
}

EXPORT int closedir(DIR *directory)
{
    cr_lower_fds_remove(dirfd(directory));
    return ORIGINAL(closedir)(directory);
}

EXPORT int shm_open(const char *name, int flags, mode_t mode)
{
    return cr_lower_fds_add(ORIGINAL(shm_open)(name, flags, mode));
}

EXPORT int mkstemp(char *template)
{
    return cr_lower_fds_add(ORIGINAL(mkstemp)(template));
}

EXPORT int mkstemp64(char *template)
{
    return cr_lower_fds_add(ORIGINAL(mkstemp64)(template));
}

EXPORT int mkostemp(char *template, int flags)
{
    return cr_lower_fds_add(ORIGINAL(mkostemp)(template, flags));
}

EXPORT int mkostemp64(char *template, int flags)
{
    return cr_lower_fds_add(ORIGINAL(mkostemp64)(template, flags));
}

EXPORT int mkstemps(char *template, int suffix)
{
    return cr_lower_fds_add(ORIGINAL(mkstemps)(template, suffix));
}
