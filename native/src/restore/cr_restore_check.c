/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Whether this host can run the process of an image. */
#include "cr_restore_parts.h"

#include "cr_cpu.h"
#include "cr_fmt.h"
#include "cr_policy.h"
#include "cr_state_check.h"
#include "cr_state_credentials.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

static int check_cpu(const struct cr_restore *r, struct cr_error *err)
{
    struct cr_cpu have;
    struct cr_cpu needed = {.xcr0 = r->host->xcr0, .xsave_size = r->host->xsave_size};
    const char *lacks;

    memcpy(needed.words, r->host->cpuid,
           (r->host->cpuid_count < CR_CPU_WORDS ? r->host->cpuid_count : CR_CPU_WORDS) *
               sizeof(needed.words[0]));
    cr_cpu_read(&have);
    lacks = cr_cpu_lacks(&have, &needed);
    if (lacks != NULL)
        return cr_fail(err, CR_ECPU,
                       "this CPU has no %s, which that of %s has; restart on a CPU that is as new",
                       lacks, r->host->hostname);
    return 0;
}

/*
 * The C library keeps addresses inside the vdso, so the same kernel must have mapped it. A rank has
 * a vdso of our own.
 */
static int check_kernel(const struct cr_restore *r, struct cr_error *err)
{
    struct utsname uts;

    if (r->host->page_size != CR_PAGE)
        return cr_fail(err, CR_EKERNEL,
                       "the image has pages of %u bytes, this host of %lu; restart on a host whose "
                       "pages are as large",
                       r->host->page_size, CR_PAGE);
    if (r->rank != NULL || uname(&uts) < 0 || strcmp(uts.release, r->host->kernel_release) == 0)
        return 0;
    return cr_fail(
        err, CR_EVDSO,
        "the image is of kernel %s, this host runs %s: its vdso may differ; restart where "
        "the same kernel runs",
        r->host->kernel_release, uts.release);
}

/* Found out here, and not when the processes are there already. */
static int check_vdso(const struct cr_restore *r, struct cr_error *err)
{
    struct cr_plan plan = {0};

    return r->rank == NULL ? cr_restore_plan_vdso(r, &plan, err) : 0;
}

static int files_rule(int flags)
{
    if (flags & CR_RESTORE_FILES_REFERENCE)
        return 1 + CR_FILES_REFERENCE;
    if (flags & CR_RESTORE_FILES_CONTENTS)
        return 1 + CR_FILES_CONTENTS;
    return flags & CR_RESTORE_FILES_CHECK ? 1 + CR_FILES_CHECK : 0;
}

int cr_restore_list_notes(struct cr_restore *r, struct cr_error *err)
{
    struct cr_stored_note stored;
    size_t at = 0;

    if (r->state.first != NULL)
        return 0;
    r->state = (struct cr_state){.files_rule = files_rule(r->flags),
                                 .arena = &r->arena,
                                 .foreign = &r->foreign,
                                 .old_pid = (int)r->header->pid};
    while (cr_image_walk_notes(&r->reader, &at, &stored)) {
        struct cr_note *note;
        if (!stored.own || stored.type == quiesce_image_NoteType_NOTE_DIGESTS)
            continue;
        note = cr_restore_alloc(r, sizeof(*note), err);
        if (note == NULL)
            return -ENOMEM;
        *note = (struct cr_note){stored.type, (uint32_t)stored.size, stored.data, NULL};
        if (r->state.last != NULL)
            r->state.last->next = note;
        else
            r->state.first = note;
        r->state.last = note;
    }
    return 0;
}

int cr_restore_check_host(struct cr_restore *r, struct cr_error *err)
{
    int rc = check_cpu(r, err);

    if (rc == 0)
        rc = check_kernel(r, err);
    if (rc == 0)
        rc = check_vdso(r, err);
    if (rc == 0)
        rc = cr_restore_list_notes(r, err);
    /* A rank runs as its launcher does. */
    if (rc == 0 && r->rank == NULL)
        rc = cr_credentials_check(&r->state, err);
    if (rc == 0 && (r->flags & CR_RESTORE_NO_CHECK_FILES) == 0)
        rc = cr_state_check_files(&r->state, err);
    return rc;
}

static int is_same_boot(const struct cr_restore *r)
{
    char then[40];
    char now[64];
    const uint8_t *b = r->host->boot_id;

    cr_fmt(then, sizeof(then),
           "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
           b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    if (cr_sys_read_file("/proc/sys/kernel/random/boot_id", now, sizeof(now)) < 36)
        return 0;
    return strncmp(then, now, 36) == 0;
}

int cr_restore_clock_offset(const struct cr_restore *r, int64_t *ret_monotonic,
                            int64_t *ret_boottime)
{
    *ret_monotonic = r->header->taken_at_monotonic_ns - cr_sys_clock_ns(CLOCK_MONOTONIC);
    *ret_boottime = r->header->taken_at_boottime_ns - cr_sys_clock_ns(CLOCK_BOOTTIME);
    /* On the host on which it was taken the clock has simply gone on. */
    return *ret_monotonic > 0 || !is_same_boot(r);
}
