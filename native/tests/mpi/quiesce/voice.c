/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ranks do around a checkpoint: callbacks of libcr.h in both contexts, INC callbacks, and functions that have the names
 * of the self checkpointer. Each notes a letter, and the letters must come in the promised order, whatever becomes of the
 * checkpoint; the first and the last INC callback talk to all other ranks. Messages are in flight meanwhile.
 */
#include "qt.h"

#include <libcr.h>
#include <mpi-ext.h>

#ifndef OMPI_HAVE_MPI_EXT_CR
#error "mpi-ext.h does not have the extension"
#endif

#define MANY 40
#define NOTES_MAX 64

static char notes[NOTES_MAX];
static unsigned note_count;
static unsigned last_state, chained;
static int refuses = -1; /* the event whose callback does not want the checkpoint */
static MPI_Comm talk;
static OMPI_CR_INC_callback_function before[OMPI_CR_INC_MAX];

static void note(char letter)
{
    unsigned at = __atomic_fetch_add(&note_count, 1, __ATOMIC_RELAXED);

    if (at < NOTES_MAX - 1)
        notes[at] = letter;
}

/* ---- callbacks ---- */

static int first_inc(OMPI_CR_INC_callback_event_t event, OMPI_CR_INC_callback_state_t state)
{
    (void)event, (void)state;
    chained++;
    return 0;
}

/* All ranks are in the same callback. */
static void talk_to_all(OMPI_CR_INC_callback_state_t state)
{
    int mine = (int)state, sum = -1;

    MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, talk);
    QT_CHECK(sum == mine * qt_size, "ranks disagree on the state: %d of %d", sum, mine);
}

static int inc(OMPI_CR_INC_callback_event_t event, OMPI_CR_INC_callback_state_t state)
{
    note((char)('0' + (int)event));
    note("pcre"[state]);
    if (event == OMPI_CR_INC_PRE_CRS_PRE_MPI ||
        (event == OMPI_CR_INC_POST_CRS_POST_MPI && state != OMPI_CR_INC_STATE_ERROR))
        talk_to_all(state);
    before[event](event, state);
    if (event == OMPI_CR_INC_POST_CRS_POST_MPI)
        __atomic_store_n(&last_state, state, __ATOMIC_RELEASE);
    return state == OMPI_CR_INC_STATE_PREPARE && (int)event == refuses;
}

int opal_crs_self_user_checkpoint(char **restart_command);
int opal_crs_self_user_continue(void);
int opal_crs_self_user_restart(void);

int opal_crs_self_user_checkpoint(char **restart_command)
{
    note('s');
    *restart_command = NULL;
    return 0;
}

int opal_crs_self_user_continue(void)
{
    note('C');
    return 0;
}

int opal_crs_self_user_restart(void)
{
    note('R');
    return 0;
}

static int old_callback(void *letters)
{
    const char *l = letters;
    int rc;

    note(l[0]);
    rc = cr_checkpoint(0);
    note(l[1]);
    return rc < 0 && rc > -1000 ? rc : 0;
}

static void begin(void)
{
    static char in_thread[] = "tT", in_signal[] = "gG";
    int rc;

    for (int i = 0; i < OMPI_CR_INC_MAX; i++) {
        OMPI_CR_INC_callback_event_t event = (OMPI_CR_INC_callback_event_t)i;
        rc = OMPI_CR_INC_register_callback(event, first_inc, &before[i]);
        QT_CHECK(rc == MPI_SUCCESS && before[i] == NULL, "INC %d: %d", i, rc);
        rc = OMPI_CR_INC_register_callback(event, inc, &before[i]);
        QT_CHECK(rc == MPI_SUCCESS && before[i] == first_inc, "INC %d again: %d", i, rc);
    }
    cr_init();
    rc = cr_register_callback(old_callback, in_thread, CR_THREAD_CONTEXT);
    QT_CHECK(rc >= 0, "thread context: %d", rc);
    rc = cr_register_callback(old_callback, in_signal, CR_SIGNAL_CONTEXT);
    QT_CHECK(rc >= 0, "signal context: %d", rc);
}

/* ---- checkpoints ---- */

static void ask(int number, const char *refusal)
{
    char path[512], new[512];
    FILE *f;

    qt_path(path, sizeof(path), "want", number);
    qt_path(new, sizeof(new), "new", number);
    f = fopen(new, "w");
    if (f == NULL)
        return;
    fprintf(f, "voice %d\n%s\n", number, refusal);
    fclose(f);
    rename(new, path);
}

/* A checkpoint that is refused may be over for the driver before it is for this rank. */
static void await_end(void)
{
    int i;

    for (i = 0; i < 2000 && __atomic_load_n(&last_state, __ATOMIC_ACQUIRE) == 0; i++)
        qt_compute(0.005);
    QT_CHECK(i < 2000, "the last callback has not run; heard \"%s\"", notes);
}

/* Rank 0 has a checkpoint taken and tells the others that it is over; meanwhile messages go round. */
static void checkpoint(int number, const char *refusal)
{
    int to = (qt_rank + 1) % qt_size, from = (qt_rank + qt_size - 1) % qt_size;
    int in[MANY], out[MANY], x = 0, i;
    MPI_Request request[2 * MANY];

    /* All ranks know what they are going to refuse. */
    MPI_Barrier(MPI_COMM_WORLD);
    for (i = 0; i < MANY; i++) {
        out[i] = number * 1000 + qt_rank * 100 + i;
        MPI_Isend(&out[i], 1, MPI_INT, to, i, MPI_COMM_WORLD, &request[i]);
    }
    if (qt_rank == 0) {
        qt_compute(0.05);
        ask(number, refusal);
        qt_until("done", number);
        for (i = 1; i < qt_size; i++)
            MPI_Send(&x, 1, MPI_INT, i, 777, MPI_COMM_WORLD);
    } else {
        MPI_Recv(&x, 1, MPI_INT, 0, 777, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
    await_end();
    for (i = 0; i < MANY; i++)
        MPI_Irecv(&in[i], 1, MPI_INT, from, i, MPI_COMM_WORLD, &request[MANY + i]);
    MPI_Waitall(2 * MANY, request, MPI_STATUSES_IGNORE);
    for (i = 0; i < MANY; i++)
        QT_CHECK(in[i] == number * 1000 + from * 100 + i, "message %d: %d", i, in[i]);
}

/* Tells the driver that all ranks have heard what they should, and waits until it has done with this checkpoint. */
static void leave(int number)
{
    int all = 0, x = 0, i;

    MPI_Reduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (qt_rank != 0) {
        MPI_Recv(&x, 1, MPI_INT, 0, 778, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        return;
    }
    if (all == 0)
        qt_make("written", number);
    qt_until("gone", number);
    for (i = 1; i < qt_size; i++)
        MPI_Send(&x, 1, MPI_INT, i, 778, MPI_COMM_WORLD);
}

static void compare(int number, const char *expected)
{
    unsigned events = 0;

    for (const char *e = expected; *e != '\0'; e++)
        events += *e >= '0' && *e <= '9';
    QT_CHECK(strcmp(notes, expected) == 0, "heard \"%s\", not \"%s\"", notes, expected);
    QT_CHECK(chained == events, "%u chained callbacks, not %u", chained, events);
    memset(notes, 0, sizeof(notes));
    note_count = 0;
    chained = 0;
    last_state = 0;
    leave(number);
}

/* All callbacks before the checkpoint, and afterwards what became of it. */
static void compare_any(int number)
{
    static const char *const expected[] = {"", "0pt1p2psgGC3c4cT5c", "0pt1p2psgGR3r4rT5r",
                                           "0pt1p2psgG3e4eT5e"};

    compare(number, expected[last_state]);
}

int main(int argc, char **argv)
{
    char *handle = NULL;
    int all, level, rc, seq;

    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    MPI_Comm_dup(MPI_COMM_WORLD, &talk);
    begin();
    checkpoint(1, "");
    compare_any(1);
    refuses = OMPI_CR_INC_PRE_CRS_PRE_MPI;
    checkpoint(2, "try again later");
    compare(2, "0p5e");
    refuses = OMPI_CR_INC_PRE_CRS_POST_MPI;
    checkpoint(3, "try again later");
    /* Where the refusal of another rank comes first, the checkpoint is over before it has reached this one. */
    compare(3, strcmp(notes, "0p5e") == 0 ? notes : "0pt1p3e4eT5e");
    refuses = -1;
    checkpoint(4, "");
    compare_any(4);
    rc = OMPI_CR_Restart(handle, 0, NULL);
    QT_CHECK(rc != MPI_SUCCESS, "a job cannot restart itself");
    rc = OMPI_CR_Quiesce_checkpoint(MPI_COMM_WORLD, &handle, &seq, NULL);
    QT_CHECK(rc != MPI_SUCCESS, "not quiet");
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s voice\n", all ? "not ok" : "ok");
    MPI_Finalize();
    return all != 0;
}
