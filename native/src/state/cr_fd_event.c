/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. eventfds with their count, and signalfds with their mask. */
#include "cr_fd_common.h"
#include "cr_state_descriptors_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

static int is_event(const struct cr_fd_collect *c, const struct cr_open_file *file,
                    const char *link)
{
    (void)c;
    return cr_fd_is_anonymous(file, link, "anon_inode:[eventfd]");
}

static int collect_event(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                         quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_EventFd e = {.fd = file->fd};
    uint64_t semaphore = 0;
    char *text;
    int rc = cr_fdinfo_read(c->scratch, file->fd, &text, err);

    (void)link;
    (void)d;
    if (rc < 0)
        return rc;
    if (cr_fdinfo_u64(text, "eventfd-count:", 16, &e.count) < 0 ||
        cr_fdinfo_u64(text, "eventfd-semaphore:", 10, &semaphore) < 0) {
        cr_refuse(c->refusals,
                  "descriptor %d is an eventfd of which this kernel does not say whether it is a "
                  "semaphore; close it before the checkpoint, or use Linux 6.5 or newer",
                  file->fd);
        return 0;
    }
    e.semaphore = semaphore != 0;
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_EVENTFD, quiesce_image_EventFd_fields,
                        &e, err);
}

static int create_event(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                        struct cr_error *err)
{
    quiesce_image_EventFd e = quiesce_image_EventFd_init_zero;
    int rc = cr_fd_note_find(c->state, quiesce_image_NoteType_NOTE_EVENTFD,
                             quiesce_image_EventFd_fields, d->fd, &e, err);
    int fd;

    if (rc < 0)
        return rc;
    fd = (int)cr_sys(SYS_eventfd2, 0,
                     EFD_CLOEXEC | EFD_NONBLOCK | (e.semaphore ? EFD_SEMAPHORE : 0));
    if (fd >= 0 && e.count > 0 && cr_sys_write(fd, &e.count, sizeof(e.count)) < 0) {
        cr_sys_close(fd);
        fd = -EINVAL;
    }
    return cr_fd_complete(c, d, fd, "an eventfd", err);
}

static int is_signal(const struct cr_fd_collect *c, const struct cr_open_file *file,
                     const char *link)
{
    (void)c;
    return cr_fd_is_anonymous(file, link, "anon_inode:[signalfd]");
}

static int collect_signal(struct cr_fd_collect *c, const struct cr_open_file *file,
                          const char *link, quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_SignalFd s = {.fd = file->fd};
    char *text;
    int rc = cr_fdinfo_read(c->scratch, file->fd, &text, err);

    (void)link;
    (void)d;
    if (rc < 0)
        return rc;
    if (cr_fdinfo_u64(text, "sigmask:", 16, &s.mask) < 0)
        return cr_fail(err, CR_EKERNEL, "the kernel does not tell the mask of signalfd %d",
                       file->fd);
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_SIGNALFD,
                        quiesce_image_SignalFd_fields, &s, err);
}

static int create_signal(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                         struct cr_error *err)
{
    quiesce_image_SignalFd s = quiesce_image_SignalFd_init_zero;
    int rc = cr_fd_note_find(c->state, quiesce_image_NoteType_NOTE_SIGNALFD,
                             quiesce_image_SignalFd_fields, d->fd, &s, err);

    if (rc < 0)
        return rc;
    return cr_fd_complete(c, d,
                          (int)cr_sys(SYS_signalfd4, -1, &s.mask, sizeof(s.mask), SFD_CLOEXEC),
                          "a signalfd", err);
}

const struct cr_fd_kind cr_fd_event = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_EVENTFD,
                                       .matches = is_event,
                                       .collect = collect_event,
                                       .create = create_event};
const struct cr_fd_kind cr_fd_signal = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_SIGNALFD,
                                        .matches = is_signal,
                                        .collect = collect_signal,
                                        .create = create_signal};
