/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What belongs to the launcher, through two restarts: each rank has children write down their environment, changes its own
 * before the first checkpoint and from a thread all the time, and prints a line; rank 0 reads one. environment.py compares.
 * Rank 1 has a file in the place of its standard error, which stays so. The clock must not go back.
 */
#include "qt.h"

#include <pthread.h>
#include <sys/wait.h>

#define CHECKPOINTS 2

static volatile int stop;
static pthread_mutex_t children =
    PTHREAD_MUTEX_INITIALIZER; /* no environment changes while they are started */

static void *change(void *unused)
{
    char name[40];

    (void)unused;
    for (unsigned i = 0; !stop; i++) {
        snprintf(name, sizeof(name), "CHANGING_%u", i % 50);
        pthread_mutex_lock(&children);
        if (i / 50 % 2)
            unsetenv(name);
        else
            setenv(name, "now", 1);
        pthread_mutex_unlock(&children);
    }
    return NULL;
}

/* Once by a shell, once by a program of its own. */
static void write_environments(int generation)
{
    const char *folder = getenv("QUIESCE_TEST_DIR");
    char command[600], path[512];
    int status = -1;
    pid_t pid;

    if (folder == NULL)
        return;
    snprintf(command, sizeof(command), "env >'%s/system-%d-%d'", folder, generation, qt_rank);
    QT_CHECK(system(command) == 0, "no environment of a shell");
    snprintf(path, sizeof(path), "%s/executed-%d-%d", folder, generation, qt_rank);
    pid = fork();
    if (pid == 0) {
        int fd = open(path, O_CREAT | O_WRONLY, 0600);

        if (fd < 0 || dup2(fd, 1) < 0)
            _exit(1);
        execlp("env", "env", (char *)NULL);
        _exit(1);
    }
    QT_CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
             "no environment of a program");
}

static void redirect(void)
{
    const char *folder = getenv("QUIESCE_TEST_DIR");
    char path[512];

    snprintf(path, sizeof(path), "%s/own-error", folder != NULL ? folder : ".");
    if (qt_rank == 1 && folder != NULL)
        QT_CHECK(freopen(path, "w", stderr) != NULL, "no file for the standard error");
}

static void use_streams(int generation)
{
    char line[64] = "";
    size_t n = 0;

    while (qt_rank == 0 && n + 1 < sizeof(line) && read(0, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
    printf("generation %d rank %d reads '%s'\n", generation, qt_rank, line);
    fflush(stdout);
    if (qt_rank == 1)
        fprintf(stderr, "generation %d\n", generation);
}

static void checkpoint(int number)
{
    double before, after;

    /* Children are not part of a checkpoint. */
    MPI_Barrier(MPI_COMM_WORLD);
    before = MPI_Wtime();
    if (qt_rank == 0)
        qt_make("want", number);
    qt_until("done", number);
    after = MPI_Wtime();
    QT_CHECK(after >= before && after - before < 300, "the clock went from %f to %f", before,
             after);
}

int main(int argc, char **argv)
{
    const char *namespace, *again;
    char copy[256];
    pthread_t thread;
    int all = 0, provided;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    namespace = getenv("PMIX_NAMESPACE");
    snprintf(copy, sizeof(copy), "%s", namespace != NULL ? namespace : "");
    setenv("OMPI_MCA_of_the_program", "mine", 1);
    setenv("OMPI_UNIVERSE_SIZE", "77", 1);
    unsetenv("OMPI_COMMAND");
    redirect();
    pthread_create(&thread, NULL, change, NULL);
    for (int generation = 0; generation <= CHECKPOINTS; generation++) {
        if (generation > 0)
            checkpoint(generation);
        pthread_mutex_lock(&children);
        write_environments(generation);
        pthread_mutex_unlock(&children);
        use_streams(generation);
    }
    stop = 1;
    pthread_join(thread, NULL);
    again = getenv("PMIX_NAMESPACE");
    QT_CHECK(namespace == NULL || strcmp(namespace, copy) == 0,
             "a string of the environment has changed");
    QT_CHECK(getenv("QUIESCE_TEST_DIR") == NULL || (again != NULL && strcmp(again, copy) != 0),
             "the program itself sees the old launcher's variables");
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s environment\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
