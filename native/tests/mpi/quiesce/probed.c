/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A synchronous message that the receiver has matched by a probe: checkpoints while it is held, and after it was received. With
 * an argument they must be refused with these words, since the send does not end natively either; the program goes on in
 * both cases, and so does a checkpoint once the send has ended.
 */
#include "qt.h"

enum { TAG = 7, GO = 8 };

static const char *refused;

static void checkpoint(int number)
{
    char hidden[512], path[512];
    FILE *f;

    qt_path(path, sizeof(path), "want", number);
    qt_path(hidden, sizeof(hidden), "hidden", number);
    f = qt_rank == 0 ? fopen(hidden, "w") : NULL;
    if (f != NULL) {
        fprintf(f, "checkpoint %d\n%s\n", number, refused != NULL ? refused : "");
        fclose(f);
        rename(hidden, path);
    }
    qt_until("done", number);
}

/* Whether the request ends within a while. */
static int ends(MPI_Request *request)
{
    double end = qt_now() + 1;
    int flag = 0;

    while (!flag && qt_now() < end)
        MPI_Test(request, &flag, MPI_STATUS_IGNORE);
    return flag;
}

static void receive(void)
{
    MPI_Message message;
    int got = -1;

    MPI_Mprobe(1, TAG, MPI_COMM_WORLD, &message, MPI_STATUS_IGNORE);
    MPI_Send(&got, 1, MPI_INT, 1, GO, MPI_COMM_WORLD);
    checkpoint(1);
    MPI_Mrecv(&got, 1, MPI_INT, &message, MPI_STATUS_IGNORE);
    QT_CHECK(got == 42, "received %d", got);
    checkpoint(2);
}

static void send(void)
{
    MPI_Request request;
    int value = 42, go;

    MPI_Issend(&value, 1, MPI_INT, 0, TAG, MPI_COMM_WORLD, &request);
    MPI_Recv(&go, 1, MPI_INT, 0, GO, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    checkpoint(1);
    checkpoint(2);
    QT_CHECK(ends(&request) == (refused == NULL), "the send %s",
             refused == NULL ? "does not end" : "ends natively: nothing needs to be refused");
}

int main(int argc, char **argv)
{
    int all = 0;

    refused = argc > 1 ? argv[1] : NULL;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    if (qt_rank == 0)
        receive();
    if (qt_rank == 1)
        send();
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s probed\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
