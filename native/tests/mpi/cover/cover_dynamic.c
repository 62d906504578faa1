/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Other jobs, between whose lives checkpoints can be taken. The argument is a folder. */
#include "cover.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *folder;
static char *program;

static int child(MPI_Comm parent)
{
    int value = 42;

    MPI_Send(&value, 1, MPI_INT, 0, 1, parent);
    MPI_Comm_disconnect(&parent);
    MPI_Finalize();
    return 0;
}

static void greet(const char *label, MPI_Comm *children, int count)
{
    int got = -1;

    for (int i = 0; rank == 0 && i < count; i++) {
        MPI_Recv(&got, 1, MPI_INT, i, 1, *children, MPI_STATUS_IGNORE);
        line("%s: %d", label, got);
    }
    MPI_Comm_disconnect(children);
}

static void spawn(void)
{
    MPI_Comm children;

    MPI_Comm_spawn(program, MPI_ARGV_NULL, 1, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &children,
                   MPI_ERRCODES_IGNORE);
    greet("spawned", &children, 1);
    MPI_Comm_spawn_multiple(2, (char *[]){program, program}, MPI_ARGVS_NULL, (int[]){1, 1},
                            (MPI_Info[]){MPI_INFO_NULL, MPI_INFO_NULL}, 0, MPI_COMM_WORLD,
                            &children, MPI_ERRCODES_IGNORE);
    greet("several", &children, 2);
}

/* Rank 0 is found by its published name. */
static void meet(int p)
{
    char port[MPI_MAX_PORT_NAME] = "", name[40];
    MPI_Comm both;
    int far;

    snprintf(name, sizeof(name), "quiesce-cover-%d", p);
    if (rank == 0) {
        MPI_Open_port(MPI_INFO_NULL, port);
        MPI_Publish_name(name, MPI_INFO_NULL, port);
    }
    MPI_Sendrecv(&far, 0, MPI_INT, 1 - rank, 1, &far, 0, MPI_INT, 1 - rank, 1, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    if (rank == 0) {
        MPI_Comm_accept(port, MPI_INFO_NULL, 0, MPI_COMM_SELF, &both);
    } else {
        code("lookup", MPI_Lookup_name(name, MPI_INFO_NULL, port));
        MPI_Comm_connect(port, MPI_INFO_NULL, 0, MPI_COMM_SELF, &both);
    }
    MPI_Comm_remote_size(both, &far);
    line("met %d", far);
    MPI_Comm_disconnect(&both);
    if (rank == 0) {
        MPI_Unpublish_name(name, MPI_INFO_NULL, port);
        MPI_Close_port(port);
    }
}

static void join(int p)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), in = fd, one = 0;
    MPI_Comm both;

    snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket-%d", folder, p);
    if (rank == 0) {
        if (bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0 || listen(fd, 1) != 0)
            line("no socket");
        MPI_Send(&one, 1, MPI_INT, 1, 2, MPI_COMM_WORLD);
        in = accept(fd, NULL, NULL);
        close(fd);
    } else {
        MPI_Recv(&one, 1, MPI_INT, 0, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
            line("no connection");
    }
    MPI_Comm_join(in, &both);
    close(in);
    MPI_Comm_remote_size(both, &one);
    line("joined %d", one);
    MPI_Comm_disconnect(&both);
}

int main(int argc, char **argv)
{
    MPI_Comm parent;

    begin(&argc, &argv);
    MPI_Comm_get_parent(&parent);
    if (parent != MPI_COMM_NULL)
        return child(parent);
    folder = argc > 1 ? argv[1] : ".";
    program = argv[0];
    for (int p = 0; p < PASSES; p++) {
        MPI_Barrier(MPI_COMM_WORLD);
        spawn();
        meet(p);
        join(p);
    }
    MPI_Finalize();
    return 0;
}
