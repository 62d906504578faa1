/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Memory files and deleted files are made anew. */
#include "cr_fd_content.h"

#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#define PREFIX "/memfd:"

/* The name that memfd_create() was given, or for a deleted file its last one. */
static void name_of(const quiesce_image_Descriptor *d, char *out, size_t size)
{
    const char *name = d->path;
    size_t length;

    if (cr_str_starts(d->path, PREFIX)) {
        name = d->path + sizeof(PREFIX) - 1;
    } else {
        for (const char *at = d->path; *at != '\0'; at++)
            name = *at == '/' ? at + 1 : name;
    }
    length = cr_str_copy(out, size, name);
    if (cr_str_ends(out, CR_DELETED_SUFFIX))
        out[length - (sizeof(CR_DELETED_SUFFIX) - 1)] = '\0';
}

static int make_memory(const quiesce_image_Descriptor *d, uint32_t huge_shift)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    char name[250];

    if (huge_shift != 0)
        flags |= MFD_HUGETLB | huge_shift << 26;
    name_of(d, name, sizeof(name));
    return (int)cr_sys(SYS_memfd_create, name, flags);
}

/* Where it was, so that it needs the same file system's room; in memory where that cannot be had. */
static int make_file(const quiesce_image_Descriptor *d)
{
    char directory[CR_PATH_SIZE];
    size_t length = cr_str_copy(directory, sizeof(directory), d->path);
    int fd;

    while (length > 1 && directory[length - 1] != '/')
        length--;
    directory[length] = '\0';
    fd = cr_sys_open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : make_memory(d, 0);
}

/* Has the process another mapping of what is mapped at HELD? */
static int is_mapped_elsewhere(struct cr_arena *scratch, const struct cr_held *held)
{
    struct cr_maps_line line, own = {0};
    char *text, *at;
    size_t length;
    int count = 0;

    if (cr_proc_read(scratch, "/proc/self/maps", &text, &length, NULL) < 0)
        return 1;
    for (int pass = 0; pass < 2; pass++) {
        at = text;
        if (pass == 1 && cr_proc_read(scratch, "/proc/self/maps", &at, &length, NULL) < 0)
            return 1;
        while (cr_maps_next(&at, &line) > 0) {
            if (line.start == held->start)
                own = line;
            count += pass == 1 && line.inode == own.inode && line.device == own.device;
        }
    }
    return count != 1;
}

/* The restored process has the contents mapped already: this is the object, or takes its place. */
static int adopt(struct cr_fd_create *c, const struct cr_held *held, int made,
                 const quiesce_image_Descriptor *d, struct cr_error *err)
{
    char path[64];
    int fd;

    cr_fmt(path, sizeof(path), "/proc/self/map_files/%lx-%lx", held->start,
           held->start + held->length);
    fd = cr_sys_open(path, O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0) {
        cr_sys_close(made);
        return fd;
    }
    if (is_mapped_elsewhere(c->scratch, held))
        return cr_fail(err, CR_EPERMISSION,
                       "descriptor %d (%s) is mapped as well, and only root or a process with "
                       "CAP_CHECKPOINT_RESTORE may open that mapping",
                       d->fd, d->path);
    for (uint64_t done = 0; done < d->size;) {
        long n = cr_sys_pwrite(made, (const void *)(held->start + done), d->size - done, done);

        if (n <= 0)
            return cr_fail(err, n < 0 ? (int)-n : EIO, "cannot put back %s (descriptor %d): %s",
                           d->path, d->fd, cr_error_words((int)-n));
        done += (uint64_t)n;
    }
    return made;
}

static int make(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                const quiesce_image_Content *content, struct cr_fd_object *o, struct cr_error *err)
{
    const struct cr_held *held = c->in_process ? cr_held_find(c->state, d->device, d->inode) : NULL;
    int fd = content->memory ? make_memory(d, content->huge_shift) : make_file(d);
    int rc = fd < 0 ? fd : (int)cr_sys(SYS_ftruncate, fd, content->size);

    if (rc < 0) {
        if (fd >= 0)
            cr_sys_close(fd);
        return cr_fail(err, -rc, "cannot make the deleted file of descriptor %d (%s) again: %s",
                       d->fd, d->path, cr_error_words(-rc));
    }
    if (held != NULL && held->length > 0) {
        rc = adopt(c, held, fd, d, err);
        if (rc < 0)
            cr_sys_close(fd);
        fd = rc;
    }
    o->fds[0] = cr_fd_raise(fd, c->floor);
    return o->fds[0] < 0
               ? cr_fail(err, -o->fds[0], "no descriptor is left: %s", cr_error_words(-o->fds[0]))
               : 0;
}

int cr_content_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    quiesce_image_Content content = quiesce_image_Content_init_zero;
    struct cr_fd_object *o = cr_fd_pool_find(c->pool, cr_fd_content.kind, d->device, d->inode);
    int rc = cr_fd_note_find(c->state, quiesce_image_NoteType_NOTE_CONTENT,
                             quiesce_image_Content_fields, d->fd, &content, err);
    int fd;

    if (rc == 0 && o == NULL) {
        o = cr_fd_pool_add(c->pool, cr_fd_content.kind, d->device, d->inode);
        rc = o != NULL ? make(c, d, &content, o, err) : cr_fail_memory(err);
    }
    if (rc < 0)
        return rc;
    fd =
        cr_fd_reopen(o->fds[0], (int)(d->status_flags & (O_ACCMODE | O_APPEND | O_SYNC | O_DSYNC)));
    fd = cr_fd_complete(c, d, fd, "a deleted file", err);
    if (fd >= 0 && d->offset > 0)
        cr_sys(SYS_lseek, fd, d->offset, SEEK_SET);
    return fd;
}

int cr_content_finish(struct cr_state *state, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    quiesce_image_Content content = quiesce_image_Content_init_zero;
    int rc = cr_fd_note_find(state, quiesce_image_NoteType_NOTE_CONTENT,
                             quiesce_image_Content_fields, d->fd, &content, err);

    if (rc == 0)
        rc = cr_content_seal(d, &content, err);
    return rc < 0 ? rc : cr_locks_put_back(state, d, err);
}
