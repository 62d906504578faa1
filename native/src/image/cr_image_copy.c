/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Page data: from memory to the file, in pieces of 1 MiB. A durable image on a file system that takes
 * O_DIRECT is written by several threads, since one waits for the device most of the time, and from a stage, where the
 * digests are computed as well; a buffered one by this thread alone, since writers of one file would only wait for its
 * lock, and right from memory.
 */
#include "cr_image_writer.h"

#include "cr_fault.h"
#include "cr_hash.h"
#include "cr_image_stage.h"
#include "cr_image_team.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define PIECES_MAX 256 /* pages of a piece: each may be a run of its own */
#define BOUNCE_SIZE (128UL << 10)
#define PIECE CR_IMAGE_PIECE

_Static_assert(PIECE == CR_DIGEST_CHUNK, "the digest of a piece is that of a chunk");

/* What the writing threads share. */
struct copy {
    const struct cr_image_writer *w;
    int fd;
    int memory_fd;
    struct cr_image_stage stage; /* fd < 0: none */
    int hashed;                  /* the digests of all chunks are known */
    int push; /* start writing back behind the last write: a buffered but durable image */
    volatile uint64_t next; /* first byte of page data that nobody has taken */
    volatile uint32_t stop; /* set by the first that fails */
};

struct worker {
    struct copy *copy;
    struct cr_run_cursor cursor;
    uint64_t cursor_at; /* page data before the run at the cursor */
    uint8_t *bounce;    /* BOUNCE_SIZE bytes; with a stage, this worker's PIECE of it */
    uint64_t stage_at;  /* where that is in the file of the stage */
    uint64_t piece_at;  /* page data before the piece that is being copied */
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

/* Writes the pieces of *IOV, *COUNT and *OFFSET, which move on. Returns 0 or -errno. */
static int write_all(int fd, struct iovec **iov, int *count, uint64_t *offset)
{
    while (*count > 0 && (*iov)->iov_len > 0) {
        long n = cr_sys(SYS_pwritev, fd, *iov, *count, *offset, 0);
        int done;

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        *offset += (uint64_t)n;
        done = consume(*iov, (size_t)n);
        *iov += done;
        *count -= done;
    }
    return 0;
}

static int unreadable(const struct iovec *iov, struct cr_error *err)
{
    return cr_fail(err, EFAULT, "memory at %p cannot be read: was its file cut short?",
                   iov->iov_base);
}

int cr_image_write_at(const struct cr_image_writer *w, int fd, struct iovec *iov, int count,
                      uint64_t offset, struct cr_error *err)
{
    uint64_t at = w->base + offset;
    int rc = write_all(fd, &iov, &count, &at);

    if (rc == -EFAULT)
        return unreadable(iov, err);
    return rc < 0 ? cr_image_write_failed(w, -rc, at - w->base, err) : 0;
}

static int write_to_file(const struct worker *k, struct iovec *iov, int count, uint64_t at,
                         uint64_t size, struct cr_error *err)
{
    const struct copy *c = k->copy;
    uint64_t offset = c->w->data_offset + at;
    int rc = cr_image_write_at(c->w, c->fd, iov, count, offset, err);

    if (rc == 0 && c->push)
        cr_sys(SYS_sync_file_range, c->fd, c->w->base + offset, size, SYNC_FILE_RANGE_WRITE);
    return rc;
}

/* The kernel copies, which says so where memory cannot be read. */
static int write_to_stage(const struct worker *k, struct iovec *iov, int count, uint64_t at,
                          struct cr_error *err)
{
    uint64_t offset = k->stage_at + at - k->piece_at;
    int rc = write_all(k->copy->stage.fd, &iov, &count, &offset);

    if (rc == -EFAULT)
        return unreadable(iov, err);
    return rc < 0 ? cr_fail(err, -rc, "no memory to copy through: %s", cr_error_words(-rc)) : 0;
}

static int is_staged(const struct worker *k)
{
    return k->copy->stage.fd >= 0;
}

static int flush(const struct worker *k, struct batch *b, struct cr_error *err)
{
    int rc = 0;

    if (b->count > 0 && is_staged(k))
        rc = write_to_stage(k, b->iov, b->count, b->at, err);
    else if (b->count > 0)
        rc = write_to_file(k, b->iov, b->count, b->at, b->size, err);
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
        uint8_t *to = is_staged(k) ? k->bounce + (b->at - k->piece_at) : k->bounce;
        size_t part = size < BOUNCE_SIZE ? size : BOUNCE_SIZE;
        long n = cr_sys_pread(k->copy->memory_fd, to, part, start);

        if (n <= 0)
            return cr_fail(err, n < 0 ? (int)-n : EIO, "memory at 0x%lx cannot be read: %s", start,
                           cr_error_words(n < 0 ? (int)-n : EIO));
        b->iov[0] = (struct iovec){to, (size_t)n};
        b->count = !is_staged(k);
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

/* Takes SIZE bytes of page data from AT on to where flush() brings them. */
static int gather(struct worker *k, uint64_t at, uint64_t size, struct cr_error *err)
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

/* What is hashed is what is written, whoever else may write to that memory: our own is in the image as well. */
static int write_piece(struct worker *k, uint64_t at, uint64_t size, struct cr_error *err)
{
    struct iovec all = {k->bounce, size};
    int rc;

    k->piece_at = at;
    rc = gather(k, at, size, err);
    if (rc < 0 || !is_staged(k))
        return rc;
    k->copy->w->digests->chunks[at / PIECE] = cr_hash64(k->bounce, size);
    return write_to_file(k, &all, 1, at, size, err);
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

/* Not more than whole pieces, so that what they copy through together is not larger than the image. */
static int worker_count(const struct copy *c)
{
    uint64_t pieces = c->w->data_size / PIECE;
    int count = c->w->options.writers > 0 ? c->w->options.writers : CR_IMAGE_WRITERS;

    if (c->fd != c->w->direct_fd)
        return 1;
    /* Other processes write parts of the same file. */
    if (c->w->options.part && count > CR_IMAGE_PART_WRITERS)
        count = CR_IMAGE_PART_WRITERS;
    if (count > CR_TEAM_MAX)
        count = CR_TEAM_MAX;
    if (pieces < (uint64_t)count)
        count = pieces > 0 ? (int)pieces : 1;
    return count;
}

static int prepare_worker(struct copy *c, struct worker *k, int index, struct cr_error *err)
{
    *k = (struct worker){.copy = c, .cursor = cr_run_first(c->w), .leads = index == 0};
    k->stage_at = (uint64_t)index * PIECE;
    if (c->stage.fd >= 0)
        k->bounce = c->stage.memory + k->stage_at;
    else
        k->bounce = (uint8_t *)CR_PAGE_UP(cr_arena_alloc(c->w->arena, BOUNCE_SIZE + CR_PAGE));
    return k->bounce != NULL ? 0 : cr_fail(err, ENOMEM, "no room in the agent's memory to copy");
}

static int run_workers(struct copy *c, int count, struct cr_error *err)
{
    struct worker *workers = cr_arena_alloc(c->w->arena, (size_t)count * sizeof(*workers));
    int rc = workers != NULL
                 ? 0
                 : cr_fail(err, ENOMEM, "no room in the agent's memory for %d writers", count);

    for (int i = 0; rc == 0 && i < count; i++)
        rc = prepare_worker(c, &workers[i], i, err);
    if (rc < 0)
        return rc;
    cr_team_run(c->w->arena, work, workers, sizeof(*workers), count);
    for (int i = 0; i < count; i++) {
        if (workers[i].rc != 0)
            return cr_fail(err, workers[i].error.code, "%s", workers[i].error.text);
    }
    return 0;
}

static int copy_data(struct copy *c, struct cr_error *err)
{
    int count = worker_count(c);
    int staged = c->fd == c->w->direct_fd;
    int rc;

    c->next = 0;
    c->stop = 0;
    c->stage = (struct cr_image_stage){.fd = -1};
    if (staged)
        staged = cr_image_stage_open(&c->stage, count, c->w->data_size) == 0;
    rc = run_workers(c, count, err);
    if (staged)
        cr_image_stage_close(&c->stage);
    c->hashed = staged;
    return rc;
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
    w->hashed = rc == 0 && c.hashed;
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
