/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes one thing that cannot be in an image yet and asks for a checkpoint (../quiesce/driver.py
 * --may-refuse): it must be refused by name, the thing must still work, and after its end a
 * checkpoint must succeed.
 */
#include "../quiesce/qt.h"

static const char *what;
static MPI_File file;
static int level;

static int is(const char *name)
{
    return strcmp(what, name) == 0;
}

static void make(void)
{
    char path[300];

    if (is("file")) {
        qt_path(path, sizeof(path), "deleted", qt_rank);
        MPI_File_open(MPI_COMM_SELF, path, MPI_MODE_RDWR | MPI_MODE_CREATE, MPI_INFO_NULL, &file);
        unlink(path);
    } else if (is("tools")) {
        MPI_T_init_thread(MPI_THREAD_SINGLE, &level);
    }
}

static void use_and_free(void)
{
    int one = 1;

    if (is("file")) {
        MPI_File_write(file, &one, 1, MPI_INT, MPI_STATUS_IGNORE);
        MPI_File_close(&file);
    } else if (is("tools")) {
        MPI_T_finalize();
    }
}

int main(int argc, char **argv)
{
    what = argc > 1 ? argv[1] : "";
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    make();
    if (qt_rank == 0)
        qt_make("want", 0);
    qt_until("done", 0);
    use_and_free();
    MPI_Barrier(MPI_COMM_WORLD);
    if (qt_rank == 0)
        qt_make("want", 1);
    qt_until("done", 1);
    MPI_Barrier(MPI_COMM_WORLD);
    printf("%s %d - %s\n", qt_wrong ? "not ok" : "ok", qt_rank, what);
    MPI_Finalize();
    return qt_wrong != 0;
}
