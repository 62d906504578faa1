/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen, but the application runs again. Digests of what is in the file, unless the copy has computed them, sync, and the final name. */
#include "cr_image_team.h"
#include "cr_image_writer.h"

#include "cr_crc32c.h"
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_forks.h"
#include "cr_hash.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static int read_failed(const struct cr_image_writer *w, long n, uint64_t offset,
                       struct cr_error *err)
{
    int code = n < 0 ? (int)-n : EIO;

    return cr_fail(err, code, "cannot read %s back at offset %lu: %s", w->partial, offset,
                   n < 0 ? cr_error_words(code) : "the file became shorter");
}

/* Reads exactly SIZE bytes back from the file. */
static int read_back(const struct cr_image_writer *w, int fd, uint8_t *buffer, size_t size,
                     uint64_t offset, struct cr_error *err)
{
    while (size > 0) {
        long n = cr_sys_pread(fd, buffer, size, w->base + offset);

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return read_failed(w, n, offset, err);
        buffer += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

static int hash_structure(struct cr_image_writer *w, uint8_t *buffer, struct cr_error *err)
{
    uint64_t skip_end = w->digests_offset + w->digests_size;
    struct cr_hash_stream stream;
    struct cr_hash128 hash;
    uint64_t at = 0;

    cr_hash_begin(&stream);
    while (at < w->data_offset) {
        uint64_t end = at < w->digests_offset ? w->digests_offset : w->data_offset;
        size_t part = end - at < CR_DIGEST_CHUNK ? end - at : CR_DIGEST_CHUNK;
        int rc = read_back(w, w->fd, buffer, part, at, err);

        if (rc < 0)
            return rc;
        cr_hash_add(&stream, buffer, part);
        at += part;
        if (at == w->digests_offset)
            at = skip_end;
    }
    hash = cr_hash_end(&stream);
    w->digests->structure_low = hash.low;
    w->digests->structure_high = hash.high;
    return 0;
}

/* What the threads that read back share; each takes the next chunk that nobody has taken. */
struct hashing {
    struct cr_image_writer *w;
    int fd;
    volatile uint64_t next; /* chunk */
    volatile uint32_t stop; /* set by the first that fails */
};

struct hasher {
    struct hashing *hashing;
    uint8_t *buffer;
    int leads;
    int rc;
    struct cr_error error;
};

/* Asked by the first one alone, as in the copy. */
static int is_cancelled(const struct hasher *k)
{
    const struct cr_image_options *o = &k->hashing->w->options;

    return k->leads && o->is_cancelled != NULL && o->is_cancelled(o->argument);
}

static void hash_chunks(void *member)
{
    struct hasher *k = member;
    struct hashing *h = k->hashing;
    const struct cr_image_writer *w = h->w;

    while (k->rc == 0 && !h->stop) {
        uint64_t index = __atomic_fetch_add(&h->next, 1, __ATOMIC_RELAXED);
        uint64_t at = index * CR_DIGEST_CHUNK;
        size_t size;

        if (at >= w->data_size)
            return;
        size = w->data_size - at < CR_DIGEST_CHUNK ? w->data_size - at : CR_DIGEST_CHUNK;
        k->rc = read_back(w, h->fd, k->buffer, size, w->data_offset + at, &k->error);
        if (k->rc == 0 && is_cancelled(k))
            k->rc = cr_fail(&k->error, CR_ECANCELLED, "the checkpoint was given up");
        if (k->rc == 0)
            w->digests->chunks[index] = cr_hash64(k->buffer, size);
    }
    if (k->rc != 0)
        h->stop = 1;
}

/* An image written past the page cache is read past it too: it would only push out the application's files. */
static int hash_data(struct cr_image_writer *w, uint8_t *buffers, int count, struct cr_error *err)
{
    struct hashing h = {.w = w, .fd = w->direct_fd >= 0 ? w->direct_fd : w->fd};
    struct hasher *hashers = cr_arena_alloc(w->arena, (size_t)count * sizeof(*hashers));

    if (hashers == NULL)
        return cr_fail(err, ENOMEM, "no room in the agent's memory to read %s back", w->partial);
    for (int i = 0; i < count; i++)
        hashers[i] = (struct hasher){
            .hashing = &h, .buffer = buffers + (size_t)i * CR_DIGEST_CHUNK, .leads = i == 0};
    cr_team_run(w->arena, hash_chunks, hashers, sizeof(*hashers), count);
    for (int i = 0; i < count; i++) {
        if (hashers[i].rc != 0)
            return cr_fail(err, hashers[i].error.code, "%s", hashers[i].error.text);
    }
    return 0;
}

static int hash_all(struct cr_image_writer *w, struct cr_error *err)
{
    int many = w->direct_fd >= 0 && !w->hashed; /* one is enough for the page cache */
    int count = many ? CR_IMAGE_WRITERS : 1;
    size_t size = (size_t)count * CR_DIGEST_CHUNK;
    uint64_t buffers =
        cr_sys_mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc;

    if (cr_sys_is_error(buffers))
        return cr_fail(err, ENOMEM, "no memory to read %s back", w->partial);
    rc = w->hashed ? 0 : hash_data(w, (uint8_t *)buffers, count, err);
    if (rc == 0)
        rc = hash_structure(w, (uint8_t *)buffers, err);
    cr_sys_munmap(buffers, size);
    return rc;
}

static int write_digests(struct cr_image_writer *w, struct cr_error *err)
{
    struct iovec iov = {w->digests, w->digests_size};

    w->digests->sealed = 1;
    w->digests->crc = cr_crc32c(0, &w->digests->sealed, w->digests_size - sizeof(uint32_t));
    return cr_image_write_at(w, w->fd, &iov, 1, w->digests_offset, err);
}

/* Cuts off what was reserved and not needed. */
static int cut(const struct cr_image_writer *w, struct cr_error *err)
{
    uint64_t size = w->data_offset + w->data_size;
    int rc = w->reserved > size && !w->options.part ? (int)cr_sys(SYS_ftruncate, w->fd, size) : 0;

    return rc < 0 ? cr_image_write_failed(w, -rc, size, err) : 0;
}

static int sync_file(const struct cr_image_writer *w, struct cr_error *err)
{
    int rc = w->options.durable && !w->options.part ? (int)cr_sys(SYS_fsync, w->fd) : 0;

    if (rc < 0)
        return cr_fail(err, -rc, "cannot sync %s: %s; its disk may be failing or full", w->partial,
                       cr_error_words(-rc));
    return 0;
}

static int sync_directory(const struct cr_image_writer *w, struct cr_error *err)
{
    size_t length = cr_strlen(w->path);
    char *directory = w->partial; /* not needed any more */
    int fd;
    int rc;

    if (!w->options.durable)
        return 0;
    while (length > 0 && w->path[length - 1] != '/')
        length--;
    cr_str_copy(directory, length + 1, w->path);
    cr_forks_hold();
    fd = cr_sys_open(length > 0 ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    rc = fd < 0 ? fd : (int)cr_sys(SYS_fsync, fd);
    if (fd >= 0)
        cr_sys_close(fd);
    cr_forks_let();
    if (rc < 0)
        return cr_fail(err, -rc, "cannot sync the directory of %s: %s", w->path,
                       cr_error_words(-rc));
    return 0;
}

static int give_name(struct cr_image_writer *w, struct cr_error *err)
{
    int rc = cr_fault("image:rename");

    if (rc == 0 && !w->options.part)
        rc = (int)cr_sys(SYS_renameat, AT_FDCWD, w->partial, AT_FDCWD, w->path);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot rename %s to %s: %s", w->partial, w->path,
                       cr_error_words(-rc));
    cr_sys_close(w->fd);
    w->fd = -1;
    if (w->direct_fd >= 0)
        cr_sys_close(w->direct_fd);
    w->direct_fd = -1;
    return w->options.part ? 0 : sync_directory(w, err);
}

int cr_image_seal(struct cr_image_writer *w, struct cr_image_record *ret_record,
                  struct cr_error *err)
{
    struct cr_hash128 identity;
    int rc = cr_fault("image:seal");

    if (rc < 0)
        return cr_image_write_failed(w, -rc, w->digests_offset, err);
    if (!w->copied)
        return cr_fail(err, CR_EINTERNAL, "%s is sealed before it was copied", w->path);
    rc = cut(w, err);
    if (rc == 0)
        rc = hash_all(w, err);
    if (rc == 0)
        rc = write_digests(w, err);
    if (rc == 0)
        rc = sync_file(w, err);
    if (rc == 0)
        rc = give_name(w, err);
    if (rc < 0)
        return rc;
    identity = cr_hash128(w->digests, w->digests_size);
    *ret_record =
        (struct cr_image_record){w->data_offset + w->data_size, identity.low, identity.high};
    return 0;
}
