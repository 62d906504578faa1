/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dynamic processes: MPI_Comm_spawn, connect and accept, join. They work; a checkpoint while a connection to another job
 * lives is refused by name at once, and the next one, after MPI_Comm_disconnect, succeeds.
 *
 *     dynamic spawn|meet|join|port|accept
 */
#include "qt.h"

#include <sys/socket.h>
#include <sys/un.h>

static int number;

/* REFUSED: words with which the checkpoint must be refused, or "". Nobody is in a collective. */
static void checkpoint_by(int asker, const char *refused)
{
    char path[512], new[512];
    FILE *f;

    number++;
    if (qt_rank == asker && getenv("QUIESCE_TEST_DIR") != NULL) {
        qt_path(path, sizeof(path), "want", number);
        qt_path(new, sizeof(new), "new", number);
        f = fopen(new, "w");
        if (f != NULL) {
            fprintf(f, "dynamic\n%s\n", refused);
            fclose(f);
        }
        QT_CHECK(f != NULL && rename(new, path) == 0, "%s", path);
    }
    qt_until("done", number);
}

static void checkpoint(const char *refused)
{
    checkpoint_by(0, refused);
}

/* What the other job does: it answers, and goes. */
static int child(MPI_Comm parent)
{
    MPI_Comm all;
    int value = 0, sum = 0, rank;

    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Bcast(&value, 1, MPI_INT, 0, parent);
    MPI_Intercomm_merge(parent, 1, &all);
    MPI_Allreduce(&value, &sum, 1, MPI_INT, MPI_SUM, all);
    if (rank == 0)
        MPI_Send(&sum, 1, MPI_INT, 0, 3, parent);
    MPI_Comm_free(&all);
    MPI_Comm_disconnect(&parent);
    MPI_Finalize();
    return 0;
}

static void spawn(char *program)
{
    MPI_Comm children, all;
    int value = 7, sum = 0, got = 0;

    MPI_Comm_spawn(program, MPI_ARGV_NULL, 2, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &children,
                   MPI_ERRCODES_IGNORE);
    checkpoint("made by MPI_Comm_spawn");
    MPI_Bcast(&value, 1, MPI_INT, qt_rank == 0 ? MPI_ROOT : MPI_PROC_NULL, children);
    MPI_Intercomm_merge(children, 0, &all);
    MPI_Allreduce(&value, &sum, 1, MPI_INT, MPI_SUM, all);
    QT_CHECK(sum == 7 * (qt_size + 2), "sum %d", sum);
    if (qt_rank == 0)
        MPI_Recv(&got, 1, MPI_INT, 0, 3, children, MPI_STATUS_IGNORE);
    QT_CHECK(qt_rank != 0 || got == sum, "heard %d", got);
    MPI_Comm_free(&all);
    MPI_Comm_disconnect(&children);
}

static void wait_and_tell(const char *port, char *heard)
{
    if (qt_rank == 0)
        MPI_Send(port, MPI_MAX_PORT_NAME, MPI_CHAR, 1, 8, MPI_COMM_WORLD);
    if (qt_rank == 1)
        MPI_Recv(heard, MPI_MAX_PORT_NAME, MPI_CHAR, 0, 8, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* Two halves of one job meet by a port; what they get is of this job, and is kept. */
static void meet(void)
{
    char port[MPI_MAX_PORT_NAME] = "";
    MPI_Comm half, both;
    int sum = 0, one = 1, others;

    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, -qt_rank, &half);
    if (qt_rank == 0)
        MPI_Open_port(MPI_INFO_NULL, port);
    wait_and_tell(port, port);
    checkpoint("MPI_Open_port");
    if (qt_rank % 2 == 0)
        MPI_Comm_accept(port, MPI_INFO_NULL, (qt_size + 1) / 2 - 1, half, &both);
    else
        MPI_Comm_connect(port, MPI_INFO_NULL, qt_size / 2 - 1, half, &both);
    MPI_Comm_free(&half);
    if (qt_rank == 0)
        MPI_Close_port(port);
    MPI_Barrier(MPI_COMM_WORLD);
    checkpoint("");
    MPI_Comm_remote_size(both, &others);
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, both);
    QT_CHECK(sum == others, "sum %d of %d", sum, others);
    MPI_Comm_disconnect(&both);
}

static int socket_to_other(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), in, one = 0;

    qt_path(name.sun_path, sizeof(name.sun_path), "socket", 1);
    if (qt_rank == 0) {
        QT_CHECK(bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0 && listen(fd, 1) == 0,
                 "bind");
        MPI_Send(&one, 1, MPI_INT, 1, 9, MPI_COMM_WORLD);
        in = accept(fd, NULL, NULL);
        close(fd);
        return in;
    }
    MPI_Recv(&one, 1, MPI_INT, 0, 9, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    QT_CHECK(connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0, "connect");
    return fd;
}

static void join(void)
{
    MPI_Comm both = MPI_COMM_NULL;
    int got = -1, fd = -1;

    if (qt_rank < 2) {
        fd = socket_to_other();
        MPI_Comm_join(fd, &both);
        close(fd);
    }
    checkpoint("");
    if (qt_rank < 2) {
        MPI_Sendrecv(&qt_rank, 1, MPI_INT, 0, 2, &got, 1, MPI_INT, 0, 2, both, MPI_STATUS_IGNORE);
        QT_CHECK(got == 1 - qt_rank, "got %d", got);
        MPI_Comm_disconnect(&both);
    }
}

/* Rank 0 waits for somebody to come. */
static void accept_and_connect(void)
{
    char name[MPI_MAX_PORT_NAME] = "";
    MPI_Comm both;
    int got = -1;

    if (qt_rank == 0)
        MPI_Open_port(MPI_INFO_NULL, name);
    wait_and_tell(name, name);
    if (qt_rank == 0) {
        number++; /* of the checkpoint that the others wait for */
        MPI_Comm_accept(name, MPI_INFO_NULL, 0, MPI_COMM_SELF, &both);
    } else {
        checkpoint_by(1, "before the checkpoint");
    }
    if (qt_rank == 1)
        MPI_Comm_connect(name, MPI_INFO_NULL, 0, MPI_COMM_SELF, &both);
    if (qt_rank > 1)
        return;
    MPI_Sendrecv(&qt_rank, 1, MPI_INT, 0, 2, &got, 1, MPI_INT, 0, 2, both, MPI_STATUS_IGNORE);
    QT_CHECK(got == 1 - qt_rank, "got %d", got);
    MPI_Comm_disconnect(&both);
    if (qt_rank == 0)
        MPI_Close_port(name);
}

/* A name that a restarted job would not have. */
static void port(void)
{
    char name[MPI_MAX_PORT_NAME] = "";

    if (qt_rank == 0) {
        MPI_Open_port(MPI_INFO_NULL, name);
        MPI_Publish_name("quiesce-test", MPI_INFO_NULL, name);
        MPI_Close_port(name);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    checkpoint("MPI_Publish_name");
    if (qt_rank == 0)
        MPI_Unpublish_name("quiesce-test", MPI_INFO_NULL, name);
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    MPI_Comm parent;
    int all;

    MPI_Init(&argc, &argv);
    MPI_Comm_get_parent(&parent);
    if (parent != MPI_COMM_NULL)
        return child(parent);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    if (strcmp(what, "spawn") == 0)
        spawn(argv[0]);
    else if (strcmp(what, "meet") == 0)
        meet();
    else if (strcmp(what, "join") == 0)
        join();
    else if (strcmp(what, "port") == 0)
        port();
    else if (strcmp(what, "accept") == 0)
        accept_and_connect();
    MPI_Barrier(MPI_COMM_WORLD);
    checkpoint("");
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s %s\n", all ? "not ok" : "ok", what);
    MPI_Finalize();
    return all != 0;
}
