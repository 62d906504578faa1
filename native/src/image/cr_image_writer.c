/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What goes into an image: its file, its notes, its runs. */
#include "cr_image_writer.h"

#include "cr_crc32c.h"
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_forks.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define HIGH_FD 960
#define HIGH_FD_MARGIN 32

/*
 * Descriptors of ours must not take the low numbers that the application would get from its next open(): while the image
 * is sealed, the application runs.
 */
static int move_high_now(int fd)
{
    struct rlimit64 limit = {0, 0};
    int high = HIGH_FD;
    int moved;

    if (fd < 0)
        return fd;
    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
    if (limit.rlim_cur < HIGH_FD + HIGH_FD_MARGIN)
        high = limit.rlim_cur > HIGH_FD_MARGIN ? (int)limit.rlim_cur - HIGH_FD_MARGIN : 0;
    moved = (int)cr_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, high);
    if (moved < 0)
        return fd;
    cr_sys_close(fd);
    return moved;
}

static int move_high(int fd)
{
    int moved = move_high_now(fd);

    cr_forks_let();
    return moved;
}

int cr_image_reopen(const struct cr_image_writer *w, int flags)
{
    char own[32];

    cr_forks_hold();
    if (!w->options.part)
        return move_high(cr_sys_open(w->partial, flags | O_CLOEXEC | O_NOFOLLOW, 0));
    cr_fmt(own, sizeof(own), "/proc/self/fd/%d", w->fd);
    return move_high(cr_sys_open(own, flags | O_CLOEXEC, 0));
}

void cr_image_place(struct cr_image_writer *w, int fd, uint64_t offset)
{
    w->fd = move_high_now(fd);
    w->base = offset;
}

int cr_image_create(const char *partial)
{
    cr_sys(SYS_unlinkat, AT_FDCWD, partial, 0);
    cr_forks_hold();
    return move_high(
        cr_sys_open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
}

static int take_over(struct cr_image_writer *w)
{
    struct cr_image_ready *ready = w->options.ready;

    if (ready == NULL || ready->fd < 0)
        return 0;
    w->fd = ready->fd;
    w->reserved = ready->reserved;
    ready->fd = -1;
    return 1;
}

static int create_file(struct cr_image_writer *w, struct cr_error *err)
{
    int rc = cr_fault("image:create");

    if (rc == 0 && take_over(w))
        return 0;
    if (rc == 0)
        rc = cr_image_create(w->partial);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot create %s: %s; choose a directory that you may write to",
                       w->partial, cr_error_words(-rc));
    w->fd = rc;
    return 0;
}

static char *join(struct cr_arena *arena, const char *text, const char *suffix)
{
    size_t length = cr_strlen(text);
    size_t size = length + cr_strlen(suffix) + 1;
    char *joined = cr_arena_alloc(arena, size);

    if (joined == NULL)
        return NULL;
    cr_str_copy(joined, size, text);
    cr_str_copy(joined + length, size - length, suffix);
    return joined;
}

static int no_memory(struct cr_error *err)
{
    return cr_fail(err, ENOMEM, "no room in the agent's memory for the index of the image");
}

int cr_image_begin(struct cr_arena *arena, const char *path, const struct cr_image_options *options,
                   struct cr_image_writer **ret_writer, struct cr_error *err)
{
    struct cr_image_writer *w = cr_arena_alloc(arena, sizeof(*w));
    int rc;

    if (w == NULL)
        return no_memory(err);
    *w = (struct cr_image_writer){.arena = arena, .options = *options, .fd = -1, .direct_fd = -1};
    w->path = join(arena, path, "");
    w->partial = join(arena, path, CR_PARTIAL_SUFFIX);
    if (w->path == NULL || w->partial == NULL)
        return no_memory(err);
    rc = options->part ? 0 : create_file(w, err);
    if (rc < 0)
        return rc;
    *ret_writer = w;
    return 0;
}

/* The CRC and length that stand before the message in a note of ours; NULL for the notes of any core file. */
static const uint32_t *own_prefix(const char *name, const void *data, size_t size,
                                  uint32_t prefix[2])
{
    uint32_t crc;

    if (!cr_str_equal(name, CR_NOTE_NAME))
        return NULL;
    prefix[1] = (uint32_t)size;
    crc = cr_crc32c(0, &prefix[1], sizeof(prefix[1]));
    prefix[0] = cr_crc32c(crc, data, size);
    return prefix;
}

int cr_image_add_note(struct cr_image_writer *w, const char *name, uint32_t type, const void *data,
                      size_t size, struct cr_error *err)
{
    uint32_t prefix[2];
    const uint32_t *own = own_prefix(name, data, size, prefix);
    size_t own_size = own != NULL ? sizeof(prefix) : 0;
    size_t name_size = cr_strlen(name) + 1;
    uint32_t base = own != NULL ? CR_NOTE_TYPE_BASE : 0;
    Elf64_Nhdr header = {(Elf64_Word)name_size, (Elf64_Word)(own_size + size), base + type};
    size_t padded_name = CR_IMAGE_NOTE_ALIGN(name_size);
    size_t bytes = sizeof(header) + padded_name + CR_IMAGE_NOTE_ALIGN(own_size + size);
    struct cr_note_block *block;
    uint8_t *at;

    if (size > UINT32_MAX - 64)
        return cr_fail(err, CR_EINTERNAL, "note %s %u is too long: %zu bytes", name, type, size);
    block = cr_arena_alloc(w->arena, sizeof(*block) + bytes);
    if (block == NULL)
        return no_memory(err);
    block->size = bytes;
    at = block->bytes;
    memcpy(at, &header, sizeof(header));
    memcpy(at + sizeof(header), name, name_size);
    at += sizeof(header) + padded_name;
    if (own != NULL)
        memcpy(at, own, own_size);
    if (size > 0)
        memcpy(at + own_size, data, size);
    if (w->last_note != NULL)
        w->last_note->next = block;
    else
        w->first_note = block;
    w->last_note = block;
    w->notes_size += bytes;
    return 0;
}

static int check_runs(struct cr_image_writer *w, const struct cr_run *runs, size_t count,
                      struct cr_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct cr_run *run = &runs[i];

        if (run->start < w->runs_end || run->size == 0 || run->start + run->size < run->start ||
            (run->start | run->size) % CR_PAGE != 0 || run->source > CR_RUN_ZERO)
            return cr_fail(err, CR_EINTERNAL, "run 0x%lx, 0x%lx bytes, source %u, after 0x%lx",
                           run->start, run->size, run->source, w->runs_end);
        w->runs_end = run->start + run->size;
    }
    return 0;
}

/* Runs that lie in the arena stay there; others are copied. NULL: no room. */
static const struct cr_run *keep_runs(struct cr_image_writer *w, const struct cr_run *runs,
                                      size_t count)
{
    uint64_t at = (uint64_t)runs;
    struct cr_run *copy;

    if (at >= w->arena->base && at < w->arena->base + w->arena->used)
        return runs;
    copy = cr_arena_alloc(w->arena, count * sizeof(*runs));
    if (copy != NULL)
        memcpy(copy, runs, count * sizeof(*runs));
    return copy;
}

int cr_image_add_runs(struct cr_image_writer *w, const struct cr_run *runs, size_t count,
                      struct cr_error *err)
{
    struct cr_run_block *block;
    int rc = check_runs(w, runs, count, err);

    if (rc < 0 || count == 0)
        return rc;
    block = cr_arena_alloc(w->arena, sizeof(*block));
    if (block == NULL)
        return no_memory(err);
    block->count = count;
    block->runs = keep_runs(w, runs, count);
    if (block->runs == NULL)
        return no_memory(err);
    if (w->last_runs != NULL)
        w->last_runs->next = block;
    else
        w->first_runs = block;
    w->last_runs = block;
    return 0;
}

struct cr_run_cursor cr_run_first(const struct cr_image_writer *w)
{
    return (struct cr_run_cursor){w->first_runs, 0};
}

const struct cr_run *cr_run_at(const struct cr_run_cursor *c)
{
    return c->block != NULL ? &c->block->runs[c->index] : NULL;
}

void cr_run_advance(struct cr_run_cursor *c)
{
    if (++c->index == c->block->count)
        *c = (struct cr_run_cursor){c->block->next, 0};
}

void cr_image_forget(struct cr_image_writer *w)
{
    if (w == NULL)
        return;
    if (w->direct_fd >= 0)
        cr_sys_close(w->direct_fd);
    if (w->fd >= 0)
        cr_sys_close(w->fd);
    w->fd = -1;
    w->direct_fd = -1;
}

void cr_image_abort(struct cr_image_writer *w)
{
    int made = w != NULL && w->fd >= 0 && !w->options.part;

    cr_image_forget(w);
    if (made)
        cr_sys(SYS_unlinkat, AT_FDCWD, w->partial, 0);
}
