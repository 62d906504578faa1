/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. Files across a checkpoint: what is refused, what is saved, and
 * how they are opened again. A file is treated like one that a process has opened without MPI: it
 * is found by its name, one that is shorter than it was is refused, and what the job has written
 * behind the end that it had is cut off, because it will be written again.
 */
#include "cr_file.h"
#include "cr_fmt.h"
#include "cr_stub_wrap.h"
#include "cr_sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define TAG 0x7144
/* What has happened already, and what the closing here does. */
#define ONCE (MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_APPEND | MPI_MODE_DELETE_ON_CLOSE)

/* The first error that bringing data to the disk met. */
static struct cr_error sync_error;
static int sync_failed;

static const char *mode_name(const struct cr_file *file)
{
    return file->amode & MPI_MODE_SEQUENTIAL ? " (MPI_MODE_SEQUENTIAL)" : "";
}

static int refuse(const struct cr_file *file, const char *why, struct cr_error *err)
{
    return cr_fail(err, CR_EREFUSED, "open MPI file #%lu %s%s %s; close it before the checkpoint",
                   file->keyed.number, cr_file_path(file), mode_name(file), why);
}

static int is_it(const struct cr_file *file, const char *path)
{
    struct stat st;

    return cr_sys(SYS_newfstatat, AT_FDCWD, path, &st, 0) == 0 && st.st_dev == file->device &&
           st.st_ino == file->inode;
}

int cr_file_each_descriptor(int (*visit)(const char *path, void *context), void *context)
{
    size_t room = 4096, count;
    int *fds = cr_pool_alloc(room * sizeof(int)), found = 0;
    char *path = cr_pool_alloc(PATH_MAX);

    count = cr_lower->fds(fds, room);
    for (size_t i = 0; i < count && i < room && !found; i++) {
        char link[40];
        long length;

        cr_fmt(link, sizeof(link), "/proc/self/fd/%d", fds[i]);
        length = cr_sys(SYS_readlink, link, path, PATH_MAX - 1);
        path[length > 0 ? length : 0] = '\0';
        found = path[0] == '/' && visit(path, context);
    }
    cr_pool_free(path, PATH_MAX);
    cr_pool_free(fds, room * sizeof(int));
    return found;
}

/* A descriptor of the lower half leads to the present name of a file. */
static int rename_to(const char *path, void *context)
{
    struct cr_file *file = context;

    if (!is_it(file, path))
        return 0;
    cr_file_name(file, file->name, file->prefix, path);
    return 1;
}

/* It may have been renamed since. */
static int find(struct cr_file *file, struct cr_error *err)
{
    if (!file->regular || is_it(file, cr_file_path(file)) ||
        cr_file_each_descriptor(rename_to, file))
        return 0;
    return refuse(file, "was deleted, and what is in it cannot be saved", err);
}

static void sync_file(const struct cr_file *file)
{
    int access = file->amode & MPI_MODE_WRONLY ? O_WRONLY : O_RDONLY;
    int fd = cr_sys_open(cr_file_path(file), access | O_CLOEXEC, 0);
    int rc = fd;

    if (fd >= 0) {
        rc = (int)cr_sys(SYS_fsync, fd);
        cr_sys_close(fd);
    }
    if (rc < 0 && !sync_failed) {
        sync_failed = 1;
        cr_fail(&sync_error, -rc, "data of the open MPI file %s cannot be written: %s",
                cr_file_path(file), cr_error_words(-rc));
    }
}

void cr_file_sync(void)
{
    sync_failed = 0;
    for (struct cr_keyed *k = cr_file_list(); k != NULL; k = k->next) {
        const struct cr_file *file = (const struct cr_file *)k;

        if (file->regular && !(file->amode & MPI_MODE_RDONLY))
            sync_file(file);
    }
}

static int sync_result(struct cr_error *err)
{
    return sync_failed ? cr_fail(err, sync_error.code, "%s", sync_error.text) : 0;
}

/*
 * Most data go to the disk here, where nobody waits for it in a drain, whose patience is short: only
 * what is in progress is left for that.
 */
int cr_file_check(struct cr_error *err)
{
    for (struct cr_keyed *k = cr_file_list(); k != NULL; k = k->next) {
        struct cr_file *file = (struct cr_file *)k;
        int rc = 0;

        if (file->outside)
            rc = refuse(file, "was opened with processes outside of MPI_COMM_WORLD", err);
        else if (file->relaxed)
            rc = refuse(file, "keeps shared writes in other files until it is closed", err);
        else
            rc = find(file, err);
        if (rc < 0)
            return rc;
    }
    cr_file_sync();
    return sync_result(err);
}

/* FS is the lower half's. */
static void free_type(MPI_Datatype type)
{
    int integers, addresses, types, combiner = MPI_COMBINER_NAMED;

    CR_REAL(Type_get_envelope)(type, &integers, &addresses, &types, &combiner);
    if (combiner == MPI_COMBINER_DUP)
        CR_REAL(Type_free)(&type);
}

static void ask(struct cr_file *file, MPI_Info *ret_hints)
{
    MPI_File real = (MPI_File)file->keyed.handle.real;
    struct cr_file_saved *s = &file->saved;
    MPI_Datatype etype = NULL, filetype = NULL;
    uint64_t fs = cr_lower_enter();

    s->has_position = CR_REAL(File_get_position)(real, &s->position) == MPI_SUCCESS;
    s->has_shared =
        file->shares && CR_REAL(File_get_position_shared)(real, &s->shared) == MPI_SUCCESS;
    CR_REAL(File_get_atomicity)(real, &s->atomic);
    if (CR_REAL(File_get_view)(real, &s->disp, &etype, &filetype, s->datarep) == MPI_SUCCESS) {
        free_type(etype);
        free_type(filetype);
    }
    if (CR_REAL(File_get_info)(real, ret_hints) != MPI_SUCCESS)
        *ret_hints = NULL;
    cr_lower_leave(fs);
}

static int save(struct cr_file *file, struct cr_error *err)
{
    MPI_Info hints = NULL;
    struct stat st;
    uint64_t fs;
    int rc;

    ask(file, &hints);
    cr_file_helpers_note(file);
    cr_info_pairs_free(&file->saved.hints);
    if (hints != NULL) {
        file->saved.hints = cr_info_pairs_read(hints);
        fs = cr_lower_enter();
        CR_REAL(Info_free)(&hints);
        cr_lower_leave(fs);
    }
    if ((file->amode & MPI_MODE_SEQUENTIAL) && !file->saved.has_shared)
        return refuse(file, "has a position that this MPI does not tell", err);
    rc = (int)cr_sys(SYS_newfstatat, AT_FDCWD, cr_file_path(file), &st, 0);
    if (file->regular && rc < 0)
        return cr_fail(err, -rc, "open MPI file %s: %s", cr_file_path(file), cr_error_words(-rc));
    file->saved.size = (uint64_t)st.st_size;
    return 0;
}

int cr_file_save(struct cr_error *err)
{
    int rc = sync_result(err);

    for (struct cr_keyed *k = cr_file_list(); k != NULL && rc == 0; k = k->next)
        rc = save((struct cr_file *)k, err);
    return rc;
}

static int cut(const struct cr_file *file, struct cr_error *err)
{
    int fd = cr_sys_open(cr_file_path(file), O_WRONLY | O_CLOEXEC, 0);
    int rc = fd;

    if (fd >= 0) {
        rc = (int)cr_sys(SYS_ftruncate, fd, file->saved.size);
        cr_sys_close(fd);
    }
    return rc < 0 ? cr_fail(err, -rc, "cannot cut %s (MPI file #%lu) back to %lu bytes: %s",
                            cr_file_path(file), file->keyed.number, file->saved.size,
                            cr_error_words(-rc))
                  : 0;
}

static int prepare(const struct cr_file *file, struct cr_error *err)
{
    struct stat st;
    int rc;

    cr_file_helpers_remove(file);
    if (!file->regular)
        return 0;
    rc = (int)cr_sys(SYS_newfstatat, AT_FDCWD, cr_file_path(file), &st, 0);
    if (rc < 0)
        return cr_fail(err, rc == -ENOENT ? CR_EFILEMISSING : -rc,
                       "cannot open %s again, which the program had as MPI file #%lu: %s; put the "
                       "file back and restart",
                       cr_file_path(file), file->keyed.number, cr_error_words(-rc));
    if ((uint64_t)st.st_size < file->saved.size)
        return cr_fail(err, CR_EFILECHANGED,
                       "%s (MPI file #%lu) has %lu bytes and had %lu when the image was taken; put "
                       "its contents back and restart",
                       cr_file_path(file), file->keyed.number, (unsigned long)st.st_size,
                       file->saved.size);
    if ((uint64_t)st.st_size > file->saved.size && !(file->amode & MPI_MODE_RDONLY) &&
        cr_file_first(file))
        return cut(file, err);
    return 0;
}

int cr_file_prepare(struct cr_error *err)
{
    for (struct cr_keyed *k = cr_file_list(); k != NULL; k = k->next) {
        int rc = prepare((const struct cr_file *)k, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/*
 * The position of the shared pointer: some ranks may know it, because they have used it. Open MPI compares MPI_OFFSET without
 * a sign.
 */
static int share_position(struct cr_file_saved *s, MPI_Comm comm)
{
    MPI_Offset own = s->has_shared ? s->shared : 0;
    int rc = CR_REAL(Allreduce)(&own, &s->shared, 1, CR_REAL_DATATYPE(MPI_OFFSET),
                                CR_REAL_OP(MPI_MAX), comm);

    s->has_shared = s->shared > 0;
    return rc;
}

/* All ranks of the file come here after the one of them that cuts it. */
static int open_again(struct cr_file *file, MPI_Info hints, MPI_File *ret_real)
{
    int amode = file->amode & ~ONCE;
    MPI_Group group = cr_group_real_of(file->world_ranks, file->size);
    MPI_Comm comm = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_create_group)(CR_REAL_COMM(MPI_COMM_WORLD), group, TAG, &comm);

    CR_REAL(Group_free)(&group);
    if (rc == MPI_SUCCESS) {
        rc = share_position(&file->saved, comm);
        if (rc == MPI_SUCCESS)
            rc = CR_REAL(File_open)(comm, file->name, amode, hints, ret_real);
        CR_REAL(Comm_free)(&comm);
    }
    cr_lower_leave(fs);
    return rc;
}

static int put_back(const struct cr_file *file, MPI_File real, MPI_Info hints)
{
    const struct cr_file_saved *s = &file->saved;
    int rc = MPI_SUCCESS;
    uint64_t fs = cr_lower_enter();

    if (file->etype != NULL)
        rc = CR_REAL(File_set_view)(real, s->disp, CR_REAL_DATATYPE(file->etype),
                                    CR_REAL_DATATYPE(file->filetype), s->datarep, hints);
    if (rc == MPI_SUCCESS && s->atomic)
        rc = CR_REAL(File_set_atomicity)(real, 1);
    if (rc == MPI_SUCCESS && s->has_position)
        rc = CR_REAL(File_seek)(real, s->position, MPI_SEEK_SET);
    if (rc == MPI_SUCCESS && s->has_shared)
        rc = CR_REAL(File_seek_shared)(real, s->shared, MPI_SEEK_SET);
    cr_lower_leave(fs);
    return rc;
}

static int rebuild(struct cr_file *file, struct cr_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    MPI_Info hints = cr_info_pairs_make(file->saved.hints);
    MPI_File real = NULL;
    uint64_t fs;
    int rc = open_again(file, hints, &real), length = 0;

    if (rc == MPI_SUCCESS)
        rc = put_back(file, real, hints);
    fs = cr_lower_enter();
    CR_REAL(Info_free)(&hints);
    if (rc != MPI_SUCCESS)
        CR_REAL(Error_string)(rc, text, &length);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return cr_fail(err, CR_EREFUSED, "MPI file #%lu %s cannot be opened again: %s",
                       file->keyed.number, cr_file_path(file), text);
    file->keyed.handle.real = real;
    file->reopened = 1;
    cr_file_opened(file);
    return 0;
}

static int before(const struct cr_file *a, const struct cr_file *b)
{
    return a->id_high != b->id_high ? a->id_high < b->id_high : a->id_low < b->id_low;
}

/* The file with the smallest identity behind LAST; NULL: none. */
static struct cr_file *next_file(const struct cr_file *last)
{
    struct cr_file *best = NULL;

    for (struct cr_keyed *k = cr_file_list(); k != NULL; k = k->next) {
        struct cr_file *f = (struct cr_file *)k;

        if (last != NULL && !before(last, f))
            continue;
        if (best == NULL || before(f, best))
            best = f;
    }
    return best;
}

/* In an order that is the same on all ranks. */
int cr_file_rebuild(struct cr_error *err)
{
    int rc = 0;

    for (struct cr_file *f = next_file(NULL); f != NULL && rc == 0; f = next_file(f))
        rc = rebuild(f, err);
    return rc;
}
