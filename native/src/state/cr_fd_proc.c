/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What is opened again by the process itself, because it means another thing to every process: files of
 * processes in /proc, namespaces, pidfds. Something else holds the number until then.
 */
#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

#ifndef PIDFD_NONBLOCK
#define PIDFD_NONBLOCK O_NONBLOCK
#endif

static const char *const NAMESPACES[] = {"cgroup", "ipc",  "mnt",  "net",
                                         "pid",    "time", "user", "uts"};

static int is_process_path(const char *path)
{
    if (!cr_str_starts(path, "/proc/"))
        return 0;
    path += sizeof("/proc/") - 1;
    return (*path >= '0' && *path <= '9') || cr_str_starts(path, "self/") ||
           cr_str_equal(path, "self");
}

static int is_proc(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    (void)c;
    return (S_ISREG(file->st.st_mode) || S_ISDIR(file->st.st_mode)) && is_process_path(link) &&
           cr_path_leads_to(link, &file->st);
}

static int is_namespace(const struct cr_fd_collect *c, const struct cr_open_file *file,
                        const char *link)
{
    (void)c;
    (void)file;
    for (size_t i = 0; i < sizeof(NAMESPACES) / sizeof(*NAMESPACES); i++) {
        size_t length = cr_strlen(NAMESPACES[i]);

        if (cr_str_starts(link, NAMESPACES[i]) && cr_str_starts(link + length, ":["))
            return 1;
    }
    return 0;
}

/* Only namespaces that the process is in itself will be there at a restart. */
static int collect_namespace(struct cr_fd_collect *c, const struct cr_open_file *file,
                             const char *link, quiesce_image_Descriptor *d, struct cr_error *err)
{
    char own[80];
    size_t length = 0;

    (void)err;
    while (link[length] != ':')
        length++;
    cr_str_copy(d->path, sizeof(d->path), "/proc/self/ns/");
    cr_str_copy(d->path + sizeof("/proc/self/ns/") - 1, length + 1, link);
    if (cr_sys_readlink(d->path, own, sizeof(own)) > 0 && cr_str_equal(own, link))
        return 0;
    cr_refuse(
        c->refusals,
        "descriptor %d is a namespace (%s) in which the process is not itself; close it before "
        "the checkpoint",
        file->fd, link);
    return 0;
}

static int is_pidfd(const struct cr_fd_collect *c, const struct cr_open_file *file,
                    const char *link)
{
    (void)c;
    (void)file;
    return cr_str_equal(link, "anon_inode:[pidfd]") || cr_str_starts(link, "pidfd:");
}

/* Is PID this process, or below it? Then it is in the request, or there is none but this process. */
static int is_member(const struct cr_state *state, int pid)
{
    char path[40], parent[16];
    const char *at = parent;

    if (pid == cr_sys_getpid())
        return 1;
    if (!state->in_group)
        return 0;
    while (pid > 1 && pid != cr_sys_getpid()) {
        cr_fmt(path, sizeof(path), "/proc/%d/status", pid);
        if (cr_proc_find(path, "PPid:", parent, sizeof(parent)) < 0)
            return 0;
        at = parent;
        pid = (int)cr_parse_u64(&at, 10);
    }
    return pid == cr_sys_getpid();
}

static int collect_pidfd(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                         quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_PidFd p = {.fd = file->fd};
    const char *at;
    char *text;
    int rc = cr_fdinfo_read(c->scratch, file->fd, &text, err);

    (void)link;
    (void)d;
    if (rc < 0)
        return rc;
    at = cr_fdinfo_find(text, "Pid:");
    p.pid = at != NULL ? (int32_t)cr_parse_i64(&at) : -1;
    if (p.pid <= 0)
        cr_refuse(c->refusals,
                  "descriptor %d is a pidfd of a process that is gone; close it before the "
                  "checkpoint",
                  file->fd);
    else if (!is_member(c->state, p.pid))
        cr_refuse(
            c->refusals,
            "descriptor %d is a pidfd of process %d, which is not below this one and so not "
            "saved with it; close it before the checkpoint, or checkpoint a tree that has both",
            file->fd, p.pid);
    if (c->state->known_tid != NULL)
        p.pid = c->state->known_tid(p.pid);
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_PIDFD, quiesce_image_PidFd_fields, &p,
                        err);
}

static int fail(const quiesce_image_Descriptor *d, int rc, struct cr_error *err)
{
    return cr_fail(err, -rc, "cannot open %s again, which the program had as descriptor %d: %s",
                   d->path, d->fd, cr_error_words(-rc));
}

static int finish_path(struct cr_state *state, const quiesce_image_Descriptor *d,
                       struct cr_error *err)
{
    int fd = cr_sys_open(d->path, (int)d->status_flags | O_CLOEXEC | O_NOCTTY, 0);

    if (fd < 0)
        return fail(d, fd, err);
    if (d->offset > 0)
        cr_sys(SYS_lseek, fd, d->offset, SEEK_SET);
    return cr_fd_replace(state, d, fd, err);
}

static int finish_pidfd(struct cr_state *state, const quiesce_image_Descriptor *d,
                        struct cr_error *err)
{
    quiesce_image_PidFd p = quiesce_image_PidFd_init_zero;
    int rc = cr_fd_note_find(state, quiesce_image_NoteType_NOTE_PIDFD, quiesce_image_PidFd_fields,
                             d->fd, &p, err);
    int pid;
    int fd;

    if (rc < 0)
        return rc;
    pid = state->kernel_tid != NULL ? state->kernel_tid(p.pid) : p.pid;
    fd = (int)cr_sys(SYS_pidfd_open, pid, d->status_flags & (O_NONBLOCK | O_EXCL));
    return fd < 0 ? cr_fail(err, -fd, "cannot open a pidfd of process %d for descriptor %d: %s",
                            p.pid, d->fd, cr_error_words(-fd))
                  : cr_fd_replace(state, d, fd, err);
}

const struct cr_fd_kind cr_fd_proc = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_PROC,
                                      .matches = is_proc,
                                      .create = cr_fd_placeholder,
                                      .finish = finish_path,
                                      .turn = CR_FD_REPLACES};
const struct cr_fd_kind cr_fd_namespace = {.kind =
                                               quiesce_image_DescriptorKind_DESCRIPTOR_NAMESPACE,
                                           .matches = is_namespace,
                                           .collect = collect_namespace,
                                           .create = cr_fd_placeholder,
                                           .finish = finish_path,
                                           .turn = CR_FD_REPLACES};
const struct cr_fd_kind cr_fd_pidfd = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_PIDFD,
                                       .matches = is_pidfd,
                                       .collect = collect_pidfd,
                                       .create = cr_fd_placeholder,
                                       .finish = finish_pidfd,
                                       .turn = CR_FD_REPLACES};
