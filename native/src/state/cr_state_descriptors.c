/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Descriptors: what is common to all, collected; kinds are asked for the rest. What no kind wants is refused
 * by number and in words.
 */
#include "cr_state_descriptors_parts.h"

#include "cr_fd_flight.h"
#include "cr_fd_owner.h"
#include "cr_state_kinds.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

#define DESCRIPTORS_PER_NOTE                                                                       \
    (sizeof(((quiesce_image_Descriptors *)0)->descriptor) / sizeof(quiesce_image_Descriptor))

static int is_standard(int fd)
{
    return fd >= 0 && fd <= 2;
}

int cr_descriptor_is_foreign(const struct cr_foreign *foreign, int fd)
{
    for (size_t i = 0; i < foreign->fd_count; i++) {
        if (foreign->fds[i] == fd)
            return 1;
    }
    return 0;
}

/* Files of our own process in /proc are called by "self", since the number may be another one after a restart. */
static void store_path(const char *link, char *out, size_t size)
{
    char own[32];
    size_t length = cr_fmt(own, sizeof(own), "/proc/%d/", cr_sys_getpid());

    if (cr_str_starts(link, own))
        cr_fmt(out, size, "/proc/self/%s", link + length);
    else
        cr_str_copy(out, size, link);
}

static void describe(const struct cr_open_file *file, int kind, const char *link,
                     quiesce_image_Descriptor *out)
{
    long flags = cr_sys(SYS_fcntl, file->fd, F_GETFL, 0);
    long offset = cr_sys(SYS_lseek, file->fd, 0, SEEK_CUR);

    *out = (quiesce_image_Descriptor){0};
    out->fd = file->fd;
    out->kind = (quiesce_image_DescriptorKind)kind;
    out->status_flags = (uint32_t)flags;
    out->close_on_exec = (cr_sys(SYS_fcntl, file->fd, F_GETFD, 0) & FD_CLOEXEC) != 0;
    out->offset = offset > 0 ? offset : 0;
    out->same_as = file->same_as;
    out->size = (uint64_t)file->st.st_size;
    out->mtime_ns = cr_stat_mtime_ns(&file->st);
    out->device = file->st.st_dev;
    out->inode = file->st.st_ino;
    store_path(link, out->path, sizeof(out->path));
}

static void refuse(struct cr_refusals *refusals, const struct cr_open_file *file, const char *link)
{
    char words[400];

    cr_descriptor_words(file, link, words, sizeof(words));
    cr_refuse(refusals, "descriptor %d is %s", file->fd, words);
}

/* What is sent again at a restart must be the thing itself then, with all that belongs to it. */
static int may_be_in_flight(const struct cr_fd_kind *kind)
{
    return kind->turn == CR_FD_LAST;
}

/* Saved where it stands, but not in flight. */
static void refuse_in_flight(struct cr_refusals *refusals, const struct cr_fd_kind *kind,
                             const char *link)
{
    if (kind->kind == quiesce_image_DescriptorKind_DESCRIPTOR_EPOLL)
        cr_refuse(refusals, "there is an epoll instance in flight in a Unix socket; let the "
                            "program receive it before the checkpoint");
    else
        cr_refuse(refusals,
                  "there is %s in flight in a Unix socket, which only its process can open; let "
                  "the program receive it before the checkpoint",
                  link);
}

static int flush(struct cr_state *state, quiesce_image_Descriptors *message, struct cr_error *err)
{
    int rc = 0;

    if (message->descriptor_count > 0)
        rc = cr_state_add(state, quiesce_image_NoteType_NOTE_DESCRIPTORS,
                          quiesce_image_Descriptors_fields, message, err);
    message->descriptor_count = 0;
    return rc;
}

struct work {
    quiesce_image_Descriptors message;
    char link[CR_PATH_SIZE];
};

int cr_fd_is_present(const struct cr_fd_collect *c, uint64_t device, uint64_t inode)
{
    for (size_t i = 0; i < c->file_count; i++) {
        if (c->files[i].st.st_ino == inode && c->files[i].st.st_dev == device)
            return 1;
    }
    for (size_t i = 0; i < c->state->present_count; i++) {
        if (c->state->present[i].inode == inode && c->state->present[i].device == device)
            return 1;
    }
    return 0;
}

/* A file in the place of a standard stream is the program's own, or its shell's: launchers give pipes, sockets and terminals. */
static int is_launchers(const struct cr_fd_collect *c, const struct cr_open_file *file)
{
    return c->state->foreign->keep_standard_streams && !S_ISREG(file->st.st_mode);
}

static const struct cr_fd_kind *find_kind(const struct cr_fd_collect *c,
                                          const struct cr_open_file *file, const char *link)
{
    int is_stream = is_standard(file->fd) || is_standard(file->same_as);

    if (is_stream && is_launchers(c, file))
        return &cr_fd_standard;
    for (size_t i = 0; cr_fd_kinds[i] != NULL; i++) {
        if (cr_fd_kinds[i]->matches(c, file, link))
            return cr_fd_kinds[i];
    }
    return NULL;
}

static int add_file(struct cr_fd_collect *c, const struct cr_open_file *file, struct work *work,
                    struct cr_error *err)
{
    const struct cr_fd_kind *kind = find_kind(c, file, work->link);
    quiesce_image_Descriptor *out = &work->message.descriptor[work->message.descriptor_count];
    int is_in_flight = cr_flight_has(c->state, file->fd);
    int rc = 0;

    if (kind == NULL) {
        refuse(c->refusals, file, work->link);
        return 0;
    }
    if (is_in_flight && !may_be_in_flight(kind)) {
        refuse_in_flight(c->refusals, kind, work->link);
        return 0;
    }
    describe(file, (int)kind->kind, work->link, out);
    out->in_flight = is_in_flight != 0;
    work->message.descriptor_count++;
    if (file->same_as >= 0)
        return 0;
    if (kind->collect != NULL)
        rc = kind->collect(c, file, work->link, out, err);
    if (rc == 0 && kind != &cr_fd_standard)
        rc = cr_owner_collect(c, file, out, err);
    return rc;
}

static int add_files(struct cr_fd_collect *c, struct work *work, struct cr_error *err)
{
    const struct cr_open_file *files = c->files;
    char path[40];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->file_count; i++) {
        size_t mark = c->scratch->used;

        if ((is_launchers(c, &files[i]) && is_standard(files[i].fd)) ||
            (files[i].same_as >= 0 && cr_flight_has(c->state, files[i].fd)))
            continue;
        cr_fmt(path, sizeof(path), "/proc/thread-self/fd/%d", files[i].fd);
        if (cr_sys_readlink(path, work->link, sizeof(work->link)) < 0)
            work->link[0] = '\0';
        rc = add_file(c, &files[i], work, err);
        cr_arena_rewind(c->scratch, mark);
        if (rc == 0 && work->message.descriptor_count == DESCRIPTORS_PER_NOTE)
            rc = flush(c->state, &work->message, err);
    }
    if (rc == 0)
        rc = cr_refusals_end(c->refusals, err);
    return rc == 0 ? flush(c->state, &work->message, err) : rc;
}

static int collect(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    struct cr_refusals refusals = {0};
    struct cr_fd_collect c = {.state = state, .scratch = arena, .refusals = &refusals};
    struct work *work = cr_arena_alloc(arena, sizeof(*work));
    struct cr_open_file *files = NULL;
    size_t count = 0;
    int rc =
        work != NULL ? cr_descriptors_list(state, arena, &files, &count, err) : cr_fail_memory(err);

    c.files = files;
    c.file_count = count;
    return rc < 0 ? rc : add_files(&c, work, err);
}

int cr_descriptors_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}
