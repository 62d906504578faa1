/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Pipes and FIFOs. What is in one is seen through a copy: tee() puts the same buffers into a pipe of our
 * own, which is read instead, so that no byte is taken from the program's.
 */
#include "cr_fd_pipe.h"

#include "cr_fmt.h"
#include "cr_state_descriptors_parts.h"
#include "cr_sys.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

/* What a pipe holds, while it is read from the copy. */
struct contents {
    uint32_t *lengths;
    uint8_t *bytes;
    uint32_t chunk_count, chunk_limit;
    uint32_t filled, size;
    int packets;
};

long cr_pipe_filling(int fd)
{
    int bytes = 0;
    long rc = cr_sys(SYS_ioctl, fd, FIONREAD, &bytes);

    return rc < 0 ? rc : bytes;
}

const struct cr_pipe_data *cr_pipe_data_of(const struct cr_note *note)
{
    const struct cr_pipe_data *data = note->data;
    uint64_t sum = 0;

    if (note->type != quiesce_image_NoteType_NOTE_PIPE_DATA || note->size < sizeof(*data) ||
        (uint64_t)note->size != sizeof(*data) + 4UL * data->chunk_count + data->bytes)
        return NULL;
    for (uint32_t i = 0; i < data->chunk_count; i++)
        sum += cr_pipe_data_lengths(data)[i];
    return sum == data->bytes ? data : NULL;
}

static int is_fifo(const struct cr_fd_collect *c, const struct cr_open_file *file, const char *link)
{
    (void)c;
    (void)link;
    return S_ISFIFO(file->st.st_mode);
}

static int is_partner_gone(int fd, int access)
{
    struct pollfd poll = {.fd = fd};
    struct timespec now = {0, 0};

    if (access == O_RDWR || cr_sys(SYS_ppoll, &poll, 1, &now, 0, 0) < 0)
        return 0;
    return (poll.revents & (access == O_RDONLY ? POLLHUP : POLLERR)) != 0;
}

/* A pipe with what is in SOURCE, as large as that. Returns 0 or -errno. */
static int copy_pipe(int source, int capacity, int ret_pipe[2])
{
    long filling = cr_pipe_filling(source);
    long rc = cr_sys(SYS_pipe2, ret_pipe, O_CLOEXEC | O_NONBLOCK);

    if (rc < 0)
        return (int)rc;
    rc = cr_sys(SYS_fcntl, ret_pipe[1], F_GETPIPE_SZ, 0);
    if (rc >= 0 && rc != capacity)
        rc = cr_sys(SYS_fcntl, ret_pipe[1], F_SETPIPE_SZ, capacity);
    if (rc >= 0)
        rc = cr_sys(SYS_tee, source, ret_pipe[1], INT32_MAX, 0x02 /* SPLICE_F_NONBLOCK */);
    if (rc >= 0 && rc != filling)
        rc = -EIO;
    if (rc >= 0)
        return 0;
    cr_sys_close(ret_pipe[0]);
    cr_sys_close(ret_pipe[1]);
    return (int)rc;
}

/* Does a read() of one byte take more than that byte? Then a packet comes first. */
static int begins_with_packet(int source, int capacity)
{
    int pipe[2];
    char byte;
    long before, after;

    if (copy_pipe(source, capacity, pipe) < 0)
        return 0;
    before = cr_pipe_filling(pipe[0]);
    cr_sys_read(pipe[0], &byte, 1);
    after = cr_pipe_filling(pipe[0]);
    cr_sys_close(pipe[0]);
    cr_sys_close(pipe[1]);
    return before - after > 1;
}

/* A read() takes all there is, or one packet. */
static int read_chunks(int fd, struct contents *contents)
{
    while (contents->filled < contents->size) {
        long n =
            cr_sys_read(fd, contents->bytes + contents->filled, contents->size - contents->filled);

        if (n <= 0 || contents->chunk_count == contents->chunk_limit)
            return n < 0 ? (int)n : -EIO;
        contents->lengths[contents->chunk_count++] = (uint32_t)n;
        contents->filled += (uint32_t)n;
    }
    return 0;
}

static int read_contents(struct cr_arena *scratch, int fd, uint32_t capacity, struct contents *out)
{
    int pipe[2];
    int rc;

    out->size = (uint32_t)cr_pipe_filling(fd);
    out->chunk_limit = capacity / CR_PAGE + 1;
    out->bytes = cr_arena_alloc(scratch, out->size + 1UL);
    out->lengths = cr_arena_alloc(scratch, out->chunk_limit * sizeof(*out->lengths));
    if (out->bytes == NULL || out->lengths == NULL)
        return -ENOMEM;
    rc = copy_pipe(fd, (int)capacity, pipe);
    if (rc < 0)
        return rc;
    out->packets |= begins_with_packet(pipe[0], (int)capacity);
    rc = read_chunks(pipe[0], out);
    out->packets |= out->chunk_count > 1;
    cr_sys_close(pipe[0]);
    cr_sys_close(pipe[1]);
    return rc;
}

/*
 * A descriptor through which the contents can be seen, -1: none. The writing end of a FIFO that nobody reads is opened for
 * reading; otherwise another process has the reading end, and sees to it.
 */
static int reader_of(const struct cr_open_file *file, const char *link, const quiesce_image_Pipe *p,
                     int *ret_opened)
{
    char path[48];

    *ret_opened = 0;
    if (p->access != O_WRONLY)
        return file->fd;
    if (!p->partner_gone || link[0] != '/' || cr_pipe_filling(file->fd) <= 0)
        return -1;
    *ret_opened = 1;
    cr_fmt(path, sizeof(path), "/proc/thread-self/fd/%d", file->fd);
    return cr_sys_open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
}

static int add_data(struct cr_state *state, const quiesce_image_Pipe *p,
                    const struct contents *contents, struct cr_error *err)
{
    size_t lengths = sizeof(*contents->lengths) * contents->chunk_count;
    struct cr_pipe_data *data;
    void *body;
    int rc = cr_state_add_raw(state, quiesce_image_NoteType_NOTE_PIPE_DATA,
                              sizeof(*data) + lengths + contents->filled, &body, err);

    if (rc < 0)
        return rc;
    data = body;
    *data = (struct cr_pipe_data){.device = p->device,
                                  .inode = p->inode,
                                  .taken_ns = cr_sys_clock_ns(CLOCK_MONOTONIC),
                                  .packets = (uint32_t)contents->packets,
                                  .chunk_count = contents->chunk_count,
                                  .bytes = contents->filled};
    if (contents->filled > 0) {
        memcpy(data + 1, contents->lengths, lengths);
        memcpy((uint8_t *)(data + 1) + lengths, contents->bytes, contents->filled);
    }
    return 0;
}

static int has_data(const struct cr_state *state, const quiesce_image_Pipe *p)
{
    for (const struct cr_note *note = state->first; note != NULL; note = note->next) {
        const struct cr_pipe_data *data = cr_pipe_data_of(note);

        if (data != NULL && data->device == p->device && data->inode == p->inode)
            return 1;
    }
    return 0;
}

static int collect_data(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                        const quiesce_image_Pipe *p, struct cr_error *err)
{
    struct contents contents = {.packets = p->packets};
    int opened = 0;
    int reader = cr_pipe_filling(file->fd) == 0 ? file->fd : reader_of(file, link, p, &opened);
    int rc = 0;

    if (has_data(c->state, p) || (reader < 0 && !opened))
        return 0;
    if (reader < 0)
        rc = reader;
    else if (cr_pipe_filling(reader) > 0)
        rc = read_contents(c->scratch, reader, p->capacity, &contents);
    if (opened && reader >= 0)
        cr_sys_close(reader);
    if (rc == 0)
        return add_data(c->state, p, &contents, err);
    cr_refuse(
        c->refusals,
        "descriptor %d is a pipe (%s) whose contents cannot be seen: %s; let the program read "
        "them first%s",
        file->fd, link, cr_error_words(-rc),
        rc == -EPERM ? ", or raise /proc/sys/fs/pipe-user-pages-soft" : "");
    return 0;
}

static int collect(struct cr_fd_collect *c, const struct cr_open_file *file, const char *link,
                   quiesce_image_Descriptor *d, struct cr_error *err)
{
    quiesce_image_Pipe p = quiesce_image_Pipe_init_zero;
    long capacity = cr_sys(SYS_fcntl, file->fd, F_GETPIPE_SZ, 0);
    int rc;

    p.fd = file->fd;
    p.device = d->device;
    p.inode = d->inode;
    p.access = d->status_flags & O_ACCMODE;
    p.capacity = capacity > 0 ? (uint32_t)capacity : 0;
    p.partner_gone = is_partner_gone(file->fd, (int)p.access);
    p.mode = file->st.st_mode & 07777;
    p.packets = p.access != O_RDONLY && (d->status_flags & O_DIRECT) != 0;
    rc = cr_state_add(c->state, quiesce_image_NoteType_NOTE_PIPE, quiesce_image_Pipe_fields, &p,
                      err);
    return rc < 0 ? rc : collect_data(c, file, link, &p, err);
}

const struct cr_fd_kind cr_fd_pipe = {.kind = quiesce_image_DescriptorKind_DESCRIPTOR_PIPE,
                                      .matches = is_fifo,
                                      .collect = collect,
                                      .create = cr_pipe_create};
