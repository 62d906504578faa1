/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_util.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/stat.h>

#define READ_CHUNK 65536UL

void cr_scratch_begin(struct cr_scratch *scratch, struct cr_arena *lender)
{
    /* Always the same place in a nearly empty arena: its pages are there from the last time. */
    size_t used = lender->used < lender->size / 4 ? 0 : lender->used;
    size_t kept = CR_PAGE_UP(used + (lender->size - used) / 2);

    if (kept > lender->size)
        kept = lender->size;
    scratch->arena = (struct cr_arena){lender->base + kept, lender->size - kept, 0};
    scratch->lender = lender;
    lender->size = kept;
}

void cr_scratch_end(struct cr_scratch *scratch)
{
    cr_arena_reset(&scratch->arena);
    scratch->lender->size += scratch->arena.size;
}

int cr_fail_memory(struct cr_error *err)
{
    return cr_fail(err, ENOMEM,
                   "the checkpoint agent's working memory is used up; the process has more areas, "
                   "descriptors or pieces of memory than the agent reserved room for");
}

static long read_whole(struct cr_arena *arena, int fd, size_t *length)
{
    for (;;) {
        char *chunk = cr_arena_alloc(arena, READ_CHUNK);
        size_t filled = 0;

        if (chunk == NULL)
            return -ENOMEM;
        while (filled < READ_CHUNK) {
            long n = cr_sys_read(fd, chunk + filled, READ_CHUNK - filled);
            if (n == -EINTR)
                continue;
            if (n <= 0)
                return n;
            filled += (size_t)n;
            *length += (size_t)n;
        }
    }
}

int cr_proc_read(struct cr_arena *arena, const char *path, char **ret_text, size_t *ret_length,
                 struct cr_error *err)
{
    size_t mark = arena->used;
    size_t length = 0;
    long rc;
    int fd = cr_sys_open(path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return cr_fail(err, -fd, "cannot open %s: %s", path, cr_error_words(-fd));
    rc = read_whole(arena, fd, &length);
    cr_sys_close(fd);
    if (rc == -ENOMEM)
        return cr_fail_memory(err);
    if (rc < 0)
        return cr_fail(err, (int)-rc, "cannot read %s: %s", path, cr_error_words((int)-rc));
    /* Only LENGTH bytes were written, so what is given back is as it was. */
    arena->used = mark + ((length + 16) & ~15UL);
    *ret_text = (char *)(arena->base + mark);
    (*ret_text)[length] = '\0';
    *ret_length = length;
    return 0;
}

struct linux_dirent64 {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Appends to the list at the end of the arena; nothing else may be taken in between. */
static int append_number(struct cr_arena *arena, int *list, size_t count, int number)
{
    if (count % 256 == 0 && cr_arena_alloc(arena, 256 * sizeof(int)) == NULL)
        return -ENOMEM;
    list[count] = number;
    return 0;
}

static long list_numbers(struct cr_arena *arena, int directory, int *list, size_t *count)
{
    char buffer[2048] __attribute__((aligned(8)));
    long n;

    while ((n = cr_sys(SYS_getdents64, directory, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < n;) {
            const struct linux_dirent64 *entry = (const void *)(buffer + at);
            const char *digits = entry->name;
            int number;

            at += entry->size;
            if (*digits < '0' || *digits > '9')
                continue;
            number = (int)cr_parse_u64(&digits, 10);
            if (number == directory)
                continue;
            if (append_number(arena, list, *count, number) < 0)
                return -ENOMEM;
            (*count)++;
        }
    }
    return n;
}

int cr_proc_list(struct cr_arena *arena, const char *path, int **ret_numbers, size_t *ret_count,
                 struct cr_error *err)
{
    size_t mark = arena->used;
    int *list = (int *)(arena->base + mark);
    size_t count = 0;
    long rc;
    int directory = cr_sys_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (directory < 0)
        return cr_fail(err, -directory, "cannot open %s: %s", path, cr_error_words(-directory));
    rc = list_numbers(arena, directory, list, &count);
    cr_sys_close(directory);
    if (rc == -ENOMEM)
        return cr_fail_memory(err);
    if (rc < 0)
        return cr_fail(err, (int)-rc, "cannot list %s: %s", path, cr_error_words((int)-rc));
    *ret_numbers = list;
    *ret_count = count;
    return 0;
}

/* Lines are looked at as they stream by; the rest of a long one is passed over. */
struct line_finder {
    const char *name;
    char line[80];
    size_t length;
};

static int feed(struct line_finder *finder, char c)
{
    if (c != '\n') {
        if (finder->length + 1 < sizeof(finder->line))
            finder->line[finder->length++] = c;
        return 0;
    }
    finder->line[finder->length] = '\0';
    finder->length = 0;
    return cr_str_starts(finder->line, finder->name);
}

static int find_line(int fd, struct line_finder *finder)
{
    char buffer[256];
    long n;

    while ((n = cr_sys_read(fd, buffer, sizeof(buffer))) > 0) {
        for (long i = 0; i < n; i++) {
            if (feed(finder, buffer[i]))
                return 0;
        }
    }
    return n < 0 ? (int)n : -ENOENT;
}

int cr_proc_find(const char *path, const char *name, char *out, size_t size)
{
    struct line_finder finder = {.name = name};
    const char *value = finder.line;
    int fd = cr_sys_open(path, O_RDONLY | O_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return fd;
    rc = find_line(fd, &finder);
    cr_sys_close(fd);
    if (rc < 0)
        return rc;
    value += cr_strlen(name);
    while (*value == ' ' || *value == '\t')
        value++;
    cr_str_copy(out, size, value);
    return 0;
}

long cr_sys_readlink(const char *path, char *out, size_t size)
{
    long n = cr_sys(SYS_readlinkat, AT_FDCWD, path, out, size);

    if (n < 0)
        return n;
    if ((size_t)n >= size)
        return -ENAMETOOLONG;
    out[n] = '\0';
    return n;
}

int cr_sys_stat(const char *path, struct stat *ret_stat)
{
    return (int)cr_sys(SYS_newfstatat, AT_FDCWD, path, ret_stat, 0);
}

int cr_sys_fstat(int fd, struct stat *ret_stat)
{
    return (int)cr_sys(SYS_fstat, fd, ret_stat);
}

int64_t cr_stat_mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int cr_str_ends(const char *text, const char *suffix)
{
    size_t length = cr_strlen(text);
    size_t tail = cr_strlen(suffix);

    return length >= tail && cr_str_equal(text + length - tail, suffix);
}

void cr_refuse(struct cr_refusals *r, const char *format, ...)
{
    va_list args;

    if (r->count++ > 0)
        return;
    va_start(args, format);
    cr_vfmt(r->first, sizeof(r->first), format, args);
    va_end(args);
}

int cr_refusals_end(const struct cr_refusals *r, struct cr_error *err)
{
    if (r->count == 0)
        return 0;
    if (r->count == 1)
        return cr_fail(err, CR_EREFUSED, "%s", r->first);
    return cr_fail(err, CR_EREFUSED, "%s (and %u more that cannot be saved)", r->first,
                   r->count - 1);
}
