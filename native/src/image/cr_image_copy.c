/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Page data: from memory to the file, in pieces of 1 MiB. A durable image on a file system that takes
 * O_DIRECT is written by several threads, since one waits for the device most of the time; a buffered one by this
 * thread alone, since writers of one file would only wait for its lock.
 */
#include "cr_image_writer.h"

#include "cr_fault.h"
#include "cr_image_team.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define PIECES_MAX 256 /* pages of a piece: each may be a run of its own */
#define BOUNCE_SIZE (128UL << 10)
#define PIECE CR_IMAGE_PIECE

/* What the writing threads share. */
struct copy {
    const struct cr_image_writer *w;
    int fd;
    int memory_fd;
    int push; /* start writing back behind the last write: a buffered but durable image */
    volatile uint64_t next; /* first byte of page data that nobody has taken */
    volatile uint32_t stop; /* set by the first that fails */
};

struct worker {
    struct copy *copy;
    struct cr_run_cursor cursor;
    uint64_t cursor_at; /* page data before the run at the cursor */
    uint8_t *bounce;
    int leads;
    int rc;
    struct cr_error error;
};

/* Pieces of memory that follow each other in the file. */
struct batch {
    struct iovec iov[PIECES_MAX];
    int count;
    uint64_t at;
    uint64_t size;
};

int cr_image_write_failed(const struct cr_image_writer *w, int code, uint64_t offset,
                          struct cr_error *err)
{
    const char *remedy = "look into the kernel's log";

    if (code == ENOSPC || code == EDQUOT)
        remedy = "free space there or write to another directory";
    if (code == EFBIG)
        remedy = "raise the limit on file sizes (ulimit -f) or write to another file system";
    return cr_fail(err, code, "cannot write %s at offset %lu: %s; %s", w->partial, offset,
                   cr_error_words(code), remedy);
}

/* Drops the first WRITTEN bytes from IOV. Returns how many entries are used up. */
static int consume(struct iovec *iov, size_t written)
{
    int done = 0;

    while (written > 0 && written >= iov[done].iov_len)
        written -= iov[done++].iov_len;
    if (written > 0) {
        iov[done].iov_base = (uint8_t *)iov[done].iov_base + written;
        iov[done].iov_len -= written;
    }
    return done;
}

int cr_image_write_at(const struct cr_image_writer *w, int fd, struct iovec *iov, int count,
                      uint64_t offset, struct cr_error *err)
{
    while (count > 0 && iov->iov_len > 0) {
        long n = cr_sys(SYS_pwritev, fd, iov, count, w->base + offset, 0);
        int done;

        if (n == -EINTR)
            continue;
        if (n == -EFAULT)
            return cr_fail(err, EFAULT, "memory at %p cannot be read: was its file cut short?",
                           iov->iov_base);
        if (n <= 0)
            return cr_image_write_failed(w, n < 0 ? (int)-n : EIO, offset, err);
        offset += (uint64_t)n;
        done = consume(iov, (size_t)n);
        iov += done;
        count -= done;
    }
    return 0;
}

static int flush(const struct worker *k, struct batch *b, struct cr_error *err)
{
    const struct copy *c = k->copy;
    uint64_t offset = c->w->data_offset + b->at;
    int rc = b->count > 0 ? cr_image_write_at(c->w, c->fd, b->iov, b->count, offset, err) : 0;

    if (rc == 0 && c->push && b->size > 0)
        cr_sys(SYS_sync_file_range, c->fd, c->w->base + offset, b->size, SYNC_FILE_RANGE_WRITE);
    b->at += b->size;
    b->size = 0;
    b->count = 0;
    return rc;
}

/* Memory without PROT_READ: the kernel reads it for us through /proc/self/mem. */
static int write_unreadable(const struct worker *k, struct batch *b, uint64_t start, uint64_t size,
                            struct cr_error *err)
{
    int rc = flush(k, b, err);

    while (rc == 0 && size > 0) {
        size_t part = size < BOUNCE_SIZE ? size : BOUNCE_SIZE;
        long n = cr_sys_pread(k->copy->memory_fd, k->bounce, part, start);

        if (n <= 0)
            return cr_fail(err, n < 0 ? (int)-n : EIO, "memory at 0x%lx cannot be read: %s", start,
                           cr_error_words(n < 0 ? (int)-n : EIO));
        b->iov[0] = (struct iovec){k->bounce, (size_t)n};
        b->count = 1;
        b->size = (uint64_t)n;
        rc = flush(k, b, err);
        start += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return rc;
}

/* Moves the cursor on to the run that holds byte AT of the page data. Cursors only go forward. */
static const struct cr_run *seek(struct worker *k, uint64_t at)
{
    const struct cr_run *run = cr_run_at(&k->cursor);

    while (run->source == CR_RUN_ZERO || k->cursor_at + run->size <= at) {
        if (run->source != CR_RUN_ZERO)
            k->cursor_at += run->size;
        cr_run_advance(&k->cursor);
        run = cr_run_at(&k->cursor);
    }
    return run;
}

/* Writes SIZE bytes of page data from AT on. */
static int write_piece(struct worker *k, uint64_t at, uint64_t size, struct cr_error *err)
{
    struct batch b = {.count = 0, .at = at};
    uint64_t end = at + size;
    int rc = 0;

    while (rc == 0 && at < end) {
        const struct cr_run *run = seek(k, at);
        uint64_t inside = at - k->cursor_at;
        uint64_t part = run->size - inside < end - at ? run->size - inside : end - at;

        if (run->source == CR_RUN_UNREADABLE) {
            rc = write_unreadable(k, &b, run->start + inside, part, err);
        } else {
            b.iov[b.count++] = (struct iovec){(void *)(run->start + inside), part};
            b.size += part;
        }
        at += part;
    }
    return rc == 0 ? flush(k, &b, err) : rc;
}

/* Asked by the first worker alone: the answer may need things that are not for several threads. */
static int is_cancelled(const struct worker *k)
{
    const struct cr_image_options *o = &k->copy->w->options;

    return k->leads && o->is_cancelled != NULL && o->is_cancelled(o->argument);
}

static void work(void *argument)
{
    struct worker *k = argument;
    struct copy *c = k->copy;
    uint64_t total = c->w->data_size;

    while (k->rc == 0 && !c->stop) {
        uint64_t at = __atomic_fetch_add(&c->next, PIECE, __ATOMIC_RELAXED);

        if (at >= total)
            return;
        if (at > 0 && is_cancelled(k))
            k->rc = cr_fail(&k->error, CR_ECANCELLED, "the checkpoint was given up");
        else
            k->rc = write_piece(k, at, total - at < PIECE ? total - at : PIECE, &k->error);
    }
    if (k->rc != 0)
        c->stop = 1;
}

static int worker_count(const struct copy *c)
{
    uint64_t pieces = (c->w->data_size + PIECE - 1) / PIECE;
    int count = c->w->options.writers > 0 ? c->w->options.writers : CR_IMAGE_WRITERS;

    if (c->fd != c->w->direct_fd)
        return 1;
    if (count > CR_TEAM_MAX)
        count = CR_TEAM_MAX;
    return pieces < (uint64_t)count ? (int)pieces + (pieces == 0) : count;
}

static int copy_data(struct copy *c, struct cr_error *err)
{
    int count = worker_count(c);
    struct worker *workers = cr_arena_alloc(c->w->arena, (size_t)count * sizeof(*workers));

    c->next = 0;
    c->stop = 0;
    for (int i = 0; workers != NULL && i < count; i++) {
        workers[i] = (struct worker){.copy = c, .cursor = cr_run_first(c->w), .leads = i == 0};
        workers[i].bounce =
            (uint8_t *)CR_PAGE_UP(cr_arena_alloc(c->w->arena, BOUNCE_SIZE + CR_PAGE));
        if (workers[i].bounce == NULL)
            workers = NULL;
    }
    if (workers == NULL)
        return cr_fail(err, ENOMEM, "no room in the agent's memory for %d writers", count);
    cr_team_run(c->w->arena, work, workers, sizeof(*workers), count);
    for (int i = 0; i < count; i++) {
        if (workers[i].rc != 0)
            return cr_fail(err, workers[i].error.code, "%s", workers[i].error.text);
    }
    return 0;
}

/*
 * Gives the file its blocks, or at least its size: beyond its end, writers of ext4 and XFS wait for each other; and a
 * full disk is noticed before a byte is copied.
 */
static int reserve(const struct cr_image_writer *w, struct cr_error *err)
{
    uint64_t size = w->data_offset + w->data_size;
    int rc =
        size > w->reserved && !w->options.part ? (int)cr_sys(SYS_fallocate, w->fd, 0, 0, size) : 0;

    if (rc == -EOPNOTSUPP || rc == -ENOSYS)
        rc = (int)cr_sys(SYS_ftruncate, w->fd, size);
    return rc < 0 ? cr_image_write_failed(w, -rc, size, err) : 0;
}

/* Past the page cache. -EINVAL: not on this file system, or not with this alignment. */
static int copy_direct(struct cr_image_writer *w, struct copy *c, struct cr_error *err)
{
    int rc;

    if (!w->options.durable || cr_image_in_memory(w->fd))
        return -EINVAL;
    w->direct_fd = cr_image_reopen(w, O_RDWR | O_DIRECT);
    if (w->direct_fd < 0)
        return -EINVAL;
    c->fd = w->direct_fd;
    rc = reserve(w, err);
    if (rc == 0)
        rc = copy_data(c, err);
    if (rc == -EINVAL) {
        cr_sys_close(w->direct_fd);
        w->direct_fd = -1;
    }
    return rc;
}

static int copy_buffered(struct cr_image_writer *w, struct copy *c, struct cr_error *err)
{
    c->fd = w->fd;
    c->push = w->options.durable && !cr_image_in_memory(w->fd);
    return copy_data(c, err);
}

static int copy_pages(struct cr_image_writer *w, struct cr_error *err)
{
    struct copy c = {.w = w};
    int rc;

    c.memory_fd = cr_sys_open("/proc/self/mem", O_RDONLY | O_CLOEXEC, 0);
    if (c.memory_fd < 0)
        return cr_fail(err, -c.memory_fd, "cannot open /proc/self/mem: %s",
                       cr_error_words(-c.memory_fd));
    rc = copy_direct(w, &c, err);
    if (rc == -EINVAL)
        rc = copy_buffered(w, &c, err);
    cr_sys_close(c.memory_fd);
    return rc;
}

int cr_image_plan(struct cr_image_writer *w, uint64_t *ret_size, struct cr_error *err)
{
    int rc = w->planned ? 0 : cr_layout_plan(w, err);

    w->planned = rc == 0;
    *ret_size = w->data_offset + w->data_size;
    return rc;
}

int cr_image_copy(struct cr_image_writer *w, struct cr_error *err)
{
    uint64_t size;
    int rc = cr_image_plan(w, &size, err);

    if (rc == 0 && w->fd < 0)
        return cr_fail(err, CR_EINTERNAL, "%s has no file to go to", w->path);
    if (rc == 0)
        rc = cr_layout_write(w, err);
    if (rc < 0)
        return rc;
    rc = cr_fault("image:copy");
    if (rc < 0)
        return cr_image_write_failed(w, -rc, w->data_offset, err);
    rc = copy_pages(w, err);
    w->copied = rc == 0;
    return rc;
}
