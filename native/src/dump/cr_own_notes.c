/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The notes that a restart reads before the process exists again. */
#include "cr_agent_state.h"
#include "cr_core_notes.h"
#include "cr_fmt.h"
#include "cr_frame_registers.h"
#include "cr_freeze.h"
#include "cr_sys.h"

#include "image.pb.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#define BOOT_ID_TEXT 37 /* as in a UUID's text */

static void *scratch(struct cr_dump *d, size_t size)
{
    return cr_arena_alloc(&d->arena, size);
}

static int no_memory(struct cr_error *err)
{
    return cr_fail(err, ENOMEM, "no memory for the notes of the image");
}

static int add_header(struct cr_dump *d, size_t threads, struct cr_error *err)
{
    quiesce_image_Header *h = scratch(d, sizeof(*h));
    char name[16] = "";

    if (h == NULL)
        return no_memory(err);
    h->format_version = CR_IMAGE_FORMAT;
    cr_str_copy(h->quiesce_version, sizeof(h->quiesce_version), QUIESCE_VERSION);
    h->pid = (uint32_t)cr_freeze_known_tid(cr_sys_getpid());
    h->pgid = cr_freeze_known_id((int)cr_sys(SYS_getpgid, 0), CR_ID_GROUP);
    h->sid = cr_freeze_known_id((int)cr_sys(SYS_getsid, 0), CR_ID_SESSION);
    h->thread_count = (uint32_t)threads;
    h->agent_state = (uint64_t)&cr_agent_state;
    h->taken_at_realtime_ns = cr_sys_clock_ns(CLOCK_REALTIME);
    h->taken_at_monotonic_ns = cr_sys_clock_ns(CLOCK_MONOTONIC);
    h->taken_at_boottime_ns = cr_sys_clock_ns(CLOCK_BOOTTIME);
    if (cr_sys_read_file("/proc/self/comm", name, sizeof(name)) > 0)
        for (size_t i = 0; i < sizeof(name); i++)
            name[i] = name[i] == '\n' ? '\0' : name[i];
    cr_str_copy(h->command, sizeof(h->command), name);
    h->generation = cr_agent_state.generation;
    cr_sys(SYS_getrandom, h->image_id, sizeof(h->image_id), 0);
    return cr_state_add(&d->notes, quiesce_image_NoteType_NOTE_HEADER, quiesce_image_Header_fields,
                        h, err);
}

static void read_boot_id(uint8_t out[16])
{
    char text[64];
    size_t digits = 0;

    memset(out, 0, 16);
    if (cr_sys_read_file("/proc/sys/kernel/random/boot_id", text, sizeof(text)) < BOOT_ID_TEXT - 1)
        return;
    for (const char *p = text; *p != '\0' && digits < 32; p++) {
        char c = *p;
        uint8_t value = c >= '0' && c <= '9' ? (uint8_t)(c - '0') : (uint8_t)(c - 'a' + 10);
        if (c == '-' || c == '\n')
            continue;
        out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | value);
        digits++;
    }
}

void cr_own_notes_prepare(struct cr_dump *d)
{
    if (d->host_known)
        return;
    cr_cpu_read(&d->cpu);
    read_boot_id(d->boot_id);
    d->host_known = 1;
}

static int add_host(struct cr_dump *d, struct cr_error *err)
{
    quiesce_image_Host *h = scratch(d, sizeof(*h));
    struct utsname uts;

    if (h == NULL)
        return no_memory(err);
    memset(&uts, 0, sizeof(uts));
    cr_sys(SYS_uname, &uts);
    cr_str_copy(h->hostname, sizeof(h->hostname), uts.nodename);
    cr_str_copy(h->kernel_release, sizeof(h->kernel_release), uts.release);
    cr_str_copy(h->machine, sizeof(h->machine), uts.machine);
    h->page_size = CR_PAGE;
    cr_own_notes_prepare(d);
    h->xcr0 = d->cpu.xcr0;
    h->xsave_size = d->cpu.xsave_size;
    h->cpuid_count = CR_CPU_WORDS;
    memcpy(h->cpuid, d->cpu.words, sizeof(d->cpu.words));
    memcpy(h->boot_id, d->boot_id, sizeof(d->boot_id));
    return cr_state_add(&d->notes, quiesce_image_NoteType_NOTE_HOST, quiesce_image_Host_fields, h,
                        err);
}

static void encode_thread(const struct cr_thread *t, int agent, quiesce_image_Thread *out)
{
    out->tid = (uint32_t)t->tid;
    cr_str_copy(out->name, sizeof(out->name), t->name);
    out->fs_base = t->fs_base;
    out->gs_base = t->gs_base;
    out->context = (uint64_t)t;
    out->stack_pointer = t->context.rsp;
    out->instruction_pointer = t->context.rip;
    out->agent = agent;
}

static int add_threads(struct cr_dump *d, const struct cr_thread *threads, size_t count,
                       struct cr_error *err)
{
    quiesce_image_Threads *message = scratch(d, sizeof(*message));
    const size_t per_note = sizeof(message->thread) / sizeof(message->thread[0]);
    int rc = 0;

    if (message == NULL)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (threads[i].gone == 0)
            encode_thread(&threads[i], i == 0, &message->thread[message->thread_count++]);
        if (message->thread_count < per_note && i + 1 < count)
            continue;
        rc = cr_state_add(&d->notes, quiesce_image_NoteType_NOTE_THREADS,
                          quiesce_image_Threads_fields, message, err);
        message->thread_count = 0;
    }
    return rc;
}

static int add_ids(struct cr_dump *d, struct cr_error *err)
{
    const struct cr_freeze_id *ids;
    size_t count = cr_freeze_ids(&ids);
    quiesce_image_Ids *message = count > 0 ? scratch(d, sizeof(*message)) : NULL;
    const size_t per_note = sizeof(message->id) / sizeof(message->id[0]);
    int rc = 0;

    if (count > 0 && message == NULL)
        return no_memory(err);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        message->id[message->id_count++] =
            (quiesce_image_Id){ids[i].known, ids[i].kernel, ids[i].kinds};
        if (message->id_count < per_note && i + 1 < count)
            continue;
        rc = cr_state_add(&d->notes, quiesce_image_NoteType_NOTE_IDS, quiesce_image_Ids_fields,
                          message, err);
        message->id_count = 0;
    }
    return rc;
}

static int add_rank(struct cr_dump *d, struct cr_error *err)
{
    const struct cr_rank_facts *facts = d->rank;
    quiesce_image_Rank *r = scratch(d, sizeof(*r));

    if (r == NULL)
        return no_memory(err);
    r->rank = facts->rank;
    r->size = facts->size;
    r->sequence = facts->sequence;
    r->thread_level = facts->thread_level;
    r->initialized = facts->initialized != 0;
    r->upper_end = facts->upper_end;
    r->fake_vdso = facts->fake_vdso;
    r->brk_variable = facts->brk_variable;
    cr_str_copy(r->job, sizeof(r->job), facts->job);
    return cr_state_add(&d->notes, quiesce_image_NoteType_NOTE_RANK, quiesce_image_Rank_fields, r,
                        err);
}

int cr_own_notes_collect(struct cr_dump *d, struct cr_error *err)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);
    size_t alive = 0;
    int rc;

    for (size_t i = 0; i < count; i++)
        alive += threads[i].gone == 0;
    rc = add_header(d, alive, err);
    if (rc == 0)
        rc = add_host(d, err);
    if (rc == 0)
        rc = add_threads(d, threads, count, err);
    if (rc == 0)
        rc = add_ids(d, err);
    if (rc == 0 && d->rank != NULL)
        rc = add_rank(d, err);
    return rc;
}
