/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_fd_common.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>

/* What fcntl(F_SETFL) can put back; O_ASYNC comes with its owner. */
#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

int cr_fdinfo_read(struct cr_arena *arena, int fd, char **ret_text, struct cr_error *err)
{
    char path[48];
    size_t length;

    cr_fmt(path, sizeof(path), "/proc/thread-self/fdinfo/%d", fd);
    return cr_proc_read(arena, path, ret_text, &length, err);
}

const char *cr_fdinfo_find(const char *text, const char *name)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((at != text && at[-1] != '\n') || !cr_str_starts(at, name))
            continue;
        at += cr_strlen(name);
        while (*at == ' ' || *at == '\t')
            at++;
        return at;
    }
    return NULL;
}

int cr_fdinfo_u64(const char *text, const char *name, unsigned base, uint64_t *ret_value)
{
    const char *at = cr_fdinfo_find(text, name);

    if (at == NULL)
        return -ENOENT;
    *ret_value = cr_parse_u64(&at, base);
    return 0;
}

int cr_fd_complete(struct cr_fd_create *c, const quiesce_image_Descriptor *d, int fd,
                   const char *what, struct cr_error *err)
{
    long rc;

    fd = cr_fd_raise(fd, c->floor);
    if (fd < 0)
        return cr_fail(err, -fd, "cannot make descriptor %d, %s, again: %s", d->fd, what,
                       cr_error_words(-fd));
    rc = cr_sys(SYS_fcntl, fd, F_SETFL, d->status_flags & SETTABLE);
    if (rc >= 0)
        return fd;
    cr_sys_close(fd);
    return cr_fail(err, (int)-rc, "cannot put back the flags of descriptor %d, %s: %s", d->fd, what,
                   cr_error_words((int)-rc));
}

int cr_fd_placeholder(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      struct cr_error *err)
{
    int fd = cr_fd_raise(cr_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0), c->floor);

    return fd >= 0 ? fd
                   : cr_fail(err, -fd, "cannot open /dev/null for descriptor %d: %s", d->fd,
                             cr_error_words(-fd));
}

struct replacement {
    int fd;     /* the new description */
    int lowest; /* the descriptor whose place it takes */
};

static int replace_one(struct cr_state *state, const quiesce_image_Descriptor *d, void *argument,
                       struct cr_error *err)
{
    const struct replacement *r = argument;
    int rc;

    (void)state;
    if (d->fd != r->lowest && d->same_as != r->lowest)
        return 0;
    rc = (int)cr_sys(SYS_dup3, r->fd, d->fd, d->close_on_exec ? O_CLOEXEC : 0);
    return rc < 0
               ? cr_fail(err, -rc, "cannot put back descriptor %d: %s", d->fd, cr_error_words(-rc))
               : 0;
}

int cr_fd_replace(struct cr_state *state, const quiesce_image_Descriptor *d, int fd,
                  struct cr_error *err)
{
    struct replacement r = {fd, d->fd};
    int rc = cr_descriptors_each(state, replace_one, &r, err);

    cr_sys_close(fd);
    return rc;
}

int cr_fd_reopen(int fd, int flags)
{
    char path[48];

    cr_fmt(path, sizeof(path), "/proc/thread-self/fd/%d", fd);
    return cr_sys_open(path, flags | O_CLOEXEC, 0);
}

int cr_fd_is_anonymous(const struct cr_open_file *file, const char *link, const char *wanted)
{
    return (file->st.st_mode & S_IFMT) == 0 && cr_str_equal(link, wanted);
}
