/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Pseudoterminals at a restart: an object of the pool, by its old number, holds a master and a slave. The number
 * is the old one if it is free.
 */
#include "cr_fd_pty.h"

#include "cr_sys.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <string.h>

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_PTY
#define MODE_FLAGS (O_NONBLOCK | O_ASYNC)
#define TRIES 64

static int fail(uint32_t index, long rc, struct cr_error *err)
{
    return cr_fail(err, (int)-rc,
                   "cannot make the pseudoterminal again that was /dev/pts/%u: %s; see whether "
                   "/dev/pts has room for one more (kernel.pty.max)",
                   index, cr_error_words((int)-rc));
}

/* The kernel gives the lowest number that is free: those before the old one are held for a moment. */
static int open_master(uint32_t index)
{
    int held[TRIES];
    int count = 0;
    int fd;

    for (;;) {
        uint32_t number = UINT32_MAX;

        fd = cr_sys_open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
        if (fd < 0 || cr_sys(SYS_ioctl, fd, TIOCGPTN, &number) < 0 || number >= index ||
            count == TRIES)
            break;
        held[count++] = fd;
    }
    while (count > 0)
        cr_sys_close(held[--count]);
    return fd;
}

static int open_slave(int master, int flags)
{
    return (int)cr_sys(SYS_ioctl, master, TIOCGPTPEER, flags | O_NOCTTY | O_CLOEXEC);
}

static struct cr_fd_object *find_or_make(struct cr_fd_create *c, uint32_t index,
                                         struct cr_error *err)
{
    struct cr_fd_object *o = cr_fd_pool_find(c->pool, KIND, 0, index);
    int unlock = 0;
    int fd;

    if (o != NULL)
        return o;
    o = cr_fd_pool_add(c->pool, KIND, 0, index);
    if (o == NULL) {
        cr_fail_memory(err);
        return NULL;
    }
    fd = open_master(index);
    if (fd < 0) {
        fail(index, fd, err);
        return NULL;
    }
    cr_sys(SYS_ioctl, fd, TIOCSPTLCK, &unlock);
    o->fds[0] = cr_fd_raise(fd, c->floor);
    return o;
}

static const quiesce_image_Pty *note_of(struct cr_arena *arena, const struct cr_state *state,
                                        int fd, struct cr_error *err)
{
    quiesce_image_Pty *p = cr_arena_alloc(arena, sizeof(*p));

    for (const struct cr_note *n = state->first; p != NULL && n != NULL; n = n->next) {
        if (n->type != quiesce_image_NoteType_NOTE_PTY)
            continue;
        if (cr_state_decode(n, quiesce_image_Pty_fields, p, err) < 0)
            return NULL;
        if (p->fd == fd)
            return p;
    }
    cr_fail(err, CR_EDAMAGED, "the image does not tell about the terminal that is descriptor %d",
            fd);
    return NULL;
}

int cr_pty_slave_of(const struct cr_fd_pool *pool, int index)
{
    const struct cr_fd_object *o =
        index >= 0 ? cr_fd_pool_find(pool, KIND, 0, (uint64_t)index) : NULL;

    return o != NULL ? o->fds[1] : -1;
}

/* A descriptor of the master is the pool's; each slave is opened by itself. */
int cr_pty_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    const quiesce_image_Pty *p = note_of(c->scratch, c->state, d->fd, err);
    struct cr_fd_object *o;
    int fd;

    if (p == NULL)
        return -err->code;
    o = find_or_make(c, p->index, err);
    if (o == NULL)
        return -err->code;
    if (!p->master) {
        fd = open_slave(o->fds[0], (int)d->status_flags & (O_ACCMODE | MODE_FLAGS));
        if (fd >= 0 && o->fds[1] < 0)
            o->fds[1] = (int)cr_sys(SYS_fcntl, fd, F_DUPFD_CLOEXEC, c->floor);
        return fd >= 0 ? fd : fail(p->index, fd, err);
    }
    o->value = (uint64_t)(uintptr_t)note_of(c->pool->arena, c->state, d->fd, err);
    if (d->status_flags & MODE_FLAGS)
        cr_sys(SYS_fcntl, o->fds[0], F_SETFL, d->status_flags & MODE_FLAGS);
    fd = (int)cr_sys(SYS_fcntl, o->fds[0], F_DUPFD_CLOEXEC, c->floor);
    return fd >= 0 ? fd : fail(p->index, fd, err);
}

static int fill(const struct cr_fd_object *o, const quiesce_image_Pty *p)
{
    int rc = cr_pty_put(o->fds[0], o->fds[1], 0, p->output.bytes, p->output.size);

    return rc == 0 ? cr_pty_put(o->fds[0], o->fds[1], 1, p->input.bytes, p->input.size) : rc;
}

static int complete_one(const struct cr_fd_object *o, const quiesce_image_Pty *p,
                        struct cr_error *err)
{
    int master = o->fds[0];
    int on = 1;
    long rc = 0;

    if (p->termios.size == sizeof(struct cr_termios))
        cr_sys(SYS_ioctl, master, TCSETS2, p->termios.bytes);
    if (p->window.size == sizeof(struct winsize))
        cr_sys(SYS_ioctl, master, TIOCSWINSZ, p->window.bytes);
    if (o->fds[1] >= 0)
        rc = fill(o, p);
    if (rc < 0)
        return fail(p->index, rc, err);
    if (p->packet)
        cr_sys(SYS_ioctl, master, TIOCPKT, &on);
    if (p->exclusive && o->fds[1] >= 0)
        cr_sys(SYS_ioctl, o->fds[1], TIOCEXCL, 0);
    if (p->locked)
        cr_sys(SYS_ioctl, master, TIOCSPTLCK, &on);
    return 0;
}

int cr_pty_complete(struct cr_fd_pool *pool, struct cr_error *err)
{
    int rc = 0;

    for (const struct cr_fd_object *o = pool->first; rc == 0 && o != NULL; o = o->next) {
        if (o->kind == KIND && o->value != 0)
            rc = complete_one(o, (const void *)(uintptr_t)o->value, err);
    }
    return rc;
}
