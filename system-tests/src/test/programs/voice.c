/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: voice STEPS. Passes numbers round with non-blocking messages, and asks for three checkpoints of its own, each with
 * messages in flight. Says "took SEQUENCE HANDLE", "came back to SEQUENCE" or "refused: REASON"; after the last one it goes
 * on when there is a file "go". Ends with "result N", whatever became of the checkpoints.
 */
#include <mpi-ext.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MANY 16
#define ASKS 3

#ifndef OMPI_HAVE_MPI_EXT_CR
#error "the extension is missing"
#endif

static int rank, size;
static OMPI_CR_INC_callback_state_t state;

static int remember(OMPI_CR_INC_callback_event_t event, OMPI_CR_INC_callback_state_t now)
{
    (void)event;
    state = now;
    return 0;
}

static void fail(const char *what)
{
    printf("wrong: rank %d: %s\n", rank, what);
    fflush(stdout);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* All ranks must have got the same handle and sequence. */
static void compare(const char *handle, int seq)
{
    char first[OMPI_CR_MAX_HANDLE + 16] = "", mine[OMPI_CR_MAX_HANDLE + 16];

    snprintf(mine, sizeof(mine), "%d %s", seq, handle);
    memcpy(first, mine, sizeof(mine));
    MPI_Bcast(first, sizeof(first), MPI_CHAR, 0, MPI_COMM_WORLD);
    if (strcmp(first, mine) != 0)
        fail("another handle than rank 0");
}

static void explain(int code)
{
    char text[MPI_MAX_ERROR_STRING];
    int class, length;

    MPI_Error_class(code, &class);
    MPI_Error_string(code, text, &length);
    if (class != MPI_ERR_OTHER && class != MPI_ERR_UNSUPPORTED_OPERATION)
        fail("an error of another class");
    if (rank == 0)
        printf("refused: %s\n", text);
}

static void ask(int number)
{
    char *handle = NULL;
    int seq = -1, quiet = number == 1, rc = MPI_SUCCESS;

    state = OMPI_CR_INC_STATE_PREPARE;
    if (quiet)
        rc = OMPI_CR_Quiesce_start(MPI_COMM_WORLD, NULL);
    if (rc == MPI_SUCCESS)
        rc = quiet ? OMPI_CR_Quiesce_checkpoint(MPI_COMM_WORLD, &handle, &seq, NULL)
                   : OMPI_CR_Checkpoint(&handle, &seq, NULL);
    if (rc != MPI_SUCCESS) {
        explain(rc);
    } else {
        compare(handle, seq);
        if (rank == 0 && state == OMPI_CR_INC_STATE_RESTART)
            printf("came back to %d\n", seq);
        else if (rank == 0)
            printf("took %d %s\n", seq, handle);
        free(handle);
    }
    if (quiet && OMPI_CR_Quiesce_end(MPI_COMM_WORLD, NULL) != rc && rc == MPI_SUCCESS)
        fail("OMPI_CR_Quiesce_end");
    fflush(stdout);
}

static void await_go(void)
{
    const struct timespec moment = {0, 5000000};
    int there = 0;

    while (!there) {
        if (rank == 0)
            there = access("go", F_OK) == 0;
        MPI_Bcast(&there, 1, MPI_INT, 0, MPI_COMM_WORLD);
        nanosleep(&moment, NULL);
    }
}

/* One number of each of MANY messages from the rank before; NUMBER >= 0: asks for a checkpoint while they are in flight. */
static void pass_round(unsigned *values, int number)
{
    int to = (rank + 1) % size, from = (rank + size - 1) % size;
    MPI_Request request[2 * MANY];
    unsigned in[MANY];

    for (int i = 0; i < MANY; i++)
        MPI_Isend(&values[i], 1, MPI_UNSIGNED, to, i, MPI_COMM_WORLD, &request[i]);
    for (int i = 0; i < MANY / 2; i++)
        MPI_Irecv(&in[i], 1, MPI_UNSIGNED, from, i, MPI_COMM_WORLD, &request[MANY + i]);
    if (number >= 0)
        ask(number);
    for (int i = MANY / 2; i < MANY; i++)
        MPI_Irecv(&in[i], 1, MPI_UNSIGNED, from, i, MPI_COMM_WORLD, &request[MANY + i]);
    MPI_Waitall(2 * MANY, request, MPI_STATUSES_IGNORE);
    for (int i = 0; i < MANY; i++)
        values[i] = in[i] * 1664525u + (unsigned)(rank + i);
}

int main(int argc, char **argv)
{
    int steps = argc > 1 ? atoi(argv[1]) : 600;
    unsigned values[MANY], sum = 0, all = 0;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    OMPI_CR_INC_register_callback(OMPI_CR_INC_POST_CRS_POST_MPI, remember, NULL);
    for (int i = 0; i < MANY; i++)
        values[i] = (unsigned)(rank * MANY + i);
    for (int step = 0; step < steps; step++) {
        int asks = step % (steps / ASKS) == steps / ASKS / 2;

        pass_round(values, asks ? step / (steps / ASKS) : -1);
    }
    await_go();
    for (int i = 0; i < MANY; i++)
        sum = sum * 31 + values[i];
    MPI_Allreduce(&sum, &all, 1, MPI_UNSIGNED, MPI_SUM, MPI_COMM_WORLD);
    if (rank == 0)
        printf("result %u\n", all);
    MPI_Finalize();
    return 0;
}
