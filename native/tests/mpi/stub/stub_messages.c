/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Point-to-point, requests of all kinds, one-sided calls and files pass through. */
#include "stub_test.h"

static void persistent(void)
{
    int right = (rank + 1) % size, left = (rank + size - 1) % size, in = -1, out, index;
    MPI_Request r[2];

    MPI_Send_init(&out, 1, MPI_INT, right, 4, MPI_COMM_WORLD, &r[0]);
    MPI_Recv_init(&in, 1, MPI_INT, left, 4, MPI_COMM_WORLD, &r[1]);
    for (int i = 0; i < 3; i++) {
        out = rank * 10 + i;
        MPI_Startall(2, r);
        MPI_Waitany(2, r, &index, MPI_STATUS_IGNORE);
        MPI_Wait(&r[1 - index], MPI_STATUS_IGNORE);
        line("persistent %d %d", in, r[0] != MPI_REQUEST_NULL);
    }
    MPI_Request_free(&r[0]);
    MPI_Request_free(&r[1]);
}

static void point_to_point(void)
{
    int right = (rank + 1) % size, left = (rank + size - 1) % size, in[3] = {-1, -1, -1},
        out = rank, flag, n;
    static char attached[4096];
    void *back;
    MPI_Request r[4];
    MPI_Status st[4];
    MPI_Message message;

    MPI_Sendrecv(&out, 1, MPI_INT, right, 1, &in[0], 1, MPI_INT, left, 1, MPI_COMM_WORLD, &st[0]);
    line("Sendrecv %d from %d", in[0], st[0].MPI_SOURCE);
    MPI_Irecv(&in[1], 1, MPI_INT, MPI_ANY_SOURCE, 2, MPI_COMM_WORLD, &r[0]);
    MPI_Issend(&out, 1, MPI_INT, right, 2, MPI_COMM_WORLD, &r[1]);
    r[2] = MPI_REQUEST_NULL;
    MPI_Waitall(3, r, st);
    line("Waitall %d %d %d", in[1], st[0].MPI_SOURCE, r[0] == MPI_REQUEST_NULL);
    MPI_Buffer_attach(attached, sizeof(attached));
    MPI_Bsend(&out, 1, MPI_INT, right, 3, MPI_COMM_WORLD);
    MPI_Mprobe(left, 3, MPI_COMM_WORLD, &message, &st[0]);
    MPI_Get_count(&st[0], MPI_INT, &n);
    MPI_Mrecv(&in[2], n, MPI_INT, &message, &st[0]);
    line("Mrecv %d, %d", in[2], message == MPI_MESSAGE_NULL);
    MPI_Buffer_detach(&back, &n);
    line("detached %d %d", back == attached, n);
    MPI_Recv(&n, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &st[0]);
    line("nobody %d", st[0].MPI_SOURCE == MPI_PROC_NULL);
    MPI_Iprobe(MPI_ANY_SOURCE, 55, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    line("nothing %d", flag);
    MPI_Irecv(&n, 1, MPI_INT, left, 99, MPI_COMM_WORLD, &r[0]);
    MPI_Cancel(&r[0]);
    MPI_Wait(&r[0], &st[0]);
    MPI_Test_cancelled(&st[0], &flag);
    line("cancelled %d", flag);
}

static int queried, freed;

static int query(void *extra, MPI_Status *status)
{
    queried = *(int *)extra;
    MPI_Status_set_elements(status, MPI_INT, 3);
    MPI_Status_set_cancelled(status, 0);
    status->MPI_SOURCE = 8;
    status->MPI_TAG = 9;
    return MPI_SUCCESS;
}

static int release(void *extra)
{
    freed = *(int *)extra;
    return MPI_SUCCESS;
}

static int cancel(void *extra, int complete)
{
    (void)extra;
    (void)complete;
    return MPI_SUCCESS;
}

static void generalized(void)
{
    int extra = 77, flag, n;
    MPI_Request r;
    MPI_Status st;

    MPI_Grequest_start(query, release, cancel, &extra, &r);
    MPI_Test(&r, &flag, &st);
    line("not done %d", flag);
    MPI_Grequest_complete(r);
    MPI_Wait(&r, &st);
    MPI_Get_count(&st, MPI_INT, &n);
    line("generalized %d %d, tag %d, count %d", queried, freed, st.MPI_TAG, n);
}

/* Pairs of neighbours: post, start, put, complete, wait. */
static void paired(MPI_Win win, const int *base)
{
    MPI_Group world, peers;

    if ((rank ^ 1) >= size)
        return;
    MPI_Win_get_group(win, &world);
    MPI_Group_incl(world, 1, (int[1]){rank ^ 1}, &peers);
    MPI_Win_post(peers, 0, win);
    MPI_Win_start(peers, 0, win);
    MPI_Put(&rank, 1, MPI_INT, rank ^ 1, 2, 1, MPI_INT, win);
    MPI_Win_complete(win);
    MPI_Win_wait(win);
    line("put %d", base[2]);
    MPI_Group_free(&peers);
    MPI_Group_free(&world);
}

static void describe(MPI_Win win)
{
    char name[MPI_MAX_OBJECT_NAME];
    int *disp, flag, length;
    MPI_Aint *bytes;

    MPI_Win_set_name(win, "pane");
    MPI_Win_get_name(win, name, &length);
    MPI_Win_get_attr(win, MPI_WIN_DISP_UNIT, &disp, &flag);
    MPI_Win_get_attr(win, MPI_WIN_SIZE, &bytes, &flag);
    line("window %s %d %ld", name, *disp, (long)*bytes);
}

static void one_sided(void)
{
    MPI_Win win;
    int *base, value = -1, sum = rank + 1;
    MPI_Request r;

    if (size == 1)
        return; /* Open MPI has no one-sided component for one process */
    MPI_Win_allocate(4 * sizeof(int), sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &base, &win);
    base[0] = rank * 100;
    base[1] = 0;
    describe(win);
    MPI_Win_fence(0, win);
    MPI_Get(&value, 1, MPI_INT, (rank + 1) % size, 0, 1, MPI_INT, win);
    MPI_Accumulate(&sum, 1, MPI_INT, 0, 1, 1, MPI_INT, MPI_SUM, win);
    MPI_Win_fence(0, win);
    line("got %d sum %d", value, rank == 0 ? base[1] : 0);
    MPI_Win_lock(MPI_LOCK_SHARED, 0, 0, win);
    MPI_Rget(&value, 1, MPI_INT, 0, 1, 1, MPI_INT, win, &r);
    MPI_Wait(&r, MPI_STATUS_IGNORE);
    MPI_Win_unlock(0, win);
    line("rget %d", value);
    paired(win, base);
    MPI_Win_free(&win);
    line("freed %d", win == MPI_WIN_NULL);
}

static void files(const char *path)
{
    MPI_File file;
    MPI_Status st;
    MPI_Request r;
    MPI_Datatype type, etype, filetype;
    MPI_Offset at, bytes;
    MPI_Errhandler handler;
    char representation[MPI_MAX_DATAREP_STRING];
    int n, values[2] = {rank * 2, rank * 2 + 1}, in[2] = {-1, -1}, combiner, a, b, c;

    MPI_File_get_errhandler(MPI_FILE_NULL, &handler);
    line("files return errors %d", handler == MPI_ERRORS_RETURN);
    code("open nothing", MPI_File_open(MPI_COMM_SELF, "/nonexistent/quiesce", MPI_MODE_RDONLY,
                                       MPI_INFO_NULL, &file));
    MPI_File_open(MPI_COMM_WORLD, path, MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
                  MPI_INFO_NULL, &file);
    MPI_Type_vector(2, 1, size, MPI_INT, &type);
    MPI_Type_commit(&type);
    MPI_File_set_view(file, rank * (MPI_Offset)sizeof(int), MPI_INT, type, "native", MPI_INFO_NULL);
    MPI_File_get_view(file, &at, &etype, &filetype, representation);
    MPI_Type_get_envelope(filetype, &a, &b, &c, &combiner);
    line("view %lld %d %s", (long long)at, etype == MPI_INT, representation);
    MPI_File_write_all(file, values, 2, MPI_INT, &st);
    MPI_Get_count(&st, MPI_INT, &n);
    line("wrote %d", n);
    MPI_File_sync(file);
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_File_iread_at(file, 0, in, 2, MPI_INT, &r);
    MPI_Wait(&r, &st);
    line("read %d %d", in[0], in[1]);
    MPI_File_get_size(file, &bytes);
    line("size %lld", (long long)bytes);
    MPI_Type_free(&type);
    MPI_File_close(&file);
    line("closed %d", file == MPI_FILE_NULL);
}

int main(int argc, char **argv)
{
    int level, main_thread;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Is_thread_main(&main_thread);
    line("level %d main %d", level, main_thread);
    point_to_point();
    persistent();
    generalized();
    one_sided();
    files(argv[1]);
    MPI_Finalize();
    return 0;
}
