/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_restore_parts.h"

#include "cr_relocate.h"

#include "cr_fmt.h"
#include "cr_state_memory.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/memfd.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_SIZE (256UL << 20) /* address space only */
#define HIGH_DESCRIPTOR 900

void *cr_restore_alloc(struct cr_restore *r, size_t size, struct cr_error *err)
{
    void *p = cr_arena_alloc(&r->arena, size);

    if (p == NULL)
        cr_fail(err, ENOMEM, "no memory for the tables of %s", r->path);
    return p;
}

static int decode(const struct cr_restore *r, const void *data, size_t size,
                  const pb_msgdesc_t *fields, void *message, struct cr_error *err)
{
    pb_istream_t stream = pb_istream_from_buffer(data, size);

    if (!pb_decode(&stream, fields, message))
        return cr_fail(err, CR_EDAMAGED, "%s: a note does not decode: %s", r->path,
                       PB_GET_ERROR(&stream));
    return cr_relocate_message(fields, message, err);
}

/* The single note of TYPE; *RET_MESSAGE stays NULL if there is none. */
static int decode_one(struct cr_restore *r, uint32_t type, const pb_msgdesc_t *fields,
                      size_t message_size, void **ret_message, struct cr_error *err)
{
    const void *data;
    size_t size;
    size_t at = 0;
    void *message;
    int rc;

    if (!cr_image_next_note(&r->reader, type, &at, &data, &size))
        return 0;
    message = cr_restore_alloc(r, message_size, err);
    if (message == NULL)
        return -ENOMEM;
    rc = decode(r, data, size, fields, message, err);
    if (rc == 0)
        *ret_message = message;
    return rc;
}

static size_t count_notes(const struct cr_restore *r, uint32_t type)
{
    const void *data;
    size_t size;
    size_t at = 0;
    size_t n = 0;

    while (cr_image_next_note(&r->reader, type, &at, &data, &size))
        n++;
    return n;
}

/* Calls EACH with every decoded message of TYPE. */
static int decode_each(struct cr_restore *r, uint32_t type, const pb_msgdesc_t *fields,
                       size_t message_size,
                       int (*each)(struct cr_restore *r, const void *message, struct cr_error *err),
                       struct cr_error *err)
{
    void *message = cr_restore_alloc(r, message_size, err);
    const void *data;
    size_t size;
    size_t at = 0;
    int rc = message != NULL ? 0 : -ENOMEM;

    while (rc == 0 && cr_image_next_note(&r->reader, type, &at, &data, &size)) {
        memset(message, 0, message_size);
        rc = decode(r, data, size, fields, message, err);
        if (rc == 0)
            rc = each(r, message, err);
    }
    return rc;
}

static int add_areas(struct cr_restore *r, const void *message, struct cr_error *err)
{
    const quiesce_image_Areas *areas = message;

    for (size_t i = 0; i < areas->area_count; i++) {
        const quiesce_image_Area *a = &areas->area[i];
        char *name = cr_restore_alloc(r, sizeof(a->name), err);
        if (name == NULL)
            return -ENOMEM;
        cr_str_copy(name, sizeof(a->name), a->name);
        if (a->start >= a->end || (a->start | a->end) % CR_PAGE != 0 ||
            (r->area_count > 0 && a->start < r->areas[r->area_count - 1].end) ||
            a->file > r->file_count)
            return cr_fail(err, CR_EDAMAGED, "%s: the table of areas is wrong at 0x%lx", r->path,
                           (unsigned long)a->start);
        if (a->file != 0 && (a->vm_flags & CR_ADVICE_HUGETLB) != 0)
            r->files[a->file - 1].huge = MFD_HUGETLB | (a->vm_flags >> CR_ADVICE_PAGE_SHIFT & 63)
                                                           << MFD_HUGE_SHIFT;
        r->area_names[r->area_count] = name;
        r->areas[r->area_count++] = (struct cr_plan_area){.start = a->start,
                                                          .end = a->end,
                                                          .offset = a->offset,
                                                          .protection = a->protection,
                                                          .flags = a->flags,
                                                          .kind = a->kind,
                                                          .vm_flags = a->vm_flags,
                                                          .file = (int32_t)a->file - 1};
    }
    return 0;
}

static uint32_t contents_of(const struct cr_restore *r, const quiesce_image_MappedFile *f)
{
    struct stat st;

    if (!f->contents)
        return 0;
    /* A file that may not be written to, and has not changed, has them. */
    if (access(f->path, W_OK) < 0 && stat(f->path, &st) == 0 && (uint64_t)st.st_size == f->size &&
        st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == f->changed_ns)
        return CR_PLAN_CONTENTS_IDLE;
    return r->flags & (CR_RESTORE_FILES_REFERENCE | CR_RESTORE_FILES_CHECK) ? CR_PLAN_CONTENTS_IDLE
                                                                            : 1;
}

static int add_files(struct cr_restore *r, const void *message, struct cr_error *err)
{
    const quiesce_image_MappedFiles *files = message;

    for (size_t i = 0; i < files->file_count; i++) {
        const quiesce_image_MappedFile *f = &files->file[i];
        size_t size = strlen(f->path) + 1;
        char *path = cr_restore_alloc(r, size, err);
        if (path == NULL)
            return -ENOMEM;
        memcpy(path, f->path, size);
        r->files[r->file_count++] =
            (struct cr_plan_file){.path = path,
                                  .object = f->deleted,
                                  .fd = -1,
                                  .size = f->size,
                                  .sysv_then = f->sysv,
                                  .contents = contents_of(r, f),
                                  .device = f->device,
                                  .inode = f->inode,
                                  .mode = f->contents && f->whole ? f->mode | S_IRUSR : 0};
    }
    return 0;
}

static int add_threads(struct cr_restore *r, const void *message, struct cr_error *err)
{
    const quiesce_image_Threads *threads = message;

    (void)err;
    for (size_t i = 0; i < threads->thread_count; i++) {
        const quiesce_image_Thread *t = &threads->thread[i];
        r->threads[r->thread_count++] = (struct cr_plan_thread){
            (const struct cr_context *)t->context, (int32_t)t->tid, t->tid == r->header->pid};
    }
    return 0;
}

static int add_known_ids(struct cr_restore *r, const void *message, struct cr_error *err)
{
    const quiesce_image_Ids *ids = message;

    (void)err;
    for (size_t i = 0; i < ids->id_count; i++)
        r->known_ids[r->known_id_count++] =
            (struct cr_freeze_id){ids->id[i].known, ids->id[i].kernel, ids->id[i].kinds};
    return 0;
}

static int add_descriptors(struct cr_restore *r, const void *message, struct cr_error *err)
{
    const quiesce_image_Descriptors *ds = message;

    (void)err;
    for (size_t i = 0; i < ds->descriptor_count; i++)
        r->fds[r->fd_count++] = ds->descriptor[i].fd;
    return 0;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

#define PER_NOTE(type, member) (sizeof(((type *)0)->member) / sizeof(((type *)0)->member[0]))

static int make_tables(struct cr_restore *r, struct cr_error *err)
{
    size_t areas =
        count_notes(r, quiesce_image_NoteType_NOTE_AREAS) * PER_NOTE(quiesce_image_Areas, area);
    size_t files = count_notes(r, quiesce_image_NoteType_NOTE_MAPPED_FILES) *
                   PER_NOTE(quiesce_image_MappedFiles, file);
    size_t threads = count_notes(r, quiesce_image_NoteType_NOTE_THREADS) *
                     PER_NOTE(quiesce_image_Threads, thread);
    size_t fds = count_notes(r, quiesce_image_NoteType_NOTE_DESCRIPTORS) *
                 PER_NOTE(quiesce_image_Descriptors, descriptor);
    size_t known =
        count_notes(r, quiesce_image_NoteType_NOTE_IDS) * PER_NOTE(quiesce_image_Ids, id);

    r->areas = cr_restore_alloc(r, areas * sizeof(*r->areas) + 1, err);
    r->area_names = cr_restore_alloc(r, areas * sizeof(*r->area_names) + 1, err);
    r->files = cr_restore_alloc(r, files * sizeof(*r->files) + 1, err);
    r->threads = cr_restore_alloc(r, threads * sizeof(*r->threads) + 1, err);
    r->fds = cr_restore_alloc(r, fds * sizeof(*r->fds) + 1, err);
    r->known_ids = cr_restore_alloc(r, known * sizeof(*r->known_ids) + 1, err);
    return r->known_ids != NULL && r->areas != NULL && r->area_names != NULL && r->files != NULL &&
                   r->threads != NULL && r->fds != NULL
               ? 0
               : -ENOMEM;
}

#define DECODE_ONE(type, name, out)                                                                \
    decode_one(r, type, quiesce_image_##name##_fields, sizeof(quiesce_image_##name),               \
               (void **)(out), err)
#define DECODE_EACH(type, name, each)                                                              \
    decode_each(r, type, quiesce_image_##name##_fields, sizeof(quiesce_image_##name), each, err)

static int decode_single_notes(struct cr_restore *r, struct cr_error *err)
{
    int rc = DECODE_ONE(quiesce_image_NoteType_NOTE_HEADER, Header, &r->header);

    if (rc == 0)
        rc = DECODE_ONE(quiesce_image_NoteType_NOTE_HOST, Host, &r->host);
    if (rc == 0)
        rc = DECODE_ONE(quiesce_image_NoteType_NOTE_MM, Mm, &r->mm);
    if (rc == 0)
        rc = DECODE_ONE(quiesce_image_NoteType_NOTE_RANK, Rank, &r->rank);
    if (rc < 0)
        return rc;
    if (r->header == NULL || r->host == NULL || r->mm == NULL)
        return cr_fail(err, CR_EINCOMPLETE, "%s: notes are missing", r->path);
    return 0;
}

/* Which areas hold page data; runs and areas ascend. */
static int mark_filled(struct cr_restore *r, struct cr_error *err)
{
    size_t a = 0;

    for (size_t i = 0; i < r->reader.run_count; i++) {
        const struct cr_stored_run *run = &r->reader.runs[i];
        uint64_t at = run->start;
        while (at < run->start + run->size) {
            while (a < r->area_count && r->areas[a].end <= at)
                a++;
            if (a == r->area_count || r->areas[a].start > at)
                return cr_fail(err, CR_EDAMAGED, "%s: page data at 0x%lx belongs to no area",
                               r->path, (unsigned long)at);
            r->areas[a].filled = 1;
            at = r->areas[a].end;
        }
    }
    return 0;
}

int cr_restore_decode(struct cr_restore *r, struct cr_error *err)
{
    int rc = decode_single_notes(r, err);

    if (rc == 0)
        rc = make_tables(r, err);
    if (rc == 0)
        rc = DECODE_EACH(quiesce_image_NoteType_NOTE_MAPPED_FILES, MappedFiles, add_files);
    if (rc == 0)
        rc = DECODE_EACH(quiesce_image_NoteType_NOTE_AREAS, Areas, add_areas);
    if (rc == 0)
        rc = DECODE_EACH(quiesce_image_NoteType_NOTE_THREADS, Threads, add_threads);
    if (rc == 0)
        rc = DECODE_EACH(quiesce_image_NoteType_NOTE_IDS, Ids, add_known_ids);
    if (rc == 0)
        rc = DECODE_EACH(quiesce_image_NoteType_NOTE_DESCRIPTORS, Descriptors, add_descriptors);
    if (rc == 0)
        rc = mark_filled(r, err);
    if (rc == 0)
        qsort(r->fds, r->fd_count, sizeof(*r->fds), compare_ints);
    return rc;
}

static void move_image_high(struct cr_restore *r)
{
    int high = (int)cr_sys(SYS_fcntl, r->reader.fd, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);

    if (high < 0)
        return;
    cr_sys_close(r->reader.fd);
    r->reader.fd = high;
}

static int make(const char *path, int flags, struct cr_restore **ret_restore, struct cr_error *err)
{
    struct cr_restore *r = calloc(1, sizeof(*r));
    int rc;

    if (r == NULL)
        return cr_fail(err, ENOMEM, "no memory to read %s", path);
    r->path = path;
    r->flags = flags;
    r->reader.fd = -1;
    rc = cr_arena_create(&r->arena, ARENA_SIZE);
    if (rc < 0) {
        free(r);
        return cr_fail(err, -rc, "no memory to read %s", path);
    }
    *ret_restore = r;
    return 0;
}

/* RC: how the opening of the image went. */
static int finish_opening(struct cr_restore *r, int rc, struct cr_restore **ret_restore,
                          struct cr_error *err)
{
    if (rc == 0)
        rc = cr_restore_decode(r, err);
    if (rc < 0) {
        cr_restore_close(r);
        return rc;
    }
    *ret_restore = r;
    return 0;
}

int cr_restore_open(const char *path, int flags, struct cr_restore **ret_restore,
                    struct cr_error *err)
{
    struct cr_restore *r;
    int rc = make(path, flags, &r, err);

    if (rc < 0)
        return rc;
    rc = cr_image_open(&r->arena, path, &r->reader, err);
    if (rc == 0)
        move_image_high(r);
    return finish_opening(r, rc, ret_restore, err);
}

int cr_restore_open_member(const struct cr_manifest *m, const char *path,
                           const quiesce_group_Member *member, int flags,
                           struct cr_restore **ret_restore, struct cr_error *err)
{
    struct cr_restore *r;
    int rc = make(path, flags, &r, err);

    if (rc < 0)
        return rc;
    rc = cr_manifest_open_image(&r->arena, m, path, member, &r->reader, err);
    return finish_opening(r, rc, ret_restore, err);
}

void cr_restore_close(struct cr_restore *r)
{
    if (r->reader.fd >= 0)
        cr_image_close(&r->reader);
    cr_arena_destroy(&r->arena);
    free(r);
}

size_t cr_restore_descriptors(const struct cr_restore *r, const int **ret_fds)
{
    *ret_fds = r->fds;
    return r->fd_count;
}

int cr_restore_rank(const struct cr_restore *r, struct cr_restore_rank *ret_rank,
                    struct cr_error *err)
{
    const quiesce_image_Rank *n = r->rank;

    if (n == NULL)
        return cr_fail(err, CR_ENOTIMAGE, "%s is not the image of an MPI rank", r->path);
    memset(ret_rank, 0, sizeof(*ret_rank));
    ret_rank->rank = n->rank;
    ret_rank->size = n->size;
    ret_rank->sequence = n->sequence;
    ret_rank->thread_level = n->thread_level;
    ret_rank->initialized = n->initialized;
    ret_rank->upper_end = n->upper_end;
    ret_rank->fake_vdso = n->fake_vdso;
    ret_rank->brk_variable = n->brk_variable;
    cr_str_copy(ret_rank->job, sizeof(ret_rank->job), n->job);
    return 0;
}
