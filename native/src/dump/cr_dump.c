/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_dump.h"

#include "cr_agent_state.h"
#include "cr_core_notes.h"
#include "cr_dump_threads.h"
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_forks.h"
#include "cr_freeze.h"
#include "cr_state_sandbox.h"
#include "cr_state_util.h"
#include "cr_sys.h"

#include <string.h>
#include <sys/mman.h>

/*
 * Address space only: notes of a large process with 100,000 pieces of memory need some 20 MiB of
 * it.
 */
#define ARENA_SIZE (128UL << 20)
#define PREPARED_SIZE (256UL << 10) /* of it: what a small process needs */
#define HEADERS_SIZE (1UL << 20)

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct cr_agent_state cr_agent_state = {.magic = CR_AGENT_STATE_MAGIC,
                                        .version = CR_AGENT_STATE_VERSION};

int cr_dump_init(struct cr_dump *d)
{
    memset(d, 0, sizeof(*d));
    d->ready.fd = -1;
    return cr_arena_create(&d->arena, ARENA_SIZE);
}

/* What the image will hold, roughly: memory that is not a file's. */
static uint64_t estimate_size(void)
{
    static const char *const names[] = {"RssAnon:", "RssShmem:", "VmSwap:"};
    uint64_t kib = 0;
    char text[32];

    cr_forks_hold();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const char *at = text;
        if (cr_proc_find("/proc/self/status", names[i], text, sizeof(text)) == 0)
            kib += cr_parse_u64(&at, 10);
    }
    cr_forks_let();
    return (kib << 10) + HEADERS_SIZE;
}

void cr_dump_prepare(struct cr_dump *d, const char *path, const struct cr_image_options *options)
{
    /* Of an earlier call in this round: then the process was still alone in it. */
    cr_image_drop_ready(&d->ready);
    cr_arena_reset(&d->arena);
    cr_sys(SYS_madvise, d->arena.base, PREPARED_SIZE, MADV_POPULATE_WRITE);
    cr_forks_hold();
    cr_own_notes_prepare(d);
    cr_forks_let();
    if (path[0] != '\0')
        cr_image_make_ready(path, options, estimate_size(), &d->ready);
}

void cr_dump_begin(struct cr_dump *d, const struct cr_foreign *foreign)
{
    cr_descriptors_release(&d->state);
    cr_arena_reset(&d->arena);
    d->foreign = *foreign;
    d->state = (struct cr_state){.arena = &d->arena,
                                 .foreign = &d->foreign,
                                 .flight = &d->flight,
                                 .known_tid = cr_freeze_known_tid,
                                 .kernel_tid = cr_freeze_kernel_tid};
    d->notes = d->state;
    memset(&d->memory, 0, sizeof(d->memory));
    d->writer = NULL;
    d->collected = 0;
}

void cr_dump_release(struct cr_dump *d)
{
    cr_descriptors_release(&d->state);
    cr_flight_release(&d->flight);
}

int cr_dump_gather(struct cr_dump *d, struct cr_error *err)
{
    return cr_flight_gather(&d->state, err);
}

/* The stacks that threads stand on, and our own memory, are saved whatever rules say. */
static int pin(struct cr_dump *d, struct cr_error *err)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);
    uint64_t *pinned = cr_arena_alloc(&d->arena, (count + 4) * sizeof(*pinned));
    size_t n = 0;

    if (pinned == NULL)
        return cr_fail_memory(err);
    pinned[n++] = (uint64_t)&cr_agent_state;
    pinned[n++] = (uint64_t)d;
    pinned[n++] = (uint64_t)threads;
    pinned[n++] = (uint64_t)cr_freeze_attributes(threads);
    for (size_t i = 0; i < count; i++) {
        if (threads[i].gone == 0)
            pinned[n++] = threads[i].context.rsp;
    }
    d->state.pinned = pinned;
    d->state.pinned_count = n;
    return 0;
}

int cr_dump_collect(struct cr_dump *d, struct cr_error *err)
{
    int rc = pin(d, err);

    if (rc == 0)
        rc = cr_own_notes_collect(d, err);
    if (rc == 0)
        rc = cr_dump_threads_collect(&d->state, err);
    if (rc == 0)
        rc = cr_state_collect(&d->state, err);
    if (rc == 0)
        rc = cr_memory_collect(&d->state, &d->memory, err);
    d->collected = rc == 0;
    return rc;
}

static int add_notes(struct cr_dump *d, const struct cr_state *from, struct cr_error *err)
{
    int rc = 0;

    for (const struct cr_note *n = from->first; rc == 0 && n != NULL; n = n->next)
        rc = cr_image_add_note(d->writer, CR_NOTE_NAME, n->type, n->data, n->size, err);
    return rc;
}

static int add_all(struct cr_dump *d, struct cr_error *err)
{
    int rc = add_notes(d, &d->notes, err);

    if (rc == 0)
        rc = add_notes(d, &d->state, err);
    if (rc == 0)
        rc = cr_core_notes_add(d, err);
    if (rc == 0)
        rc = cr_image_add_runs(d->writer, d->memory.runs, d->memory.run_count, err);
    return rc;
}

static int write_image(struct cr_dump *d, struct cr_error *err)
{
    int rc = cr_fault("dump:before-copy");

    if (rc == 0)
        rc = cr_image_copy(d->writer, err);
    if (rc == 0)
        rc = cr_fault("dump:after-copy");
    return rc;
}

/* The writer with everything that goes into the image. */
static int make_writer(struct cr_dump *d, const char *path, const struct cr_image_options *options,
                       struct cr_error *err)
{
    struct cr_image_options all = *options;
    int rc = d->collected ? 0 : cr_dump_collect(d, err);

    all.ready = &d->ready;
    if (rc == 0)
        rc = cr_memory_scan(&d->state, &d->memory, err);
    if (rc == 0)
        rc = cr_image_begin(&d->arena, path, &all, &d->writer, err);
    if (rc == 0)
        rc = add_all(d, err);
    if (rc < 0)
        cr_dump_abort(d);
    return rc;
}

int cr_dump_measure(struct cr_dump *d, uint64_t *ret_bytes, struct cr_error *err)
{
    int rc = cr_memory_scan(&d->state, &d->memory, err);

    if (rc == 0)
        *ret_bytes = d->memory.bytes;
    return rc;
}

int cr_dump_layout(struct cr_dump *d, const char *path, const struct cr_image_options *options,
                   uint64_t *ret_size, struct cr_error *err)
{
    int rc = make_writer(d, path, options, err);

    if (rc == 0)
        rc = cr_image_plan(d->writer, ret_size, err);
    if (rc < 0)
        cr_dump_abort(d);
    return rc;
}

void cr_dump_place(struct cr_dump *d, int fd, uint64_t offset)
{
    cr_image_place(d->writer, fd, offset);
}

int cr_dump_copy(struct cr_dump *d, const char *path, const struct cr_image_options *options,
                 uint64_t *ret_bytes, struct cr_error *err)
{
    int rc = d->writer == NULL ? make_writer(d, path, options, err) : 0;

    if (rc < 0)
        return rc;
    rc = write_image(d, err);
    if (rc < 0) {
        if (err != NULL && err->code == 0)
            cr_fail(err, -rc, "cannot write %s: %s", path, cr_error_words(-rc));
        cr_dump_abort(d);
        return rc;
    }
    *ret_bytes = d->memory.bytes;
    return 0;
}

int cr_dump_seal(struct cr_dump *d, struct cr_image_record *ret_record, struct cr_error *err)
{
    int rc = cr_fault("seal:before");

    if (rc < 0)
        cr_fail(err, -rc, "the image could not be finished");
    else
        rc = cr_image_seal(d->writer, ret_record, err);
    if (rc < 0) {
        cr_dump_abort(d);
        return rc;
    }
    d->writer = NULL;
    cr_fault("seal:after");
    return 0;
}

void cr_dump_forked(struct cr_dump *d)
{
    cr_image_forget(d->writer);
    if (d->ready.fd >= 0)
        cr_sys_close(d->ready.fd);
    d->ready.fd = -1;
    d->writer = NULL;
}

void cr_dump_abort(struct cr_dump *d)
{
    cr_image_abort(d->writer);
    cr_image_drop_ready(&d->ready);
    d->writer = NULL;
}

int cr_dump_put_back(struct cr_dump *d, const struct cr_foreign *foreign, struct cr_error *err)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);
    int rc;

    d->foreign = *foreign;
    d->host_known = 0;
    d->state.old_pid = 0;
    for (size_t i = 0; i < count; i++)
        if (threads[i].gone == 0 && threads[i].kernel_tid == cr_sys_getpid())
            d->state.old_pid = threads[i].tid;
    rc = cr_state_put_back(&d->state, err);
    d->writer = NULL;
    return rc;
}

int cr_dump_finish(struct cr_dump *d, struct cr_error *err)
{
    int rc = cr_dump_threads_finish(err);

    if (rc == 0 && d->foreign.range_count == 0)
        rc = cr_sandbox_put_back(err);
    return rc < 0 ? rc : cr_state_finish(&d->state, err);
}

int cr_dump_complete(struct cr_dump *d, struct cr_error *err)
{
    return cr_state_complete(&d->state, err);
}
