/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What belongs to the process as a whole: working directory, umask, personality and the like. */
#include "cr_state_kinds.h"
#include "cr_state_util.h"

#include "cr_fmt.h"
#include "cr_sys.h"
#include "image.pb.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <linux/prctl.h>
#include <sys/personality.h>
#include <sys/resource.h>

#define MEMBARRIER_GET_REGISTRATIONS (1 << 9) /* kernel 6.3 */
#define GET_MDWE 66                           /* kernel 6.3 */
#define SET_MEMORY_MERGE 67                   /* kernel 6.4 */
#define GET_MEMORY_MERGE 68

static long read_link_of(const char *link, char *out, size_t size, struct cr_error *err)
{
    long n = cr_sys_readlink(link, out, size);

    if (n < 0)
        return cr_fail(err, (int)-n, "cannot read the link %s: %s", link, cr_error_words((int)-n));
    return n;
}

static int collect_directories(quiesce_image_Process *p, struct cr_error *err)
{
    long rc = read_link_of("/proc/thread-self/cwd", p->working_directory,
                           sizeof(p->working_directory), err);

    if (rc >= 0)
        rc = read_link_of("/proc/thread-self/root", p->root_directory, sizeof(p->root_directory),
                          err);
    if (rc < 0)
        return (int)rc;
    if (cr_str_ends(p->working_directory, CR_DELETED_SUFFIX) &&
        cr_sys(SYS_access, p->working_directory, 0) < 0)
        return cr_fail(
            err, CR_EREFUSED,
            "the working directory %s does not exist any more; let the program change to "
            "another one before the checkpoint",
            p->working_directory);
    return 0;
}

/* /proc shows them of the main thread; if that has ended, the agent's own have to do. */
static uint32_t main_personality(void)
{
    char text[32];
    const char *at = text;

    if (cr_sys_read_file("/proc/self/personality", text, sizeof(text)) <= 0)
        return (uint32_t)cr_sys(SYS_personality, 0xffffffff);
    return (uint32_t)cr_parse_u64(&at, 16);
}

static int main_no_new_privileges(void)
{
    char value[8];

    if (cr_proc_find("/proc/self/status", "NoNewPrivs:", value, sizeof(value)) == 0)
        return value[0] == '1';
    return cr_sys(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

/* What prctl() sets for the whole process. */
static int collect_controls(quiesce_image_Process *p, struct cr_error *err)
{
    int reaper = 0;

    if (cr_sys(SYS_prctl, GET_MDWE, 0, 0, 0, 0) > 0)
        return cr_fail(err, CR_EREFUSED,
                       "the process has sealed its memory against new code (PR_SET_MDWE), which "
                       "forbids putting it back; run it without");
    cr_sys(SYS_prctl, PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0);
    p->child_subreaper = reaper != 0;
    p->thp_disable = cr_sys(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1;
    p->memory_merge = cr_sys(SYS_prctl, GET_MEMORY_MERGE, 0, 0, 0, 0) == 1;
    return 0;
}

static int collect(struct cr_state *state, quiesce_image_Process *p, struct cr_error *err)
{
    long mask;
    long registrations;
    int rc;

    if (p == NULL)
        return cr_fail_memory(err);
    if (cr_sys(SYS_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0) != 1)
        return cr_fail(err, CR_EREFUSED,
                       "the process has said that its memory must not be written to a file (it is "
                       "not dumpable); set prctl(PR_SET_DUMPABLE, 1) before the checkpoint");
    rc = collect_directories(p, err);
    if (rc < 0)
        return rc;
    mask = cr_sys(SYS_umask, 0);
    cr_sys(SYS_umask, mask);
    p->umask = (uint32_t)mask;
    p->personality = main_personality();
    p->dumpable = true;
    p->nice = 20 - (int32_t)cr_sys(SYS_getpriority, PRIO_PROCESS, cr_sys_getpid());
    p->no_new_privileges = main_no_new_privileges();
    registrations = cr_sys(SYS_membarrier, MEMBARRIER_GET_REGISTRATIONS, 0, 0);
    p->membarrier = registrations > 0 ? (uint32_t)registrations : 0;
    rc = collect_controls(p, err);
    if (rc < 0)
        return rc;
    return cr_state_add(state, quiesce_image_NoteType_NOTE_PROCESS, quiesce_image_Process_fields, p,
                        err);
}

int cr_process_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, cr_arena_alloc(&scratch.arena, sizeof(quiesce_image_Process)), err);
    cr_scratch_end(&scratch);
    return rc;
}

static int put_back_directory(const quiesce_image_Process *p, struct cr_error *err)
{
    int rc = (int)cr_sys(SYS_chdir, p->working_directory);

    if (rc < 0)
        return cr_fail(err, rc == -ENOENT ? CR_EFILEMISSING : -rc,
                       "cannot change to the working directory %s of the program: %s; make it and "
                       "restart",
                       p->working_directory, cr_error_words(-rc));
    return 0;
}

/* Registrations are bits of commands; the kernel takes one at a time. */
static int put_back_membarrier(const quiesce_image_Process *p, struct cr_error *err)
{
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        int rc = p->membarrier & bit ? (int)cr_sys(SYS_membarrier, bit, 0, 0) : 0;

        if (rc < 0)
            return cr_fail(err, CR_EKERNEL,
                           "cannot register membarrier command 0x%x, which the program uses: %s",
                           bit, cr_error_words(-rc));
    }
    return 0;
}

/* Set again by the finish; until then the agent has to read its own files of /proc. */
static void put_back_controls(const quiesce_image_Process *p)
{
    cr_sys(SYS_prctl, PR_SET_DUMPABLE, p->dumpable, 0, 0, 0);
    cr_sys(SYS_prctl, PR_SET_CHILD_SUBREAPER, p->child_subreaper, 0, 0, 0);
    cr_sys(SYS_prctl, PR_SET_THP_DISABLE, p->thp_disable, 0, 0, 0);
    if (p->memory_merge)
        cr_sys(SYS_prctl, SET_MEMORY_MERGE, 1, 0, 0, 0);
}

static int put_back_process(const quiesce_image_Process *p, struct cr_error *err)
{
    int rc = put_back_directory(p, err);

    if (rc < 0)
        return rc;
    cr_sys(SYS_umask, p->umask);
    put_back_controls(p);
    return put_back_membarrier(p, err);
}

static int each(struct cr_state *state,
                int (*put_back)(const quiesce_image_Process *p, struct cr_error *err),
                struct cr_error *err)
{
    struct cr_scratch scratch;
    quiesce_image_Process *p;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    p = cr_arena_alloc(&scratch.arena, sizeof(*p));
    rc = p != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_PROCESS)
            continue;
        rc = cr_state_decode(note, quiesce_image_Process_fields, p, err);
        if (rc == 0)
            rc = put_back(p, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}

int cr_process_put_back(struct cr_state *state, struct cr_error *err)
{
    return each(state, put_back_process, err);
}

/* The kernel takes it away from a process that changes its ids. */
static int make_dumpable(const quiesce_image_Process *p, struct cr_error *err)
{
    int rc = (int)cr_sys(SYS_prctl, PR_SET_DUMPABLE, p->dumpable, 0, 0, 0);

    return rc < 0 ? cr_fail(err, -rc, "cannot make the process dumpable again") : 0;
}

int cr_state_finish(struct cr_state *state, struct cr_error *err)
{
    return each(state, make_dumpable, err);
}
