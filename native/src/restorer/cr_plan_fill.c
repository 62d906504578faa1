/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: restorer. Page data, chunk by chunk, by several threads, each chunk compared with its
 * digest while it is in cache.
 */
#include "cr_plan.h"

#include "cr_error.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/sched.h>

#define XXH_INLINE_ALL
#define XXH_NO_STREAM_SECRET
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wundef"
#include <xxhash.h>
#pragma GCC diagnostic pop

#define PIECES 64 /* of one read */

/*
 * A reader thread begins as if it came back from cr_context_save(), with the address of this in its
 * first argument.
 */
struct reader {
    struct cr_context context; /* must stay first */
    struct cr_plan *plan;
};

/* Index of the first run that holds bytes behind OFFSET of the file. */
static size_t find_run(const struct cr_plan *plan, uint64_t offset)
{
    size_t low = 0;
    size_t high = plan->run_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (plan->runs[middle].offset + plan->runs[middle].size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int read_pieces(struct cr_plan *plan, struct iovec *iov, int count, uint64_t offset)
{
    int first = 0;

    while (first < count) {
        long n = cr_sys(SYS_preadv, plan->image_fd, iov + first, count - first, offset, 0);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return cr_plan_fail(plan, (int)-n, "cannot read the image at offset ", offset);
        if (n == 0)
            return cr_plan_fail(plan, CR_EDAMAGED, "the image ends too early, at offset ", offset);
        offset += (uint64_t)n;
        while (first < count && (uint64_t)n >= iov[first].iov_len)
            n -= (long)iov[first++].iov_len;
        if (first < count) {
            iov[first].iov_base = (char *)iov[first].iov_base + n;
            iov[first].iov_len -= (size_t)n;
        }
    }
    return 0;
}

/* The pieces of memory that file bytes [*AT, END) belong to; moves *AT and *RUN behind them. */
static int collect_pieces(const struct cr_plan *plan, size_t *run, uint64_t *at, uint64_t end,
                          struct iovec *iov)
{
    int n = 0;

    while (n < PIECES && *at < end && *run < plan->run_count) {
        const struct cr_stored_run *r = &plan->runs[*run];
        uint64_t inside = *at - r->offset;
        uint64_t size = r->size - inside < end - *at ? r->size - inside : end - *at;

        iov[n++] = (struct iovec){(void *)(r->start + inside), size};
        *at += size;
        if (inside + size == r->size)
            (*run)++;
    }
    return n;
}

static int fill_range(struct cr_plan *plan, uint64_t start, uint64_t end, XXH3_state_t *hash)
{
    struct iovec iov[PIECES];
    struct iovec left[PIECES];
    size_t run = find_run(plan, start);
    uint64_t at = start;

    while (at < end) {
        uint64_t offset = at;
        int n = collect_pieces(plan, &run, &at, end, iov);
        int rc;
        if (n == 0)
            return cr_plan_fail(plan, CR_EDAMAGED, "page data belongs to no memory at offset ", at);
        for (int i = 0; i < n; i++)
            left[i] = iov[i];
        rc = read_pieces(plan, left, n, offset);
        if (rc < 0)
            return rc;
        for (int i = 0; plan->verify && i < n; i++)
            XXH3_64bits_update(hash, iov[i].iov_base, iov[i].iov_len);
    }
    return 0;
}

static int fill_chunk(struct cr_plan *plan, uint64_t index)
{
    uint64_t start = plan->data_offset + index * CR_DIGEST_CHUNK;
    uint64_t data_end = plan->data_offset + plan->data_size;
    uint64_t end = start + CR_DIGEST_CHUNK < data_end ? start + CR_DIGEST_CHUNK : data_end;
    XXH3_state_t hash;
    int rc;

    XXH3_64bits_reset(&hash);
    rc = fill_range(plan, start, end, &hash);
    if (rc == 0 && plan->verify && XXH3_64bits_digest(&hash) != plan->chunks[index])
        rc = cr_plan_fail(plan, CR_EDAMAGED,
                          "the image is damaged: wrong checksum of page data at offset ", start);
    return rc;
}

static void fill_chunks(struct cr_plan *plan)
{
    while (plan->error == 0) {
        uint64_t index = __atomic_fetch_add(&plan->next_chunk, 1, __ATOMIC_RELAXED);
        if (index >= plan->chunk_count || fill_chunk(plan, index) < 0)
            return;
    }
}

static void read_in_thread(struct reader *reader)
{
    struct cr_plan *plan = reader->plan;

    fill_chunks(plan);
    for (;;)
        cr_sys(SYS_exit, 0);
}

/*
 * Starts a reader on the stack that ends at STACK; its record lies at the top. The kernel clears
 * *ALIVE when the thread has left that memory for good.
 */
static void start_reader(struct cr_plan *plan, uint64_t stack, volatile uint32_t *alive)
{
    struct reader *reader = (struct reader *)(stack - ((sizeof(*reader) + 63) & ~63UL));
    struct clone_args args;

    for (size_t i = 0; i < sizeof(args) / sizeof(uint64_t); i++)
        ((volatile uint64_t *)&args)[i] = 0;
    args.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                 CLONE_CHILD_CLEARTID;
    args.child_tid = (uint64_t)alive;
    args.stack = stack - CR_PLAN_STACK;
    args.stack_size = CR_PLAN_STACK / 2;
    *reader = (struct reader){{0}, plan};
    /* As if called: the stack pointer is 8 below a multiple of 16. */
    reader->context.rsp = ((uint64_t)reader & ~63UL) - 8;
    reader->context.rip = (uint64_t)read_in_thread;
    *alive = 1;
    if (cr_context_clone3(&reader->context, &args, sizeof(args)) < 0)
        *alive = 0;
}

int cr_plan_fill(struct cr_plan *plan)
{
    const size_t extra = plan->chunk_count > 8 ? CR_PLAN_READERS - 1 : 0;

    plan->next_chunk = 0;
    for (size_t i = 0; i < extra; i++)
        start_reader(plan, plan->stacks[i], &plan->readers[i]);
    fill_chunks(plan);
    /* The kernel wakes with a shared futex. */
    for (size_t i = 0; i < extra; i++)
        while (plan->readers[i] != 0)
            cr_sys(SYS_futex, &plan->readers[i], FUTEX_WAIT, 1, 0, 0, 0);
    return -plan->error;
}
