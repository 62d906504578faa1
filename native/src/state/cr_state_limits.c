/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Resource limits, and how soon the kernel may kill the process when memory runs out. */
#include "cr_state_kinds.h"
#include "cr_state_util.h"

#include "cr_fmt.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define RESOURCES 16
#define OOM_FILE "/proc/self/oom_score_adj"

struct limit {
    uint64_t soft, hard;
};

static const char *const NAMES[RESOURCES] = {
    "CPU time",          "file size",       "data",           "stack",         "core file",
    "resident memory",   "processes",       "open files",     "locked memory", "address space",
    "file locks",        "pending signals", "message queues", "nice",          "real-time priority",
    "real-time CPU time"};

static int get(uint32_t resource, struct limit *out)
{
    return (int)cr_sys(SYS_prlimit64, 0, resource, 0, out);
}

static int set(uint32_t resource, const struct limit *limit)
{
    return (int)cr_sys(SYS_prlimit64, 0, resource, limit, 0);
}

static int32_t read_oom(void)
{
    char text[32];
    const char *at = text;

    return cr_sys_read_file(OOM_FILE, text, sizeof(text)) > 0 ? (int32_t)cr_parse_i64(&at) : 0;
}

static int collect(struct cr_state *state, quiesce_image_Limits *message, struct cr_error *err)
{
    if (message == NULL)
        return cr_fail_memory(err);
    for (uint32_t i = 0; i < RESOURCES; i++) {
        struct limit now;

        if (get(i, &now) == 0)
            message->limit[message->limit_count++] =
                (quiesce_image_Limit){.resource = i, .soft = now.soft, .hard = now.hard};
    }
    message->oom_score_adjust = read_oom();
    return cr_state_add(state, quiesce_image_NoteType_NOTE_LIMITS, quiesce_image_Limits_fields,
                        message, err);
}

int cr_limits_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, cr_arena_alloc(&scratch.arena, sizeof(quiesce_image_Limits)), err);
    cr_scratch_end(&scratch);
    return rc;
}

/*
 * Lifts a soft limit that would be in the way of what is put back in between. What is above the restarter's hard limit is
 * tried as well: root may.
 */
static int raise_limit(const quiesce_image_Limit *saved, struct cr_error *err)
{
    struct limit wanted = {saved->soft, saved->hard};
    struct limit now;

    (void)err;
    if (get(saved->resource, &now) < 0 || saved->soft <= now.soft)
        return 0;
    wanted.hard = saved->soft > now.hard ? saved->soft : now.hard;
    if (set(saved->resource, &wanted) < 0) {
        wanted = (struct limit){now.hard, now.hard};
        set(saved->resource, &wanted);
    }
    return 0;
}

/*
 * A hard limit that is lower than it was is the restarter's own. A soft one is not: the program relies on it, but for
 * that of core files.
 */
static int put_back_limit(const quiesce_image_Limit *saved, struct cr_error *err)
{
    struct limit wanted = {saved->soft, saved->hard};
    struct limit now;

    if (saved->resource >= RESOURCES)
        return cr_fail(err, CR_EDAMAGED, "the image names resource limit %u", saved->resource);
    if (set(saved->resource, &wanted) == 0 || get(saved->resource, &now) < 0)
        return 0;
    wanted.hard = now.hard;
    if (saved->resource == RLIMIT_CORE && wanted.soft > now.hard)
        wanted.soft = now.hard;
    if (wanted.soft <= now.hard && set(saved->resource, &wanted) == 0)
        return 0;
    return cr_fail(err, CR_EPERMISSION,
                   "the program's limit of %s was %ld (-1: none), which is above the limit here "
                   "(%ld); raise it (ulimit -H, limits.conf) or restart as root",
                   NAMES[saved->resource], (long)saved->soft, (long)now.hard);
}

static int each(struct cr_state *state,
                int (*put_back)(const quiesce_image_Limit *saved, struct cr_error *err),
                int32_t *ret_oom, struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Limits *message;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    message = cr_arena_alloc(&scratch.arena, sizeof(*message));
    rc = message != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_LIMITS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Limits_fields, message, err);
        for (pb_size_t i = 0; rc == 0 && i < message->limit_count; i++)
            rc = put_back(&message->limit[i], err);
        *ret_oom = message->oom_score_adjust;
    }
    cr_scratch_end(&scratch);
    return rc;
}

/* The limits of an MPI rank are its launcher's. */
static int is_of_launcher(const struct cr_state *state)
{
    return state->foreign->range_count > 0;
}

int cr_limits_raise(struct cr_state *state, struct cr_error *err)
{
    int32_t ignored;

    return is_of_launcher(state) ? 0 : each(state, raise_limit, &ignored, err);
}

/* To be spared more than the restarter is needs a privilege; without it, the restarter's value stays. */
static void put_back_oom(int32_t value)
{
    char text[16];
    size_t n = cr_fmt(text, sizeof(text), "%d", value);
    int fd = cr_sys_open(OOM_FILE, O_WRONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return;
    cr_sys_write(fd, text, n);
    cr_sys_close(fd);
}

int cr_limits_put_back(struct cr_state *state, struct cr_error *err)
{
    int32_t oom = 0;
    int rc;

    if (is_of_launcher(state))
        return 0;
    oom = read_oom();
    rc = each(state, put_back_limit, &oom, err);
    if (rc == 0 && oom != read_oom())
        put_back_oom(oom);
    return rc;
}
