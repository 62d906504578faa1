/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The last steps for memory files: size, permissions, seals. A file is sealed against writing only when
 * nobody could write through a mapping; but what the restorer maps, it maps so that it can fill it.
 */
#include "cr_fd_content.h"

#include "cr_fd_common.h"
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#define WRITE_SEALS (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define PATIENCE 2500 /* times 2 ms: until other processes of the request are as far */

/* Maps again, through a descriptor that is not for writing, what is not written to. */
static int give_up_writing(const char *maps_text, int reader, const struct stat *st)
{
    char *at = (char *)maps_text;
    struct cr_maps_line line;

    while (cr_maps_next(&at, &line) > 0) {
        uint64_t got;

        if (line.inode != st->st_ino || line.device != st->st_dev || !line.shared ||
            (line.protection & PROT_WRITE) != 0)
            continue;
        got = cr_sys_mmap(line.start, line.end - line.start, (int)line.protection,
                          MAP_SHARED | MAP_FIXED, reader, line.offset);
        if (got != line.start)
            return (int)(int64_t)got;
    }
    return 0;
}

static int release_mappings(int fd)
{
    struct stat st;
    struct cr_arena arena;
    size_t length;
    char *text;
    int reader = cr_fd_reopen(fd, O_RDONLY);
    int rc = reader < 0 ? reader : cr_sys_fstat(fd, &st);

    if (rc == 0)
        rc = cr_arena_create(&arena, 64UL << 20);
    if (rc == 0) {
        rc = cr_proc_read(&arena, "/proc/self/maps", &text, &length, NULL);
        if (rc == 0)
            rc = give_up_writing(text, reader, &st);
        cr_arena_destroy(&arena);
    }
    if (reader >= 0)
        cr_sys_close(reader);
    return rc;
}

static int add_seals(int fd, uint32_t seals)
{
    const struct timespec step = {0, 2000000};
    int rc = -EBUSY;

    for (int i = 0; rc == -EBUSY && i < PATIENCE; i++) {
        rc = (int)cr_sys(SYS_fcntl, fd, F_ADD_SEALS, seals);
        if (rc == -EBUSY)
            cr_sys(SYS_nanosleep, &step, 0);
    }
    return rc;
}

static int finish_file(int fd, const quiesce_image_Content *content)
{
    uint32_t now = (uint32_t)cr_sys(SYS_fcntl, fd, F_GET_SEALS, 0);
    struct stat st;
    int rc = cr_sys_fstat(fd, &st);

    if (rc == 0 && (uint64_t)st.st_size != content->size)
        rc = (int)cr_sys(SYS_ftruncate, fd, content->size);
    if (rc == 0 && (st.st_mode & 07777) != content->mode)
        rc = (int)cr_sys(SYS_fchmod, fd, content->mode);
    if (rc < 0 || content->seals == 0 || now == content->seals)
        return rc;
    if ((content->seals & WRITE_SEALS) != 0)
        rc = release_mappings(fd);
    return rc == 0 ? add_seals(fd, content->seals) : rc;
}

/* Another process of the request, or another descriptor, may have done it before. */
static int is_finished(int fd, const quiesce_image_Content *content)
{
    struct stat st;

    return cr_sys_fstat(fd, &st) == 0 && (uint64_t)st.st_size == content->size &&
           (st.st_mode & 07777) == content->mode &&
           (content->seals == 0 || cr_sys(SYS_fcntl, fd, F_GET_SEALS, 0) == (long)content->seals);
}

int cr_content_seal(const quiesce_image_Descriptor *d, const quiesce_image_Content *content,
                    struct cr_error *err)
{
    int fd;
    int rc;

    if (is_finished(d->fd, content))
        return 0;
    fd = cr_fd_reopen(d->fd, O_RDWR);
    rc = fd < 0 ? fd : finish_file(fd, content);
    if (fd >= 0)
        cr_sys_close(fd);
    if (rc == 0 || is_finished(d->fd, content))
        return 0;
    return cr_fail(err, -rc,
                   "cannot give %s (descriptor %d) its size, permissions and seals again: %s",
                   d->path, d->fd, cr_error_words(-rc));
}
