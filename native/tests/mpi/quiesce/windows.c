/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-sided communication: ranks bring themselves into a state of a window, rank 0 late, asks for the checkpoint, and goes
 * on only when it is over. Everything that was written, and what windows are, is then compared.
 *
 *     windows [NAME...]      all, or the named ones; --list prints the names
 */
#include "windows.h"

#include "qt_states.h"

int number;
MPI_Comm comm;

int value(int rank, int step, int i)
{
    return (rank + 1) * 1000003 + step * 10007 + number * 101 + i;
}

void fill(int *out, int count, int rank, int step)
{
    for (int i = 0; i < count; i++)
        out[i] = value(rank, step, i);
}

void check(const int *in, int count, int rank, int step, const char *what)
{
    for (int i = 0; i < count; i++)
        if (in[i] != value(rank, step, i)) {
            QT_CHECK(0, "%s: element %d is %d, not %d", what, i, in[i], value(rank, step, i));
            return;
        }
}

void late(void)
{
    if (qt_rank != 0)
        return;
    qt_compute(0.03);
    qt_make("want", number);
    qt_until("done", number);
}

void together(void)
{
    int token = 0;

    late();
    for (int i = 1; qt_rank == 0 && i < qt_size; i++)
        MPI_Send(&token, 1, MPI_INT, i, TAG, comm);
    /* Inside MPI, so that what others do here can go on where this rank's library must help. */
    if (qt_rank != 0)
        MPI_Recv(&token, 1, MPI_INT, 0, TAG, comm, MPI_STATUS_IGNORE);
}

void late_for_a_collective(void)
{
    if (qt_rank != 0)
        return;
    qt_compute(0.03);
    qt_make("want", number);
    qt_until("begun", number);
    qt_compute(0.05);
}

static const struct qt_state states[] = {
    {"fence-inside", fence_inside},
    {"fence-early", fence_early},
    {"fence-assertions", fence_assertions},
    {"lock-held", lock_held},
    {"lock-waited-for", lock_waited_for},
    {"lock-all-inside", lock_all_inside},
    {"lock-all-waited-for", lock_all_waited_for},
    {"lock-stress", lock_stress},
    {"atomics", atomics},
    {"requests", requests},
    {"post-wait", post_wait},
    {"start-waits", start_waits},
    {"pair-inside", pair_inside},
    {"test-loop", test_loop},
    {"created", created},
    {"allocated", allocated},
    {"dynamic", dynamic},
    {"shared", shared},
    {"shared-atomics", shared_atomics},
    {"empty-parts", empty_parts},
    {"of-parts", of_parts},
    {"derived", derived},
    {"many", many},
};
enum { STATES = sizeof(states) / sizeof(*states) };

/* All ranks get connected: what the first message to a rank waits for can otherwise be the end of rank 0's computing. */
static void connect_all(void)
{
    int to[64] = {0}, from[64];

    for (int i = 0; i < 2; i++)
        MPI_Alltoall(to, 1, MPI_INT, from, 1, MPI_INT, MPI_COMM_WORLD);
}

static void play(int i)
{
    connect_all();
    number = i + 1;
    states[i].run();
    qt_until("done", number);
}

int main(int argc, char **argv)
{
    return qt_main(argc, argv, states, STATES, play, &comm);
}
