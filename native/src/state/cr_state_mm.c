/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The kernel's own record of where code, data, heap, stack, arguments and environment lie, and the
 * auxiliary vector: /proc/PID/cmdline, brk() and debuggers go by it.
 */
#include "cr_state_kinds.h"
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/prctl.h>

#define STAT_ROOM (1UL << 20) /* for the text of /proc/PID/stat while it is parsed */

/* Fields of /proc/PID/stat, counted from 1 as in proc(5). */
enum {
    STAT_START_CODE = 26,
    STAT_END_CODE = 27,
    STAT_START_STACK = 28,
    STAT_START_DATA = 45,
    STAT_END_DATA = 46,
    STAT_START_BRK = 47,
    STAT_ARG_START = 48,
    STAT_ARG_END = 49,
    STAT_ENV_START = 50,
    STAT_ENV_END = 51,
    STAT_FIELDS = 52,
};

/* The command name, field 2, may hold anything but ends with the last ')'. */
static const char *behind_command(const char *text)
{
    const char *found = NULL;

    for (; *text != '\0'; text++) {
        if (*text == ')')
            found = text + 1;
    }
    return found;
}

static int parse_stat(const char *text, uint64_t *fields)
{
    const char *at = behind_command(text);
    int field = 3;

    if (at == NULL)
        return -EINVAL;
    for (; field <= STAT_ENV_END && *at == ' '; field++) {
        const char *value = at + 1;

        fields[field] = (uint64_t)cr_parse_i64(&value);
        for (at++; *at != ' ' && *at != '\0' && *at != '\n';)
            at++;
    }
    return field > STAT_ENV_END ? 0 : -EINVAL;
}

static int read_stat(struct cr_arena *arena, quiesce_image_Mm *mm, struct cr_error *err)
{
    uint64_t fields[STAT_FIELDS] = {0};
    size_t length;
    char *text;
    int rc = cr_proc_read(arena, "/proc/thread-self/stat", &text, &length, err);

    if (rc < 0)
        return rc;
    if (parse_stat(text, fields) < 0)
        return cr_fail(err, CR_EINTERNAL, "/proc/self/stat is not understood: %s", text);
    mm->start_code = fields[STAT_START_CODE];
    mm->end_code = fields[STAT_END_CODE];
    mm->start_data = fields[STAT_START_DATA];
    mm->end_data = fields[STAT_END_DATA];
    mm->start_brk = fields[STAT_START_BRK];
    mm->start_stack = fields[STAT_START_STACK];
    mm->arg_start = fields[STAT_ARG_START];
    mm->arg_end = fields[STAT_ARG_END];
    mm->env_start = fields[STAT_ENV_START];
    mm->env_end = fields[STAT_ENV_END];
    mm->brk = (uint64_t)cr_sys(SYS_brk, 0);
    return 0;
}

static int read_auxv(quiesce_image_Mm *mm, struct cr_error *err)
{
    int fd = cr_sys_open("/proc/thread-self/auxv", O_RDONLY | O_CLOEXEC, 0);
    long n = fd;

    if (fd >= 0) {
        n = cr_sys_read(fd, mm->auxv.bytes, sizeof(mm->auxv.bytes));
        cr_sys_close(fd);
    }
    if (n < 0)
        return cr_fail(err, (int)-n, "cannot read /proc/thread-self/auxv: %s",
                       cr_error_words((int)-n));
    mm->auxv.size = (pb_size_t)n;
    return 0;
}

static int collect(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    quiesce_image_Mm *mm = cr_arena_alloc(arena, sizeof(*mm));
    long n;
    int rc;

    if (mm == NULL)
        return cr_fail_memory(err);
    rc = read_stat(arena, mm, err);
    if (rc == 0)
        rc = read_auxv(mm, err);
    if (rc < 0)
        return rc;
    n = cr_sys_readlink("/proc/thread-self/exe", mm->executable, sizeof(mm->executable));
    if (n < 0)
        return cr_fail(err, (int)-n, "cannot read the link /proc/thread-self/exe: %s",
                       cr_error_words((int)-n));
    return cr_state_add(state, quiesce_image_NoteType_NOTE_MM, quiesce_image_Mm_fields, mm, err);
}

int cr_mm_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}

static int set_mm(const quiesce_image_Mm *mm, struct cr_error *err)
{
    struct prctl_mm_map map = {
        .start_code = mm->start_code,
        .end_code = mm->end_code,
        .start_data = mm->start_data,
        .end_data = mm->end_data,
        .start_brk = mm->start_brk,
        .brk = mm->brk,
        .start_stack = mm->start_stack,
        .arg_start = mm->arg_start,
        .arg_end = mm->arg_end,
        .env_start = mm->env_start,
        .env_end = mm->env_end,
        .auxv = (void *)mm->auxv.bytes,
        .auxv_size = mm->auxv.size,
        .exe_fd = (uint32_t)-1,
    };
    int rc = (int)cr_sys(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);

    if (rc < 0)
        return cr_fail(err, -rc, "cannot set the layout of the process (PR_SET_MM_MAP): %s",
                       cr_error_words(-rc));
    return 0;
}

static int set_from_note(struct cr_arena *arena, const struct cr_note *note, struct cr_error *err)
{
    quiesce_image_Mm *mm = cr_arena_alloc(arena, sizeof(*mm));
    int rc;

    if (mm == NULL)
        return cr_fail_memory(err);
    rc = cr_state_decode(note, quiesce_image_Mm_fields, mm, err);
    return rc < 0 ? rc : set_mm(mm, err);
}

int cr_memory_move_break(uint64_t at, struct cr_error *err)
{
    quiesce_image_Mm mm = {0};
    struct cr_arena arena;
    int rc = cr_arena_create(&arena, STAT_ROOM);

    if (rc < 0)
        return cr_fail(err, -rc, "no memory to read /proc/self/stat");
    rc = read_stat(&arena, &mm, err);
    mm.start_brk = mm.brk = at;
    if (rc == 0)
        rc = set_mm(&mm, err);
    cr_arena_destroy(&arena);
    return rc;
}

/* In an MPI rank the kernel's record belongs to the lower half, which was there first. */
static int is_upper_half(const struct cr_state *state)
{
    return state->foreign->range_count > 0;
}

int cr_mm_put_back(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc = 0;

    if (is_upper_half(state))
        return 0;
    cr_scratch_begin(&scratch, state->arena);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type == quiesce_image_NoteType_NOTE_MM)
            rc = set_from_note(&scratch.arena, note, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}
