/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The kernel does not tell later which path a watch was set on, so it is noted here. */
#include "cr_fd_inotify.h"
#include "cr_preload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_noted(const struct stat *st, const char *path)
{
    const struct cr_inotify_path *p = __atomic_load_n(&cr_inotify_paths, __ATOMIC_ACQUIRE);

    while (p != NULL && (p->inode != st->st_ino || strcmp(p->path, path) != 0))
        p = p->next;
    return p != NULL;
}

static void add(const struct stat *st, const char *path)
{
    size_t size = strlen(path) + 1;
    struct cr_inotify_path *p;

    if (is_noted(st, path))
        return;
    p = malloc(sizeof(*p) + size);
    if (p == NULL)
        return;
    p->device = st->st_dev;
    p->inode = st->st_ino;
    memcpy(p->path, path, size);
    p->next = __atomic_load_n(&cr_inotify_paths, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&cr_inotify_paths, &p->next, p, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
        ;
}

/* The path as it is from the root, links resolved. */
static void note(const char *path, uint32_t mask)
{
    int flags = O_PATH | O_CLOEXEC | ((mask & IN_DONT_FOLLOW) != 0 ? O_NOFOLLOW : 0);
    int fd = open(path, flags);
    char link[48];
    char full[PATH_MAX];
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, full, sizeof(full) - 1);
    if (n > 0 && fstat(fd, &st) == 0) {
        full[n] = '\0';
        add(&st, full);
    }
    close(fd);
}

CR_WRAPPER int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
    int wd = CR_NEXT(inotify_add_watch)(fd, path, mask);
    int saved = errno;

    if (wd >= 0)
        note(path, mask);
    errno = saved;
    return wd;
}
