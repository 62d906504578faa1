/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Locked and sealed memory. Whether future mappings will be locked (mlockall) the kernel does not show:
 * a new mapping does.
 */
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static uint64_t locked_kib(void)
{
    const char *at;
    char text[32];

    if (cr_proc_find("/proc/thread-self/status", "VmLck:", text, sizeof(text)) < 0)
        return 0;
    at = text;
    return cr_parse_u64(&at, 10);
}

/* The kernel never gives up a page that is locked. Only if it does not give up this one, /proc is asked as well. */
static int is_locked(uint64_t page)
{
    uint64_t with;

    if (cr_sys(SYS_madvise, page, CR_PAGE, MADV_DONTNEED) == 0)
        return 0;
    with = locked_kib();
    cr_sys(SYS_munlock, page, CR_PAGE);
    return locked_kib() < with;
}

int cr_lock_collect(struct cr_state *state, struct cr_error *err)
{
    quiesce_image_MemoryMode mode = {0};
    unsigned char present = 0;
    uint64_t page;
    int rc;

    page = cr_sys_mmap(0, CR_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cr_sys_is_error(page))
        return page == (uint64_t)-EAGAIN
                   ? cr_fail(err, CR_EREFUSED,
                             "the process locks all its memory (mlockall) up to the limit; raise "
                             "the limit (ulimit -l) before the checkpoint")
                   : 0;
    rc = (int)cr_sys(SYS_mincore, page, CR_PAGE, &present);
    mode.lock_future = is_locked(page);
    mode.lock_on_fault = rc == 0 && mode.lock_future && (present & 1) == 0;
    cr_sys_munmap(page, CR_PAGE);
    if (!mode.lock_future)
        return 0;
    return cr_state_add(state, quiesce_image_NoteType_NOTE_MEMORY_MODE,
                        quiesce_image_MemoryMode_fields, &mode, err);
}

int cr_lock_put_back(struct cr_state *state, struct cr_error *err)
{
    for (const struct cr_note *note = state->first; note != NULL; note = note->next) {
        quiesce_image_MemoryMode mode = {0};
        int rc;

        if (note->type != quiesce_image_NoteType_NOTE_MEMORY_MODE)
            continue;
        rc = cr_state_decode(note, quiesce_image_MemoryMode_fields, &mode, err);
        if (rc < 0 || !mode.lock_future)
            return rc;
        rc = (int)cr_sys(SYS_mlockall, MCL_FUTURE | (mode.lock_on_fault ? MCL_ONFAULT : 0));
        if (rc < 0)
            return cr_fail(err, -rc,
                           "cannot lock future memory again (mlockall): %s; raise the limit of "
                           "locked memory (ulimit -l) and restart",
                           cr_error_words(-rc));
    }
    return 0;
}

/* Marking the area counts; bringing pages in fails where there is nothing to bring in, which is no harm. */
static int lock(const quiesce_image_Area *area)
{
    size_t size = area->end - area->start;
    int rc = (int)cr_sys(SYS_mlock2, area->start, size, MLOCK_ONFAULT);

    if (rc == 0 && (area->vm_flags & CR_ADVICE_LOCK_ON_FAULT) == 0)
        cr_sys(SYS_mlock, area->start, size);
    return rc;
}

int cr_lock_put_back_area(const quiesce_image_Area *area, struct cr_error *err)
{
    size_t size = area->end - area->start;
    int rc = area->vm_flags & CR_ADVICE_LOCKED ? lock(area) : 0;

    if (rc < 0)
        return cr_fail(err, -rc,
                       "cannot lock the memory at 0x%lx-0x%lx again (%s); raise the limit of "
                       "locked memory (ulimit -l) and restart",
                       area->start, area->end, cr_error_words(-rc));
    rc = area->vm_flags & CR_ADVICE_SEALED ? (int)cr_sys(SYS_mseal, area->start, size, 0) : 0;
    if (rc < 0)
        return cr_fail(err, -rc,
                       "cannot seal the memory at 0x%lx-0x%lx again (%s); restart on a kernel "
                       "that has mseal (6.10)",
                       area->start, area->end, cr_error_words(-rc));
    return 0;
}
