/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Pipes and FIFOs, made anew. The first end that is asked for makes the pipe with both its ends and fills
 * it; the pool holds them until all descriptors are made. So an end that nobody has is gone again when the pool closes.
 */
#include "cr_fd_pipe.h"

#include "cr_fmt.h"
#include "cr_state_descriptors_parts.h"
#include "cr_sys.h"

#include <errno.h>

/* Bits of the value of a pipe in the pool: the ends that pipe2() gave stand for an open file description already. */
enum { GIVEN_READER = 1, GIVEN_WRITER = 2 };

/* What fcntl(F_SETFL) can put back. */
#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

/* What the notes of all processes say about a pipe. */
struct survey {
    int readers, writers;
    int packets;
    const struct cr_pipe_data *data; /* the newest, or NULL */
};

static int survey_note(const struct cr_note *note, const quiesce_image_Pipe *p,
                       struct survey *survey, struct cr_error *err)
{
    const struct cr_pipe_data *data = cr_pipe_data_of(note);
    quiesce_image_Pipe other = quiesce_image_Pipe_init_zero;
    int rc;

    if (data != NULL && data->device == p->device && data->inode == p->inode &&
        (survey->data == NULL || data->taken_ns > survey->data->taken_ns))
        survey->data = data;
    if (note->type != quiesce_image_NoteType_NOTE_PIPE)
        return 0;
    rc = cr_state_decode(note, quiesce_image_Pipe_fields, &other, err);
    if (rc < 0 || other.device != p->device || other.inode != p->inode)
        return rc;
    survey->readers |= other.access != O_WRONLY;
    survey->writers |= other.access != O_RDONLY;
    survey->packets |= other.packets;
    return 0;
}

static int make_survey(const struct cr_fd_create *c, const quiesce_image_Pipe *p,
                       struct survey *survey, struct cr_error *err)
{
    const struct cr_state *member;

    *survey = (struct survey){0};
    for (size_t i = 0; (member = cr_fd_member(c, i)) != NULL; i++) {
        for (const struct cr_note *note = member->first; note != NULL; note = note->next) {
            int rc = survey_note(note, p, survey, err);

            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int write_chunks(int fd, const struct cr_pipe_data *data)
{
    const uint32_t *lengths = cr_pipe_data_lengths(data);
    const uint8_t *bytes = cr_pipe_data_bytes(data);

    for (uint32_t i = 0; i < data->chunk_count; i++) {
        long n = cr_sys_write(fd, bytes, lengths[i]);

        if (n != (long)lengths[i])
            return n < 0 ? (int)n : -EAGAIN;
        bytes += lengths[i];
    }
    return 0;
}

/* FD: a writing end that does not block. */
static int fill(int fd, const struct survey *survey)
{
    int packets = survey->data != NULL && (survey->data->packets || survey->packets);
    int rc;

    if (survey->data == NULL)
        return 0;
    if (packets)
        cr_sys(SYS_fcntl, fd, F_SETFL, O_NONBLOCK | O_DIRECT);
    rc = write_chunks(fd, survey->data);
    cr_sys(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
    return rc;
}

static int set_capacity(int fd, uint32_t capacity)
{
    long now = cr_sys(SYS_fcntl, fd, F_GETPIPE_SZ, 0);

    if (now < 0 || capacity == 0 || now == (long)capacity)
        return now < 0 ? (int)now : 0;
    now = cr_sys(SYS_fcntl, fd, F_SETPIPE_SZ, capacity);
    return now < 0 ? (int)now : 0;
}

static int is_named(const quiesce_image_Descriptor *d)
{
    return d->path[0] == '/' && !cr_str_ends(d->path, CR_DELETED_SUFFIX);
}

/* Opens the FIFO of D, which is made if it is not there. */
static int open_named(const quiesce_image_Descriptor *d, const quiesce_image_Pipe *p, int access,
                      struct cr_error *err)
{
    struct stat st;
    int fd = cr_sys_open(d->path, access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0);

    if (fd == -ENOENT) {
        cr_sys(SYS_mknodat, AT_FDCWD, d->path, S_IFIFO | p->mode, 0);
        fd = cr_sys_open(d->path, access | O_NONBLOCK | O_CLOEXEC, 0);
    }
    if (fd < 0)
        return cr_fail(err, -fd,
                       "cannot open the named pipe %s again, which the program had as descriptor "
                       "%d: %s",
                       d->path, d->fd, cr_error_words(-fd));
    if (cr_sys_fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode))
        return fd;
    cr_sys_close(fd);
    return cr_fail(err, CR_EFILECHANGED,
                   "%s (descriptor %d) is no named pipe any more; move what is there away and "
                   "restart",
                   d->path, d->fd);
}

static int open_ends(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                     const quiesce_image_Pipe *p, int ends[2], struct cr_error *err)
{
    int rc;

    ends[0] = ends[1] = -1;
    if (is_named(d)) {
        ends[0] = open_named(d, p, O_RDWR, err);
        if (ends[0] < 0)
            return ends[0];
        if (cr_pipe_filling(ends[0]) > 0)
            return cr_fail(
                err, EBUSY,
                "the named pipe %s (descriptor %d) holds data of another program; let it "
                "be read, and restart",
                d->path, d->fd);
        ends[0] = cr_fd_raise(ends[0], c->floor);
        return 0;
    }
    rc = (int)cr_sys(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot make a pipe for descriptor %d: %s", d->fd,
                       cr_error_words(-rc));
    ends[0] = cr_fd_raise(ends[0], c->floor);
    ends[1] = cr_fd_raise(ends[1], c->floor);
    return 0;
}

static int make(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                const quiesce_image_Pipe *p, const struct survey *survey,
                struct cr_fd_object **ret_object, struct cr_error *err)
{
    struct cr_fd_object *o = cr_fd_pool_add(c->pool, cr_fd_pipe.kind, p->device, p->inode);
    int writer;
    int rc;

    if (o == NULL)
        return cr_fail_memory(err);
    rc = open_ends(c, d, p, o->fds, err);
    if (rc < 0)
        return rc;
    writer = o->fds[1] >= 0 ? o->fds[1] : o->fds[0];
    rc = set_capacity(writer, p->capacity);
    if (rc < 0)
        return cr_fail(err, -rc,
                       "cannot give the pipe of descriptor %d its size of %u bytes: %s; raise "
                       "/proc/sys/fs/pipe-max-size or pipe-user-pages-soft and restart",
                       d->fd, p->capacity, cr_error_words(-rc));
    rc = fill(writer, survey);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot put back what was in the pipe of descriptor %d: %s", d->fd,
                       cr_error_words(-rc));
    *ret_object = o;
    return 0;
}

/* The end that pipe2() made, for the first who wants it; for others, and of a FIFO, another open file description. */
static int take_end(struct cr_fd_object *o, int access)
{
    unsigned bit = access == O_RDONLY ? GIVEN_READER : GIVEN_WRITER;
    char path[48];

    if (o->fds[1] >= 0 && access != O_RDWR && (o->value & bit) == 0) {
        o->value |= bit;
        return (int)cr_sys(SYS_fcntl, o->fds[access == O_RDONLY ? 0 : 1], F_DUPFD_CLOEXEC, 0);
    }
    cr_fmt(path, sizeof(path), "/proc/thread-self/fd/%d", o->fds[0]);
    return cr_sys_open(path, access | O_NONBLOCK | O_CLOEXEC, 0);
}

/* The other end belongs to somebody outside the request. */
static int use_stream(const struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                      const quiesce_image_Pipe *p, struct cr_error *err)
{
    int fd;

    if (d->fd <= 2)
        return CR_FD_KEEP_STREAM;
    fd = (int)cr_sys(SYS_fcntl, c->streams[p->access == O_RDONLY ? 0 : 1], F_DUPFD_CLOEXEC,
                     c->floor);
    if (fd < 0)
        fd = cr_sys_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
    return fd >= 0 ? fd
                   : cr_fail(err, -fd, "cannot open /dev/null for descriptor %d: %s", d->fd,
                             cr_error_words(-fd));
}

static int is_outside(const quiesce_image_Descriptor *d, const quiesce_image_Pipe *p,
                      const struct survey *survey)
{
    return d->path[0] != '/' && !p->partner_gone && !(survey->readers && survey->writers);
}

/* Nobody in the request writes, and whoever outside may do so is met as any reader meets it. */
static int is_lone_reader(const quiesce_image_Descriptor *d, const quiesce_image_Pipe *p,
                          const struct survey *survey)
{
    return is_named(d) && !survey->writers && !p->partner_gone &&
           (survey->data == NULL || survey->data->bytes == 0);
}

static int set_flags(int fd, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    long rc = cr_sys(SYS_fcntl, fd, F_SETFL, d->status_flags & SETTABLE);

    if (rc >= 0)
        return fd;
    cr_sys_close(fd);
    return cr_fail(err, (int)-rc, "cannot put back the flags of descriptor %d, a pipe: %s", d->fd,
                   cr_error_words((int)-rc));
}

int cr_pipe_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Pipe p = quiesce_image_Pipe_init_zero;
    struct survey survey = {0};
    struct cr_fd_object *o;
    int fd;
    int rc = cr_fd_note_find(c->state, quiesce_image_NoteType_NOTE_PIPE, quiesce_image_Pipe_fields,
                             d->fd, &p, err);

    if (rc == 0)
        rc = make_survey(c, &p, &survey, err);
    if (rc < 0)
        return rc;
    if (is_outside(d, &p, &survey))
        return use_stream(c, d, &p, err);
    if (is_lone_reader(d, &p, &survey)) {
        fd = open_named(d, &p, O_RDONLY, err);
        return fd < 0 ? fd : set_flags(fd, d, err);
    }
    o = cr_fd_pool_find(c->pool, cr_fd_pipe.kind, p.device, p.inode);
    if (o == NULL)
        rc = make(c, d, &p, &survey, &o, err);
    if (rc < 0)
        return rc;
    fd = cr_fd_raise(take_end(o, (int)p.access), c->floor);
    if (fd < 0)
        return cr_fail(err, -fd, "cannot open descriptor %d, a pipe, again: %s", d->fd,
                       cr_error_words(-fd));
    return set_flags(fd, d, err);
}
