/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_core_notes.h"

#include "cr_fmt.h"
#include "cr_frame_registers.h"
#include "cr_freeze.h"
#include "cr_sys.h"

#include "image.pb.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#define FXSAVE_SIZE 512UL
#define XSAVE_HEADER 512UL
#define RESERVED_FEATURES 464UL /* where debuggers look for XCR0 in NT_X86_XSTATE */

static int add(struct cr_dump *d, const char *name, uint32_t type, const void *data, size_t size,
               struct cr_error *err)
{
    return cr_image_add_note(d->writer, name, type, data, size, err);
}

static int add_floating(struct cr_dump *d, const struct cr_thread *t, struct cr_error *err)
{
    uint64_t zero = 0;
    uint64_t features;
    size_t size;
    uint8_t *copy;
    const void *area = cr_registers_floating(t, &size, &features);
    int rc;

    if (area == NULL)
        return 0;
    rc = add(d, "CORE", NT_FPREGSET, area, FXSAVE_SIZE, err);
    if (rc < 0 || size <= XSAVE_HEADER)
        return rc;
    copy = cr_arena_alloc(&d->arena, size);
    if (copy == NULL)
        return cr_fail(err, ENOMEM, "no memory for the vector registers of thread %d", t->tid);
    memcpy(copy, area, size);
    memcpy(copy + RESERVED_FEATURES, &features, sizeof(features));
    memcpy(copy + RESERVED_FEATURES + 8, &zero, sizeof(zero));
    return add(d, "LINUX", NT_X86_XSTATE, copy, size, err);
}

static int add_status(struct cr_dump *d, const struct cr_thread *t, struct cr_error *err)
{
    struct elf_prstatus status;

    memset(&status, 0, sizeof(status));
    status.pr_pid = t->tid;
    status.pr_fpvalid = 1;
    cr_registers_core(t, &status.pr_reg);
    return add(d, "CORE", NT_PRSTATUS, &status, sizeof(status), err);
}

/* The command line, its arguments parted by blanks. */
static void read_arguments(char *out, size_t size)
{
    char text[4096];
    int fd = cr_sys_open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    long n = fd;

    if (fd >= 0) {
        n = cr_sys_read(fd, text, size - 1);
        cr_sys_close(fd);
    }
    if (n <= 0)
        return;
    for (long i = 0; i < n; i++)
        out[i] = text[i] != '\0' ? text[i] : ' ';
    out[n] = '\0';
}

static int add_process(struct cr_dump *d, const struct cr_thread *main, struct cr_error *err)
{
    struct elf_prpsinfo info;
    uint64_t auxv[128];
    int fd;
    long n;
    int rc;

    memset(&info, 0, sizeof(info));
    info.pr_sname = 'R';
    info.pr_pid = main->tid;
    info.pr_uid = (unsigned)cr_sys(SYS_getuid);
    info.pr_gid = (unsigned)cr_sys(SYS_getgid);
    cr_str_copy(info.pr_fname, sizeof(info.pr_fname), main->name);
    read_arguments(info.pr_psargs, sizeof(info.pr_psargs));
    rc = add(d, "CORE", NT_PRPSINFO, &info, sizeof(info), err);
    if (rc < 0)
        return rc;
    fd = cr_sys_open("/proc/self/auxv", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    n = cr_sys_read(fd, auxv, sizeof(auxv));
    cr_sys_close(fd);
    return n > 0 ? add(d, "CORE", NT_AUXV, auxv, (size_t)n, err) : 0;
}

/* NT_FILE: count, page size, {start, end, offset in pages} each, then the names with NUL. */
static int add_files(struct cr_dump *d, struct cr_error *err)
{
    size_t count = 0;
    size_t names = 0;
    uint64_t *word;
    uint64_t *note;
    char *name;

    for (size_t i = 0; i < d->memory.area_count; i++) {
        if (d->memory.areas[i].name[0] != '/')
            continue;
        count++;
        names += cr_strlen(d->memory.areas[i].name) + 1;
    }
    note = cr_arena_alloc(&d->arena, (2 + 3 * count) * sizeof(*note) + names);
    if (note == NULL)
        return cr_fail(err, ENOMEM, "no memory for the list of mapped files");
    note[0] = count;
    note[1] = CR_PAGE;
    word = note + 2;
    name = (char *)(note + 2 + 3 * count);
    for (size_t i = 0; i < d->memory.area_count; i++) {
        const struct cr_area *a = &d->memory.areas[i];
        if (a->name[0] != '/')
            continue;
        *word++ = a->start;
        *word++ = a->end;
        *word++ = a->offset / CR_PAGE;
        name += cr_str_copy(name, names, a->name) + 1;
    }
    return add(d, "CORE", NT_FILE, note, (2 + 3 * count) * sizeof(*note) + names, err);
}

static int add_thread(struct cr_dump *d, const struct cr_thread *t, struct cr_error *err)
{
    int rc = add_status(d, t, err);

    return rc < 0 ? rc : add_floating(d, t, err);
}

static const struct cr_thread *find_main(const struct cr_thread *threads, size_t count)
{
    int pid = cr_freeze_known_tid(cr_sys_getpid());

    for (size_t i = 0; i < count; i++)
        if (threads[i].gone == 0 && threads[i].tid == pid)
            return &threads[i];
    return NULL;
}

int cr_core_notes_add(struct cr_dump *d, struct cr_error *err)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);
    const struct cr_thread *main = find_main(threads, count);
    int rc;

    if (main == NULL)
        return cr_fail(err, CR_EREFUSED, "the main thread is not among those that were stopped");
    rc = add_thread(d, main, err);
    if (rc == 0)
        rc = add_process(d, main, err);
    if (rc == 0)
        rc = add_files(d, err);
    /* The agent is the first record and comes last, where it is in nobody's way. */
    for (size_t i = 1; rc == 0 && i < count; i++)
        if (threads[i].gone == 0 && &threads[i] != main)
            rc = add_thread(d, &threads[i], err);
    return rc < 0 ? rc : add_thread(d, &threads[0], err);
}
