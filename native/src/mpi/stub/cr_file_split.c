/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Split collectives on files. The real MPI keeps what is between begin and end to
 * itself, and a new one would know nothing of it. So begin starts the rank's own part as a
 * non-blocking operation, which is what OMPIO does, and the drain completes that like any other. (A
 * non-blocking collective would be the same with OMPIO and does not exist in ROMIO.) The ordered
 * ones are done at their begin, as the standard permits.
 */
#include "cr_file.h"
#include "cr_request.h"
#include "cr_stub_wrap.h"
#include "cr_wait.h"

/* 1: FH may begin a split collective. */
static int may_begin(MPI_File fh, int *rc)
{
    *rc = MPI_ERR_FILE;
    if (!cr_wrap_is(fh, CR_KIND_FILE))
        return 0;
    *rc = MPI_ERR_OTHER;
    return !((struct cr_file *)fh)->splitting;
}

/* The call that began it has returned RC and the request REAL. */
static int begun(MPI_File fh, int rc, MPI_Request real, const char *name)
{
    struct cr_file *file = (struct cr_file *)fh;

    if (rc != MPI_SUCCESS)
        return rc;
    file->splitting = 1;
    file->split =
        (struct cr_request *)cr_request_adopt(CR_REQUEST_OTHER, MPI_COMM_NULL, real, name, NULL, 0);
    return rc;
}

/* The call that did all of it has returned RC and STATUS. */
static int done(MPI_File fh, int rc, const MPI_Status *status)
{
    struct cr_file *file = (struct cr_file *)fh;

    if (rc != MPI_SUCCESS)
        return rc;
    file->splitting = 1;
    file->split = NULL;
    file->split_status = *status;
    return rc;
}

static int wait_for_split(struct cr_file *file)
{
    if (file->split == NULL)
        return MPI_SUCCESS;
    cr_wait_one(file->split);
    file->split_status = file->split->status;
    cr_request_release(file->split);
    file->split = NULL;
    return file->split_status.MPI_ERROR;
}

static int end(MPI_File fh, MPI_Status *status)
{
    struct cr_file *file = (struct cr_file *)fh;
    int code, error;

    if (!cr_wrap_is(fh, CR_KIND_FILE))
        return MPI_ERR_FILE;
    if (!file->splitting)
        return MPI_ERR_REQUEST;
    code = wait_for_split(file);
    file->splitting = 0;
    if (status == MPI_STATUS_IGNORE)
        return code;
    error = status->MPI_ERROR;
    *status = file->split_status;
    status->MPI_ERROR = error;
    return code;
}

#define BEGIN(name, real, blocking, sig, ...)                                                      \
    CR_MPI(int, name, sig)                                                                         \
    {                                                                                              \
        MPI_Request request = NULL;                                                                \
        MPI_Status status = {0};                                                                   \
        uint64_t fs;                                                                               \
        int rc;                                                                                    \
                                                                                                   \
        cr_gate_enter();                                                                           \
        if (may_begin(fh, &rc) && cr_request_at_once()) {                                          \
            fs = cr_lower_enter();                                                                 \
            rc = CR_REAL(blocking)(CR_REAL_FILE(fh), __VA_ARGS__, CR_REAL_DATATYPE(datatype),      \
                                   &status);                                                       \
            cr_lower_leave(fs);                                                                    \
            rc = done(fh, rc, &status);                                                            \
        } else if (may_begin(fh, &rc)) {                                                           \
            fs = cr_lower_enter();                                                                 \
            rc = CR_REAL(real)(CR_REAL_FILE(fh), __VA_ARGS__, CR_REAL_DATATYPE(datatype),          \
                               &request);                                                          \
            cr_lower_leave(fs);                                                                    \
            rc = begun(fh, rc, request, "MPI_" #name);                                             \
        }                                                                                          \
        cr_gate_leave();                                                                           \
        return cr_raise_file(fh, rc, "MPI_" #name);                                                \
    }

#define BEGIN_ORDERED(name, real, sig)                                                             \
    CR_MPI(int, name, sig)                                                                         \
    {                                                                                              \
        MPI_Status status = {0};                                                                   \
        uint64_t fs;                                                                               \
        int rc;                                                                                    \
                                                                                                   \
        cr_gate_enter();                                                                           \
        cr_wrap_begin_file(fh);                                                                    \
        cr_file_uses_shared(fh);                                                                   \
        if (may_begin(fh, &rc)) {                                                                  \
            fs = cr_lower_enter();                                                                 \
            rc = CR_REAL(real)(CR_REAL_FILE(fh), buf, count, CR_REAL_DATATYPE(datatype), &status); \
            cr_lower_leave(fs);                                                                    \
            rc = done(fh, rc, &status);                                                            \
        }                                                                                          \
        cr_collective_end();                                                                       \
        cr_gate_leave();                                                                           \
        return cr_raise_file(fh, rc, "MPI_" #name);                                                \
    }

#define END(name, sig)                                                                             \
    CR_MPI(int, name, sig)                                                                         \
    {                                                                                              \
        int rc;                                                                                    \
                                                                                                   \
        cr_gate_enter();                                                                           \
        (void)buf;                                                                                 \
        rc = end(fh, status);                                                                      \
        cr_gate_leave();                                                                           \
        return cr_raise_file(fh, rc, "MPI_" #name);                                                \
    }

BEGIN(File_read_all_begin, File_iread, File_read,
      (MPI_File fh, void *buf, int count, MPI_Datatype datatype), buf, count)
BEGIN(File_write_all_begin, File_iwrite, File_write,
      (MPI_File fh, const void *buf, int count, MPI_Datatype datatype), buf, count)
BEGIN(File_read_at_all_begin, File_iread_at, File_read_at,
      (MPI_File fh, MPI_Offset offset, void *buf, int count, MPI_Datatype datatype), offset, buf,
      count)
BEGIN(File_write_at_all_begin, File_iwrite_at, File_write_at,
      (MPI_File fh, MPI_Offset offset, const void *buf, int count, MPI_Datatype datatype), offset,
      buf, count)
BEGIN_ORDERED(File_read_ordered_begin, File_read_ordered,
              (MPI_File fh, void *buf, int count, MPI_Datatype datatype))
BEGIN_ORDERED(File_write_ordered_begin, File_write_ordered,
              (MPI_File fh, const void *buf, int count, MPI_Datatype datatype))

END(File_read_all_end, (MPI_File fh, void *buf, MPI_Status *status))
END(File_write_all_end, (MPI_File fh, const void *buf, MPI_Status *status))
END(File_read_at_all_end, (MPI_File fh, void *buf, MPI_Status *status))
END(File_write_at_all_end, (MPI_File fh, const void *buf, MPI_Status *status))
END(File_read_ordered_end, (MPI_File fh, void *buf, MPI_Status *status))
END(File_write_ordered_end, (MPI_File fh, const void *buf, MPI_Status *status))
