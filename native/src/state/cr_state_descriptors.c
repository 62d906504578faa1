/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Descriptors: regular files and directories by path, memory devices, the standard streams. What else is
 * open is refused by number and in words.
 */
#include "cr_state_descriptors_parts.h"

#include "cr_state_kinds.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/sysmacros.h>

#define DESCRIPTORS_PER_NOTE                                                                       \
    (sizeof(((quiesce_image_Descriptors *)0)->descriptor) / sizeof(quiesce_image_Descriptor))

/* Devices as in the kernel's Documentation/admin-guide/devices.txt. */
enum {
    MAJOR_MEMORY = 1,
    MINOR_NULL = 3,
    MINOR_ZERO = 5,
    MINOR_FULL = 7,
    MINOR_RANDOM = 8,
    MINOR_URANDOM = 9,
    MAJOR_TTY = 5,
    MINOR_TTY = 0,
};

static int is_standard(int fd)
{
    return fd >= 0 && fd <= 2;
}

int cr_descriptor_is_foreign(const struct cr_foreign *foreign, int fd)
{
    for (size_t i = 0; i < foreign->fd_count; i++) {
        if (foreign->fds[i] == fd)
            return 1;
    }
    return 0;
}

/* kcmp() gives an order of open file descriptions: 0 the same, 1 less, 2 greater. */
static int compare_descriptions(int pid, int a, int b)
{
    long order = cr_sys(SYS_kcmp, pid, pid, KCMP_FILE, a, b);

    return order == 1 ? -1 : order == 2 ? 1 : (int)order;
}

typedef int compare_fn(int pid, const struct cr_open_file *a, const struct cr_open_file *b);

/* By inode, so that only descriptors of one file are compared by kcmp(); then by description, then by number. */
static int by_description(int pid, const struct cr_open_file *a, const struct cr_open_file *b)
{
    int order;

    if (a->st.st_ino != b->st.st_ino)
        return a->st.st_ino < b->st.st_ino ? -1 : 1;
    if (a->st.st_dev != b->st.st_dev)
        return a->st.st_dev < b->st.st_dev ? -1 : 1;
    order = compare_descriptions(pid, a->fd, b->fd);
    if (order == -1 || order == 1)
        return order;
    return a->fd - b->fd;
}

static int by_number(int pid, const struct cr_open_file *a, const struct cr_open_file *b)
{
    (void)pid;
    return a->fd - b->fd;
}

static void sift_down(compare_fn *compare, int pid, struct cr_open_file *files, size_t root,
                      size_t count)
{
    struct cr_open_file held = files[root];

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(pid, &files[child], &files[child + 1]) < 0)
            child++;
        if (compare(pid, &held, &files[child]) >= 0)
            break;
        files[root] = files[child];
    }
    files[root] = held;
}

static void sort_files(compare_fn *compare, int pid, struct cr_open_file *files, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(compare, pid, files, i, count);
    for (size_t end = count; end > 1; end--) {
        struct cr_open_file last = files[end - 1];

        files[end - 1] = files[0];
        files[0] = last;
        sift_down(compare, pid, files, 0, end - 1);
    }
}

static int find_sharing(struct cr_open_file *files, size_t count, struct cr_error *err)
{
    int pid = cr_sys_getpid();
    long probe = count > 0 ? cr_sys(SYS_kcmp, pid, pid, KCMP_FILE, files[0].fd, files[0].fd) : 0;

    if (probe < 0)
        return cr_fail(err, CR_EKERNEL,
                       "kcmp(): %s; without it the sharing of descriptors cannot be saved; allow "
                       "the system call in the container's or service's filter",
                       cr_error_words((int)-probe));
    sort_files(by_description, pid, files, count);
    for (size_t i = 0; i < count; i++) {
        files[i].same_as = -1;
        if (i > 0 && files[i].st.st_ino == files[i - 1].st.st_ino &&
            files[i].st.st_dev == files[i - 1].st.st_dev &&
            compare_descriptions(pid, files[i].fd, files[i - 1].fd) == 0)
            files[i].same_as = files[i - 1].same_as >= 0 ? files[i - 1].same_as : files[i - 1].fd;
    }
    sort_files(by_number, pid, files, count);
    return 0;
}

static int list_files(const struct cr_state *state, struct cr_arena *arena,
                      struct cr_open_file **ret_files, size_t *ret_count, struct cr_error *err)
{
    struct cr_open_file *files;
    size_t count = 0;
    size_t listed;
    int *fds;
    int rc = cr_proc_list(arena, "/proc/thread-self/fd", &fds, &listed, err);

    if (rc < 0)
        return rc;
    files = cr_arena_alloc(arena, listed * sizeof(*files) + 1);
    if (files == NULL)
        return cr_fail_memory(err);
    for (size_t i = 0; i < listed; i++) {
        if (cr_descriptor_is_foreign(state->foreign, fds[i]))
            continue;
        files[count].fd = fds[i];
        if (cr_sys_fstat(fds[i], &files[count].st) == 0)
            count++;
    }
    rc = find_sharing(files, count, err);
    *ret_files = files;
    *ret_count = count;
    return rc;
}

static int is_memory_device(const struct stat *st)
{
    unsigned number = minor(st->st_rdev);

    if (!S_ISCHR(st->st_mode))
        return 0;
    if (major(st->st_rdev) == MAJOR_TTY)
        return number == MINOR_TTY;
    return major(st->st_rdev) == MAJOR_MEMORY &&
           (number == MINOR_NULL || number == MINOR_ZERO || number == MINOR_FULL ||
            number == MINOR_RANDOM || number == MINOR_URANDOM);
}

/* Does PATH lead to the file that is open? Not if it was deleted or replaced. */
static int path_leads_to(const char *path, const struct stat *st)
{
    struct stat found;

    return path[0] == '/' && cr_sys_stat(path, &found) == 0 && found.st_ino == st->st_ino &&
           found.st_dev == st->st_dev;
}

/* The kind that saves FILE, or -1. LINK: what /proc says about it. */
static int find_kind(const struct cr_foreign *foreign, const struct cr_open_file *file,
                     const char *link)
{
    const struct stat *st = &file->st;
    int has_path = path_leads_to(link, st);
    int is_stream = is_standard(file->fd) || is_standard(file->same_as);

    if (is_stream && (foreign->keep_standard_streams || !S_ISREG(st->st_mode)))
        return quiesce_image_DescriptorKind_DESCRIPTOR_STANDARD;
    if (S_ISREG(st->st_mode) && has_path)
        return quiesce_image_DescriptorKind_DESCRIPTOR_FILE;
    if (S_ISDIR(st->st_mode) && has_path)
        return quiesce_image_DescriptorKind_DESCRIPTOR_DIRECTORY;
    if (is_memory_device(st) && has_path)
        return quiesce_image_DescriptorKind_DESCRIPTOR_DEVICE;
    return -1;
}

/* Files of our own process in /proc are called by "self", since the number may be another one after a restart. */
static void store_path(const char *link, char *out, size_t size)
{
    char own[32];
    size_t length = cr_fmt(own, sizeof(own), "/proc/%d/", cr_sys_getpid());

    if (cr_str_starts(link, own))
        cr_fmt(out, size, "/proc/self/%s", link + length);
    else
        cr_str_copy(out, size, link);
}

static void describe(const struct cr_open_file *file, int kind, const char *link,
                     quiesce_image_Descriptor *out)
{
    long flags = cr_sys(SYS_fcntl, file->fd, F_GETFL, 0);
    long offset = cr_sys(SYS_lseek, file->fd, 0, SEEK_CUR);

    *out = (quiesce_image_Descriptor){0};
    out->fd = file->fd;
    out->kind = (quiesce_image_DescriptorKind)kind;
    out->status_flags = (uint32_t)flags;
    out->close_on_exec = (cr_sys(SYS_fcntl, file->fd, F_GETFD, 0) & FD_CLOEXEC) != 0;
    out->offset = offset > 0 ? offset : 0;
    out->same_as = file->same_as;
    out->size = (uint64_t)file->st.st_size;
    out->mtime_ns = cr_stat_mtime_ns(&file->st);
    out->device = file->st.st_dev;
    out->inode = file->st.st_ino;
    if (kind != quiesce_image_DescriptorKind_DESCRIPTOR_STANDARD)
        store_path(link, out->path, sizeof(out->path));
}

static void refuse(struct cr_refusals *refusals, const struct cr_open_file *file, const char *link)
{
    char words[400];

    cr_descriptor_words(file, link, words, sizeof(words));
    cr_refuse(refusals, "descriptor %d is %s", file->fd, words);
}

static int flush(struct cr_state *state, quiesce_image_Descriptors *message, struct cr_error *err)
{
    int rc = 0;

    if (message->descriptor_count > 0)
        rc = cr_state_add(state, quiesce_image_NoteType_NOTE_DESCRIPTORS,
                          quiesce_image_Descriptors_fields, message, err);
    message->descriptor_count = 0;
    return rc;
}

struct work {
    quiesce_image_Descriptors message;
    char link[CR_PATH_SIZE];
};

static void add_file(struct cr_arena *arena, const struct cr_open_file *file, int kind,
                     struct work *work, struct cr_refusals *refusals)
{
    quiesce_image_Descriptor *out = &work->message.descriptor[work->message.descriptor_count++];

    describe(file, kind, work->link, out);
    if (out->status_flags & O_ASYNC)
        cr_refuse(refusals,
                  "descriptor %d (%s) sends signals (O_ASYNC); switch that off with fcntl(F_SETFL) "
                  "before the checkpoint",
                  file->fd, work->link);
    if (kind == quiesce_image_DescriptorKind_DESCRIPTOR_FILE && file->same_as < 0)
        cr_locks_collect(arena, out, refusals);
}

static int add_files(struct cr_state *state, struct cr_arena *arena,
                     const struct cr_open_file *files, size_t count, struct work *work,
                     struct cr_error *err)
{
    struct cr_refusals refusals = {0};
    char path[40];
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct cr_open_file *file = &files[i];
        int kind;

        if (state->foreign->keep_standard_streams && is_standard(file->fd))
            continue;
        cr_fmt(path, sizeof(path), "/proc/thread-self/fd/%d", file->fd);
        if (cr_sys_readlink(path, work->link, sizeof(work->link)) < 0)
            work->link[0] = '\0';
        kind = find_kind(state->foreign, file, work->link);
        if (kind < 0) {
            refuse(&refusals, file, work->link);
            continue;
        }
        add_file(arena, file, kind, work, &refusals);
        if (work->message.descriptor_count == DESCRIPTORS_PER_NOTE)
            rc = flush(state, &work->message, err);
    }
    if (rc == 0)
        rc = cr_refusals_end(&refusals, err);
    return rc == 0 ? flush(state, &work->message, err) : rc;
}

static int collect(struct cr_state *state, struct cr_arena *arena, struct cr_error *err)
{
    struct work *work = cr_arena_alloc(arena, sizeof(*work));
    struct cr_open_file *files = NULL;
    size_t count = 0;
    int rc = work != NULL ? list_files(state, arena, &files, &count, err) : cr_fail_memory(err);

    return rc < 0 ? rc : add_files(state, arena, files, count, work, err);
}

int cr_descriptors_collect(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    cr_scratch_begin(&scratch, state->arena);
    rc = collect(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}
