/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Pseudoterminals at a checkpoint. The kernel shows nothing of what is on the way through one: it is taken out
 * and put in again while everybody stands still, with the modes that change no byte.
 */
#include "cr_fd_pty.h"

#include "cr_fd_socket.h"
#include "cr_fmt.h"
#include "cr_state_descriptors_parts.h"
#include "cr_sys.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/sysmacros.h>

enum { MAJOR_TTY = 5, MINOR_TTY = 0, MINOR_PTMX = 2, MAJOR_SLAVES = 136, MAJOR_SLAVES_END = 144 };

#define KIND quiesce_image_DescriptorKind_DESCRIPTOR_PTY

int cr_pty_index_of(uint32_t tty)
{
    unsigned major_number = (tty >> 8) & 0xfff;
    unsigned minor_number = (tty & 0xff) | ((tty >> 12) & 0xfff00);

    if (major_number < MAJOR_SLAVES || major_number >= MAJOR_SLAVES_END)
        return -1;
    return (int)((major_number - MAJOR_SLAVES) * 256 + minor_number);
}

/* The master's number, or -1. */
static int master_index(const struct cr_open_file *file)
{
    int index = -1;

    if (!S_ISCHR(file->st.st_mode) || major(file->st.st_rdev) != MAJOR_TTY ||
        minor(file->st.st_rdev) != MINOR_PTMX || cr_sys(SYS_ioctl, file->fd, TIOCGPTN, &index) < 0)
        return -1;
    return index;
}

/* The slave's number, or -1. /dev/tty may be one. */
static int slave_index(const struct cr_open_file *file)
{
    uint32_t device = 0;
    unsigned number = major(file->st.st_rdev);
    int may_be = (number >= MAJOR_SLAVES && number < MAJOR_SLAVES_END) ||
                 (number == MAJOR_TTY && minor(file->st.st_rdev) == MINOR_TTY);

    if (!S_ISCHR(file->st.st_mode) || !may_be || cr_sys(SYS_ioctl, file->fd, TIOCGDEV, &device) < 0)
        return -1;
    return cr_pty_index_of(device);
}

static int has_master(const struct cr_fd_collect *c, int index)
{
    for (size_t i = 0; i < c->file_count; i++) {
        if (master_index(&c->files[i]) == index)
            return 1;
    }
    return cr_fd_is_present(c, CR_PTY_MASTER_DEVICE, (uint64_t)index);
}

static int matches(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    int index = slave_index(file);

    (void)link;
    return master_index(file) >= 0 || (index >= 0 && has_master(c, index));
}

static void set_modes(int fd, const struct cr_termios *modes)
{
    cr_sys(SYS_ioctl, fd, TCSETS2, modes);
}

size_t cr_pty_take(int fd, void *bytes, size_t size)
{
    struct pollfd events = {fd, POLLIN, 0};
    size_t done = 0;

    while (done < size && cr_sys(SYS_poll, &events, 1, 0) > 0 && (events.revents & POLLIN)) {
        long n = cr_sys_read(fd, (char *)bytes + done, size - done);

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    struct pollfd events = {fd, POLLOUT, 0};

    for (size_t done = 0; done < size;) {
        long n = cr_sys(SYS_poll, &events, 1, 1000);

        if (n > 0)
            n = cr_sys_write(fd, bytes + done, size - done);
        if (n <= 0)
            return n < 0 ? (int)n : -EAGAIN;
        done += (size_t)n;
    }
    return 0;
}

int cr_pty_put(int master, int slave, int input, const void *bytes, size_t size)
{
    struct cr_termios modes = {0};
    struct cr_termios plain;
    int rc;

    if (size == 0)
        return 0;
    cr_sys(SYS_ioctl, master, TCGETS2, &modes);
    plain = modes;
    plain.iflag = 0;
    plain.oflag = 0;
    plain.lflag &= ICANON; /* a line that is begun stays one */
    memset(plain.cc, 0, sizeof(plain.cc));
    plain.cc[VMIN] = modes.cc[VMIN];
    plain.cc[VTIME] = modes.cc[VTIME];
    if (plain.lflag & ICANON)
        plain.cc[VMIN] = plain.cc[VTIME] = 0; /* they stand for VEOF and VEOL */
    set_modes(master, &plain);
    rc = write_all(input ? master : slave, bytes, size);
    set_modes(master, &modes);
    return rc;
}

struct look {
    struct cr_fd_collect *c;
    quiesce_image_Pty *p;
    int master, slave;
};

static void refuse(struct look *l, const char *why)
{
    cr_refuse(l->c->refusals,
              "descriptor %d is the master of the pseudoterminal /dev/pts/%u, %s; let its reader "
              "read, and take the checkpoint again",
              l->p->fd, l->p->index, why);
}

static void look_at_output(struct look *l)
{
    quiesce_image_Pty *p = l->p;

    p->output.size = (pb_size_t)cr_pty_take(l->master, p->output.bytes, sizeof(p->output.bytes));
    if (p->output.size == sizeof(p->output.bytes) ||
        cr_pty_put(l->master, l->slave, 0, p->output.bytes, p->output.size) < 0)
        refuse(l, "whose output is held up");
}

/* All that is typed can be read only without lines; then it is typed again. */
static void look_at_input(struct look *l)
{
    quiesce_image_Pty *p = l->p;
    struct cr_termios modes;
    struct cr_termios raw;

    memcpy(&modes, p->termios.bytes, sizeof(modes));
    raw = modes;
    raw.lflag &= ~(uint32_t)(ICANON | ECHO | ISIG);
    raw.cc[VMIN] = 1;
    raw.cc[VTIME] = 0;
    set_modes(l->master, &raw);
    p->input.size = (pb_size_t)cr_pty_take(l->slave, p->input.bytes, sizeof(p->input.bytes));
    set_modes(l->master, &modes);
    if (p->input.size == sizeof(p->input.bytes) ||
        cr_pty_put(l->master, l->slave, 1, p->input.bytes, p->input.size) < 0)
        refuse(l, "whose input is held up");
}

static int is_slave_open(const struct look *l)
{
    char path[32];
    struct stat st;

    cr_fmt(path, sizeof(path), "/dev/pts/%u", l->p->index);
    return cr_sys_stat(path, &st) == 0 && cr_fd_is_present(l->c, st.st_dev, st.st_ino);
}

/* Opening a slave that nobody has open would be seen by the master. */
static void look_into(struct look *l)
{
    int off = 0;
    int on = 1;

    if (l->p->locked || !is_slave_open(l))
        return;
    l->slave =
        (int)cr_sys(SYS_ioctl, l->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (l->slave < 0) {
        refuse(l, "which cannot be opened");
        return;
    }
    if (l->p->packet)
        cr_sys(SYS_ioctl, l->master, TIOCPKT, &off);
    look_at_output(l);
    look_at_input(l);
    if (l->p->packet)
        cr_sys(SYS_ioctl, l->master, TIOCPKT, &on);
    cr_sys_close(l->slave);
}

static void collect_master(struct look *l)
{
    quiesce_image_Pty *p = l->p;
    int value = 0;

    p->master = 1;
    p->termios.size = sizeof(struct cr_termios);
    cr_sys(SYS_ioctl, l->master, TCGETS2, p->termios.bytes);
    p->window.size = sizeof(struct winsize);
    cr_sys(SYS_ioctl, l->master, TIOCGWINSZ, p->window.bytes);
    p->packet = cr_sys(SYS_ioctl, l->master, TIOCGPKT, &value) >= 0 && value != 0;
    value = 0;
    p->locked = cr_sys(SYS_ioctl, l->master, TIOCGPTLCK, &value) >= 0 && value != 0;
    value = 0;
    p->exclusive = cr_sys(SYS_ioctl, l->master, TIOCGEXCL, &value) >= 0 && value != 0;
    look_into(l);
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    struct look l = {c, cr_arena_alloc(c->scratch, sizeof(quiesce_image_Pty)), file->fd, -1};
    int index = master_index(file);

    (void)link;
    (void)d;
    if (l.p == NULL)
        return cr_fail_memory(err);
    *l.p = (quiesce_image_Pty){.fd = file->fd};
    l.p->index = (uint32_t)(index >= 0 ? index : slave_index(file));
    if (index >= 0) {
        int locked = cr_look_lock(c, "pty", (uint64_t)index);

        collect_master(&l);
        if (locked >= 0)
            cr_sys_close(locked);
    }
    return cr_state_add(c->state, quiesce_image_NoteType_NOTE_PTY, quiesce_image_Pty_fields, l.p,
                        err);
}

const struct cr_fd_kind cr_fd_pty = {.kind = KIND,
                                     .matches = matches,
                                     .collect = collect,
                                     .create = cr_pty_create,
                                     .complete = cr_pty_complete};
