/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Lines of /proc/self/maps, and what kind of memory each one is. */
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define DEV_ZERO makedev(1, 5)

static int skip(char **at, char expected)
{
    if (**at != expected)
        return -EINVAL;
    (*at)++;
    return 0;
}

static uint64_t hex(char **at)
{
    const char *p = *at;
    uint64_t value = cr_parse_u64(&p, 16);

    *at = (char *)p;
    return value;
}

static uint64_t decimal(char **at)
{
    const char *p = *at;
    uint64_t value = cr_parse_u64(&p, 10);

    *at = (char *)p;
    return value;
}

static int parse_protection(char **at, struct cr_maps_line *line)
{
    char *p = *at;

    for (int i = 0; i < 4; i++) {
        if (p[i] == '\0' || p[i] == '\n')
            return -EINVAL;
    }
    line->protection = (p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
                       (p[2] == 'x' ? PROT_EXEC : 0);
    line->shared = p[3] == 's';
    *at = p + 4;
    return 0;
}

/* The kernel writes a newline in a name as \012, and nothing else is escaped. */
static void parse_name(char **at, struct cr_maps_line *line)
{
    char *p = *at;
    char *out;

    while (*p == ' ')
        p++;
    line->name = p;
    for (out = p; *p != '\n' && *p != '\0';) {
        if (cr_str_starts(p, "\\012")) {
            *out++ = '\n';
            p += 4;
        } else {
            *out++ = *p++;
        }
    }
    *at = *p == '\n' ? p + 1 : p;
    *out = '\0';
}

int cr_maps_next(char **at, struct cr_maps_line *ret_line)
{
    struct cr_maps_line line = {0};
    unsigned major;
    char *p = *at;

    if (*p == '\0')
        return 0;
    line.start = hex(&p);
    if (skip(&p, '-') < 0)
        return -EINVAL;
    line.end = hex(&p);
    if (skip(&p, ' ') < 0 || parse_protection(&p, &line) < 0 || skip(&p, ' ') < 0)
        return -EINVAL;
    line.offset = hex(&p);
    if (skip(&p, ' ') < 0)
        return -EINVAL;
    major = (unsigned)hex(&p);
    if (skip(&p, ':') < 0)
        return -EINVAL;
    line.device = makedev(major, (unsigned)hex(&p));
    if (skip(&p, ' ') < 0)
        return -EINVAL;
    line.inode = decimal(&p);
    if (line.start >= line.end || (*p != ' ' && *p != '\n' && *p != '\0'))
        return -EINVAL;
    parse_name(&p, &line);
    *at = p;
    *ret_line = line;
    return 1;
}

static void set_private(struct cr_area *area, uint32_t kind, uint32_t flags)
{
    area->kind = kind;
    area->flags = MAP_PRIVATE | flags;
}

static void classify_bracketed(const struct cr_maps_line *line, struct cr_area *area)
{
    if (cr_str_equal(line->name, "[vsyscall]") || cr_str_equal(line->name, "[uprobes]")) {
        set_private(area, quiesce_image_AreaKind_AREA_SKIPPED, 0);
    } else if (cr_str_equal(line->name, "[vdso]") || cr_str_starts(line->name, "[vvar")) {
        set_private(area, quiesce_image_AreaKind_AREA_VDSO, 0);
    } else if (cr_str_equal(line->name, "[stack]")) {
        set_private(area, quiesce_image_AreaKind_AREA_STACK, MAP_ANONYMOUS | MAP_GROWSDOWN);
    } else if (line->shared) {
        area->kind = quiesce_image_AreaKind_AREA_SHARED;
        area->flags = MAP_SHARED | MAP_ANONYMOUS;
    } else {
        set_private(area, quiesce_image_AreaKind_AREA_PRIVATE, MAP_ANONYMOUS);
    }
}

static void refuse_area(struct cr_refusals *r, const struct cr_maps_line *line, const char *what,
                        const char *remedy)
{
    cr_refuse(r, "memory at 0x%lx-0x%lx is %s (%s); %s", line->start, line->end, what,
              line->name[0] != '\0' ? line->name : "no name", remedy);
}

/*
 * The JVM's performance counters are a shared file that every other JVM of the user deletes once the process is gone; the
 * JVM itself only needs the memory.
 */
static int is_jvm_counters(const struct cr_maps_line *line)
{
    const char *at = line->name;

    while (*at != '\0' && !cr_str_starts(at, "/hsperfdata_"))
        at++;
    return *at != '\0' && line->shared;
}

/* Memory that has no file which a restart could open: its contents go into the image. */
static void classify_without_file(const struct cr_maps_line *line, struct cr_area *area)
{
    if (line->shared) {
        area->kind = quiesce_image_AreaKind_AREA_SHARED;
        area->flags = MAP_SHARED | MAP_ANONYMOUS;
    } else {
        set_private(area, quiesce_image_AreaKind_AREA_PRIVATE, MAP_ANONYMOUS);
    }
}

static int is_huge_page_name(const char *name)
{
    return cr_str_starts(name, "/anon_hugepage");
}

static void classify_deleted(const struct cr_maps_line *line, struct cr_area *area,
                             struct cr_refusals *r)
{
    if (cr_str_starts(line->name, "/[aio]"))
        refuse_area(r, line, "the ring of an asynchronous I/O context",
                    "call io_destroy() before the checkpoint");
    else
        classify_without_file(line, area);
    /* It never had a file that anybody could have written to. */
    if (is_huge_page_name(line->name) && !line->shared)
        area->inode = 0;
}

static void classify_file(const struct cr_maps_line *line, const struct stat *st,
                          struct cr_area *area, struct cr_refusals *r)
{
    struct statfs fs;

    if (S_ISCHR(st->st_mode) && st->st_rdev == DEV_ZERO) {
        classify_without_file(line, area);
        area->inode = 0;
        return;
    }
    if (S_ISREG(st->st_mode) && is_jvm_counters(line)) {
        classify_without_file(line, area);
        return;
    }
    if (!S_ISREG(st->st_mode)) {
        refuse_area(r, line, "a mapping of a device", "unmap and close it before the checkpoint");
        return;
    }
    if (cr_sys(SYS_statfs, line->name, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC) {
        refuse_area(r, line, "of huge pages (hugetlbfs)",
                    "map anonymous huge pages (MAP_HUGETLB) instead");
        return;
    }
    area->kind = line->shared ? quiesce_image_AreaKind_AREA_FILE_SHARED
                              : quiesce_image_AreaKind_AREA_FILE_PRIVATE;
    area->flags = line->shared ? MAP_SHARED : MAP_PRIVATE;
}

static void classify_path(const struct cr_maps_line *line, struct cr_area *area,
                          struct cr_refusals *r)
{
    struct stat st;
    int rc = cr_sys_stat(line->name, &st);

    /* A file may really be called "x (deleted)"; the inode tells. */
    if (cr_str_ends(line->name, CR_DELETED_SUFFIX) && (rc < 0 || st.st_ino != line->inode))
        classify_deleted(line, area, r);
    else if (rc < 0)
        refuse_area(r, line, "a mapping of a file that is not found under its name",
                    "a restart could not open it; unmap it or keep the file in place");
    else
        classify_file(line, &st, area, r);
}

static int is_of_same_file(const struct cr_maps_line *line, const struct cr_area *area)
{
    uint32_t kind = line->shared ? quiesce_image_AreaKind_AREA_FILE_SHARED
                                 : quiesce_image_AreaKind_AREA_FILE_PRIVATE;

    return area != NULL && area->kind == kind && area->inode == line->inode &&
           area->device == line->device && cr_str_equal(area->name, line->name);
}

void cr_maps_classify(const struct cr_maps_line *line, const struct cr_area *before,
                      struct cr_area *ret_area, struct cr_refusals *refusals)
{
    *ret_area = (struct cr_area){
        .start = line->start,
        .end = line->end,
        .offset = line->offset,
        .device = line->device,
        .inode = line->inode,
        .protection = line->protection,
        .name = line->name,
    };
    if (is_of_same_file(line, before)) {
        ret_area->kind = before->kind;
        ret_area->flags = before->flags;
    } else if (line->name[0] == '[') {
        classify_bracketed(line, ret_area);
    } else if (line->name[0] == '/') {
        classify_path(line, ret_area, refusals);
    } else if (line->name[0] == '\0' && line->inode == 0 && !line->shared) {
        set_private(ret_area, quiesce_image_AreaKind_AREA_PRIVATE, MAP_ANONYMOUS);
    } else {
        refuse_area(refusals, line, "a mapping of a kernel object",
                    "unmap and close it before the checkpoint");
    }
}

int cr_area_lost_its_file(const struct cr_area *area)
{
    return area->kind == quiesce_image_AreaKind_AREA_PRIVATE && area->inode != 0;
}
