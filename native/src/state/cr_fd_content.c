/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Memory files and deleted files are collected. */
#include "cr_fd_content.h"

#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>

struct cr_held *cr_held_find(const struct cr_state *state, uint64_t device, uint64_t inode)
{
    for (const struct cr_note *note = state->first; note != NULL; note = note->next) {
        struct cr_held *held = (struct cr_held *)note->data;

        if (note->type == quiesce_image_NoteType_NOTE_HELD && note->size == sizeof(*held) &&
            held->device == device && held->inode == inode)
            return held;
    }
    return NULL;
}

void cr_descriptors_release(const struct cr_state *state)
{
    for (const struct cr_note *note = state->first; note != NULL; note = note->next) {
        struct cr_held *held = (struct cr_held *)note->data;

        if (note->type != quiesce_image_NoteType_NOTE_HELD || note->size != sizeof(*held) ||
            held->length == 0)
            continue;
        cr_sys_munmap(held->start, held->length);
        held->length = 0;
    }
}

static int is_memory_file(const char *link)
{
    return cr_str_starts(link, "/memfd:") && cr_str_ends(link, CR_DELETED_SUFFIX);
}

static int is_content(const struct cr_fd_collect *c, const struct cr_open_file *file,
                      const char *link)
{
    (void)c;
    return S_ISREG(file->st.st_mode) && file->st.st_nlink == 0 &&
           cr_str_ends(link, CR_DELETED_SUFFIX) && link[0] == '/' &&
           !cr_str_starts(link, "/secretmem") && !cr_str_starts(link, "/proc/");
}

int cr_content_hold(struct cr_fd_collect *c, const struct cr_open_file *file,
                    const quiesce_image_Descriptor *d, uint64_t page, struct cr_error *err)
{
    int is_readable = (d->status_flags & O_ACCMODE) != O_WRONLY;
    int fd = is_readable ? file->fd : cr_fd_reopen(file->fd, O_RDONLY | O_NONBLOCK);
    uint64_t length = (d->size + page - 1) / page * page;
    uint64_t start = (uint64_t)fd;
    struct cr_held *held;
    void *body;
    int rc;

    if (cr_held_find(c->state, d->device, d->inode) != NULL)
        return 0;
    if (fd >= 0)
        start = cr_sys_mmap(0, length, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (!is_readable && fd >= 0)
        cr_sys_close(fd);
    if (cr_sys_is_error(start)) {
        cr_refuse(
            c->refusals,
            "descriptor %d is a deleted file (%s) whose contents cannot be read: %s; close it "
            "before the checkpoint, or do not delete it",
            file->fd, d->path, cr_error_words((int)-(int64_t)start));
        return 0;
    }
    rc = cr_state_add_raw(c->state, quiesce_image_NoteType_NOTE_HELD, sizeof(*held), &body, err);
    if (rc < 0) {
        cr_sys_munmap(start, length);
        return rc;
    }
    held = body;
    *held = (struct cr_held){d->device, d->inode, start, length};
    return 0;
}

/* The size of a page of a file of huge pages, and its logarithm; others have small ones. */
static uint64_t page_of(int fd, uint32_t *ret_shift)
{
    struct statfs fs;

    *ret_shift = 0;
    if (cr_sys(SYS_fstatfs, fd, &fs) < 0 || fs.f_type != HUGETLBFS_MAGIC)
        return CR_PAGE;
    while ((1L << *ret_shift) < fs.f_bsize)
        (*ret_shift)++;
    return (uint64_t)fs.f_bsize;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Content content = {.fd = file->fd, .memory = is_memory_file(link)};
    long seals = cr_sys(SYS_fcntl, file->fd, F_GET_SEALS, 0);
    uint64_t page = page_of(file->fd, &content.huge_shift);
    int rc = 0;

    content.seals = seals > 0 ? (uint32_t)seals : 0;
    content.mode = file->st.st_mode & 07777;
    content.size = d->size;
    if (content.huge_shift != 0 && !content.memory) {
        cr_refuse(c->refusals,
                  "descriptor %d is a deleted file of huge pages (%s); use memfd_create() with "
                  "MFD_HUGETLB instead",
                  file->fd, link);
        return 0;
    }
    if (d->size > 0)
        rc = cr_content_hold(c, file, d, page, err);
    if (rc == 0)
        rc = cr_locks_collect(c, d, err);
    if (rc < 0)
        return rc;
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_CONTENT, quiesce_image_Content_fields,
                        &content, err);
}

const struct cr_fd_kind cr_fd_content = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_CONTENT,
                                         .matches = is_content,
                                         .collect = collect,
                                         .create = cr_content_create,
                                         .finish = cr_content_finish};
