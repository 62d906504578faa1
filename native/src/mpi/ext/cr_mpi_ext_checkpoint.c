/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Checkpoints that the program asks for. Rank 0 asks; the others wait for its message and not in a
 * collective, with which the checkpoint would have to wait for rank 0.
 */
#include "cr_mpi_ext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_INTERVAL_NS 2000000
#define TAG 1

/* What rank 0 tells the others. */
struct outcome {
    int error; /* of cr_error.h */
    int sequence;
    char handle[OMPI_CR_MAX_HANDLE];
    char text[MPI_MAX_ERROR_STRING];
};

static MPI_Comm own = MPI_COMM_NULL; /* MPI_COMM_WORLD again */
static int is_quiet;                 /* between Quiesce_start and Quiesce_end */

/* ---- one checkpoint ---- */

/* The reference as `quiesce restart` takes it, or its name if that is too long. */
static void fill_handle(struct outcome *out, const char *reference)
{
    const char *slash = strrchr(reference, '/');

    if (strlen(reference) >= sizeof(out->handle) && slash != NULL)
        reference = slash + 1;
    snprintf(out->handle, sizeof(out->handle), "%.*s", OMPI_CR_MAX_HANDLE - 1, reference);
}

static void ask(const struct cr_mpi_ext_rank *r, struct outcome *out)
{
    static struct cr_rank_checkpoint made;
    struct cr_error err = {0};

    if (r->checkpoint(&made, &err) < 0) {
        out->error = err.code;
        snprintf(out->text, sizeof(out->text), "%.*s", MPI_MAX_ERROR_STRING - 1, err.text);
        return;
    }
    out->sequence = (int)made.sequence;
    fill_handle(out, made.reference);
}

static int tell(const struct outcome *out, int size)
{
    int rc = MPI_SUCCESS;

    for (int i = 1; i < size && rc == MPI_SUCCESS; i++)
        rc = PMPI_Send(out, sizeof(*out), MPI_BYTE, i, TAG, own);
    return rc;
}

/* The processors are left to those who write the checkpoint. */
static int listen(struct outcome *out)
{
    const struct timespec interval = {0, LOOK_INTERVAL_NS};
    MPI_Request request;
    int done = 0;
    int rc = PMPI_Irecv(out, sizeof(*out), MPI_BYTE, 0, TAG, own, &request);

    while (rc == MPI_SUCCESS && !done) {
        rc = PMPI_Test(&request, &done, MPI_STATUS_IGNORE);
        if (!done)
            nanosleep(&interval, NULL);
    }
    return rc;
}

static int meet(void)
{
    int rc = MPI_SUCCESS;

    if (own == MPI_COMM_NULL)
        rc = PMPI_Comm_dup(MPI_COMM_WORLD, &own);
    return rc == MPI_SUCCESS ? PMPI_Barrier(own) : rc;
}

static int take(const struct cr_mpi_ext_rank *r, struct outcome *out)
{
    int rank, size;
    int rc = meet();

    if (rc != MPI_SUCCESS)
        return rc;
    PMPI_Comm_rank(own, &rank);
    PMPI_Comm_size(own, &size);
    if (rank != 0)
        return listen(out);
    ask(r, out);
    return tell(out, size);
}

static int give(const struct outcome *out, char **handle, int *seq)
{
    if (seq != NULL)
        *seq = out->sequence;
    if (handle != NULL)
        *handle = strdup(out->handle);
    return handle != NULL && *handle == NULL ? MPI_ERR_NO_MEM : MPI_SUCCESS;
}

static int checkpoint(char **handle, int *seq)
{
    struct outcome out = {0};
    struct cr_error err = {0};
    const struct cr_mpi_ext_rank *r = cr_mpi_ext_rank(&err);
    int rc;

    if (r == NULL)
        return cr_mpi_ext_code(MPI_ERR_UNSUPPORTED_OPERATION, &err);
    if (r->may_ask(&err) < 0)
        return cr_mpi_ext_code(MPI_ERR_OTHER, &err);
    rc = take(r, &out);
    if (rc != MPI_SUCCESS)
        return rc;
    if (out.error == 0)
        return give(&out, handle, seq);
    cr_fail(&err, out.error, "%s", out.text);
    return cr_mpi_ext_code(MPI_ERR_OTHER, &err);
}

CR_EXPORT int OMPI_CR_Checkpoint(char **handle, int *seq, MPI_Info *info)
{
    (void)info;
    return checkpoint(handle, seq);
}

/* ---- while everybody is quiet ---- */

/* MPI_SUCCESS if WANTED says whether the ranks have to be quiet, and they are; otherwise a code. */
static int check(MPI_Comm comm, int wanted)
{
    struct cr_error err = {0};
    int same = MPI_UNEQUAL;

    if (cr_mpi_ext_rank(&err) == NULL)
        return cr_mpi_ext_code(MPI_ERR_UNSUPPORTED_OPERATION, &err);
    if (comm != MPI_COMM_NULL)
        PMPI_Comm_compare(comm, MPI_COMM_WORLD, &same);
    if (same != MPI_IDENT) {
        cr_fail(&err, EINVAL, "only all of MPI_COMM_WORLD can be quiet");
        return cr_mpi_ext_code(MPI_ERR_COMM, &err);
    }
    if (is_quiet == wanted)
        return MPI_SUCCESS;
    cr_fail(&err, EINVAL, "%s",
            wanted ? "OMPI_CR_Quiesce_start() has not been called"
                   : "OMPI_CR_Quiesce_start() has been called already");
    return cr_mpi_ext_code(MPI_ERR_OTHER, &err);
}

CR_EXPORT int OMPI_CR_Quiesce_start(MPI_Comm comm, MPI_Info *info)
{
    int rc = check(comm, 0);

    (void)info;
    if (rc == MPI_SUCCESS)
        rc = meet();
    is_quiet |= rc == MPI_SUCCESS;
    return rc;
}

CR_EXPORT int OMPI_CR_Quiesce_checkpoint(MPI_Comm comm, char **handle, int *seq, MPI_Info *info)
{
    int rc = check(comm, 1);

    (void)info;
    return rc == MPI_SUCCESS ? checkpoint(handle, seq) : rc;
}

CR_EXPORT int OMPI_CR_Quiesce_end(MPI_Comm comm, MPI_Info *info)
{
    int rc = check(comm, 1);

    (void)info;
    if (rc == MPI_SUCCESS)
        rc = meet();
    if (rc == MPI_SUCCESS)
        is_quiet = 0;
    return rc;
}

/* ---- what only somebody outside can do ---- */

CR_EXPORT int OMPI_CR_Restart(char *handle, int seq, MPI_Info *info)
{
    struct cr_error err = {0};

    (void)info;
    cr_fail(&err, CR_EREFUSED,
            "a job cannot restart itself: end it, then \"quiesce restart -s %d %s\"", seq,
            handle != NULL ? handle : "REFERENCE");
    return cr_mpi_ext_code(MPI_ERR_UNSUPPORTED_OPERATION, &err);
}

CR_EXPORT int OMPI_CR_Migrate(MPI_Comm comm, char *hostname, int rank, MPI_Info *info)
{
    struct cr_error err = {0};

    (void)comm, (void)hostname, (void)rank, (void)info;
    cr_fail(&err, CR_EREFUSED,
            "ranks do not move by themselves: take a checkpoint, end the job, and restart it where "
            "it shall run with \"quiesce restart --hostfile\"");
    return cr_mpi_ext_code(MPI_ERR_UNSUPPORTED_OPERATION, &err);
}
