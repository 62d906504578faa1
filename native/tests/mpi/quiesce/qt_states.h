/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The main program of those that bring all ranks into one state after the other. */
#ifndef QT_STATES_H
#define QT_STATES_H

#include "qt.h"

struct qt_state {
    const char *name;
    void (*run)(void);
};

/* Whether the command line has NAME, or no name at all. */
static inline int qt_chosen(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc == 1;
}

/* Says what was wrong in STATE; BEFORE: what was wrong until then. */
static inline void qt_report(const struct qt_state *state, int before)
{
    int wrong = qt_wrong - before, all = 0;

    MPI_Reduce(&wrong, &all, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (qt_rank == 0) {
        printf("%s %s\n", all ? "not ok" : "ok", state->name);
        fflush(stdout);
    }
}

/* All of the COUNT states, or those that the command line names. PLAY runs number I; RET_COMM: a duplicate of the world. */
static inline int qt_main(int argc, char **argv, const struct qt_state *states, int count,
                          void (*play)(int i), MPI_Comm *ret_comm)
{
    int all = 0;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; i < count; i++)
            puts(states[i].name);
        return 0;
    }
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    MPI_Comm_dup(MPI_COMM_WORLD, ret_comm);
    for (int i = 0; i < count; i++)
        if (qt_chosen(argc, argv, states[i].name)) {
            int before = qt_wrong;

            play(i);
            qt_report(&states[i], before);
        }
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    return all != 0;
}

#endif
