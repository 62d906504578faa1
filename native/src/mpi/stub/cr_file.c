/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. MPI files: opening, closing, and what must be remembered for a restart. Like
 * communicators, files have an identity that all ranks agree on without talking.
 */
#include "cr_file.h"

#include "cr_communicator.h"
#include "cr_stub_wrap.h"
#include "cr_sys.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RELAXED "OMPIO_SHAREDFP_RELAXED_ORDERING"
#define COMPONENT "OMPI_MCA_sharedfp"

struct cr_keyed_list cr_files;

struct cr_keyed *cr_file_list(void)
{
    return cr_files.first;
}

int cr_file_first(const struct cr_file *file)
{
    return file->world_ranks[0] ==
           ((struct cr_communicator *)MPI_COMM_WORLD)
               ->world_ranks[((struct cr_communicator *)MPI_COMM_WORLD)->rank];
}

void cr_file_name(struct cr_file *file, const char *prefix, size_t prefix_size, const char *path)
{
    size_t size = prefix_size + strlen(path) + 1;
    char *name = cr_pool_alloc(size);

    memcpy(name, prefix, prefix_size);
    memcpy(name + prefix_size, path, size - prefix_size);
    if (file->name != NULL)
        cr_pool_free(file->name, file->name_size);
    file->name = name;
    file->name_size = size;
    file->prefix = prefix_size;
}

void cr_file_uses_shared(MPI_File file)
{
    if (cr_wrap_is(file, CR_KIND_FILE))
        ((struct cr_file *)file)->shares = 1;
}

void cr_file_opened(struct cr_file *file)
{
    if (file->opened != NULL)
        cr_pool_free(file->opened, file->opened_size);
    file->opened_size = file->name_size - file->prefix;
    file->opened = cr_pool_alloc(file->opened_size);
    memcpy(file->opened, cr_file_path(file), file->opened_size);
}

static int look(const char *path, struct stat *st)
{
    return (int)cr_sys(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

/* The working directory may be another one at the restart. */
static void name_absolute(struct cr_file *file, const char *given, size_t prefix)
{
    const char *path = given + prefix;
    size_t size = PATH_MAX + strlen(path) + 2, length;
    char *absolute = cr_pool_alloc(size);

    if (path[0] != '/' && cr_sys(SYS_getcwd, absolute, PATH_MAX) > 0) {
        length = strlen(absolute);
        absolute[length++] = '/';
    } else {
        length = 0;
    }
    memcpy(absolute + length, path, strlen(path) + 1);
    cr_file_name(file, given, prefix, absolute);
    cr_file_opened(file);
    cr_pool_free(absolute, size);
}

static void name(struct cr_file *file, const char *given)
{
    const char *colon = strchr(given, ':');
    size_t prefix = 0;
    struct stat st;
    int rc = look(given, &st);

    if (rc < 0 && colon != NULL) {
        prefix = (size_t)(colon + 1 - given);
        rc = look(given + prefix, &st);
    }
    name_absolute(file, given, prefix);
    if (rc < 0)
        return;
    file->regular = S_ISREG(st.st_mode);
    file->device = st.st_dev;
    file->inode = st.st_ino;
}

static int wants_relaxed(int amode, MPI_Info info)
{
    const char *component = getenv(COMPONENT);
    int length, flag = 0;

    if (amode & MPI_MODE_RDONLY)
        return 0;
    if (component != NULL && component[0] != '^' && strstr(component, "individual") != NULL)
        return 1;
    if (info != MPI_INFO_NULL)
        PMPI_Info_get_valuelen(info, RELAXED, &length, &flag);
    return flag;
}

static void members(struct cr_file *file, const struct cr_communicator *comm)
{
    const uint64_t id[2] = {file->id_high, file->id_low};
    size_t size = (size_t)comm->peer_size * sizeof(uint32_t);

    file->outside = (comm->flags & CR_COMM_OUTSIDE) != 0;
    file->size = comm->peer_size;
    file->world_ranks = cr_pool_alloc(size);
    memcpy(file->world_ranks, comm->world_ranks, size);
    if (!file->outside)
        file->keyed.clock = cr_quiesce_call_clock(id, file->world_ranks, file->size);
}

static MPI_File file_new(MPI_File real, const struct cr_communicator *comm, const char *filename,
                         int amode, MPI_Info info, const uint64_t id[2])
{
    struct cr_file *file = (struct cr_file *)cr_handle_new(CR_KIND_FILE, sizeof(*file), real);

    file->keyed.made_by = "MPI_File_open";
    cr_errhandler_inherit(&file->keyed, (struct cr_keyed *)MPI_FILE_NULL);
    file->amode = amode;
    file->relaxed = wants_relaxed(amode, info);
    file->shares = (amode & (MPI_MODE_APPEND | MPI_MODE_SEQUENTIAL)) != 0;
    file->id_high = id[0];
    file->id_low = id[1];
    members(file, comm);
    name(file, filename);
    cr_keyed_add(&cr_files, &file->keyed);
    return (MPI_File)file;
}

CR_MPI(int, File_open,
       (MPI_Comm comm, const char *filename, int amode, MPI_Info info, MPI_File *fh))
{
    uint64_t fs, id[2] = {0, 0};
    MPI_File real = NULL;
    int rc;

    cr_gate_enter();
    cr_wrap_begin_comm(comm);
    if (cr_wrap_is(comm, CR_KIND_COMM))
        cr_communicator_child(comm, id);
    fs = cr_lower_enter();
    rc = CR_REAL(File_open)(CR_REAL_COMM(comm), filename, amode, CR_REAL_INFO(info),
                            fh != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        *fh = file_new(real, (struct cr_communicator *)comm, filename, amode, info, id);
    cr_collective_end();
    cr_gate_leave();
    return cr_raise_file(MPI_FILE_NULL, rc, "MPI_File_open");
}

static void forget_view(struct cr_file *file)
{
    if (file->etype == NULL)
        return;
    cr_datatype_release(file->etype);
    cr_datatype_release(file->filetype);
}

static void forget(struct cr_file *file)
{
    cr_keyed_remove(&cr_files, &file->keyed);
    forget_view(file);
    cr_info_pairs_free(&file->saved.hints);
    cr_file_helpers_free(file);
    cr_pool_free(file->world_ranks, (size_t)file->size * sizeof(uint32_t));
    cr_pool_free(file->name, file->name_size);
    cr_pool_free(file->opened, file->opened_size);
    cr_quiesce_call_over(file->keyed.clock);
    cr_errhandler_drop(&file->keyed);
    cr_handle_delete(&file->keyed.handle, sizeof(*file));
}

/* Before the real call, which waits for all ranks: then the name is free when it returns. */
static int close_file(MPI_File *fh)
{
    struct cr_file *file = (struct cr_file *)*fh;
    MPI_File real = CR_REAL_FILE(*fh);
    uint64_t fs;
    int rc;

    if (file->reopened && (file->amode & MPI_MODE_DELETE_ON_CLOSE) && cr_file_first(file))
        cr_sys(SYS_unlink, cr_file_path(file));
    fs = cr_lower_enter();
    rc = CR_REAL(File_close)(&real);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    forget(file);
    *fh = MPI_FILE_NULL;
    return MPI_SUCCESS;
}

CR_MPI(int, File_close, (MPI_File * fh))
{
    MPI_File on = fh != NULL ? *fh : MPI_FILE_NULL;
    int rc = MPI_ERR_FILE;

    cr_gate_enter();
    if (cr_wrap_is(on, CR_KIND_FILE)) {
        cr_wrap_begin_file(on);
        rc = close_file(fh);
        cr_collective_end();
    }
    cr_gate_leave();
    return cr_raise_file(on, rc, "MPI_File_close");
}

CR_MPI(int, File_set_view,
       (MPI_File fh, MPI_Offset disp, MPI_Datatype etype, MPI_Datatype filetype,
        const char *datarep, MPI_Info info))
{
    struct cr_file *file = (struct cr_file *)fh;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    cr_wrap_begin_file(fh);
    fs = cr_lower_enter();
    rc = CR_REAL(File_set_view)(CR_REAL_FILE(fh), disp, CR_REAL_DATATYPE(etype),
                                CR_REAL_DATATYPE(filetype), datarep, CR_REAL_INFO(info));
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS) {
        cr_datatype_retain(etype);
        cr_datatype_retain(filetype);
        forget_view(file);
        file->etype = etype;
        file->filetype = filetype;
    }
    cr_collective_end();
    cr_gate_leave();
    return cr_raise_file(fh, rc, "MPI_File_set_view");
}

/* After a restart the real file has been opened in another way. */
CR_MPI(int, File_get_amode, (MPI_File fh, int *amode))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(File_get_amode)(CR_REAL_FILE(fh), amode);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS && cr_wrap_is(fh, CR_KIND_FILE))
        *amode = ((struct cr_file *)fh)->amode;
    cr_gate_leave();
    return cr_raise_file(fh, rc, "MPI_File_get_amode");
}
