/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: random FIRST COUNT STEP single|multiple
 *     plays the programs with the seeds FIRST, FIRST + STEP, ... with MPI_THREAD_SINGLE or MULTIPLE, and prints their hashes
 *
 * With programs.py beside it each program is checkpointed at some places. Around such a place every rank has an event of its
 * own before which it stops until all ranks know of the checkpoint; the first that comes there asks for it. From then on
 * ranks are slow, so that they are somewhere else each when they are stopped.
 */
#include "random.h"

enum { SEGMENT = 24, PAUSE_US = 1500 };

static int asked; /* checkpoints in this job */

/* ---- checkpoints ---- */

static void ask(int number, unsigned long seed, int restart)
{
    char path[512], new[512];
    FILE *f;

    qt_path(path, sizeof(path), "want", number);
    if (access(path, F_OK) == 0)
        return;
    qt_path(new, sizeof(new), "new", number * RANKS + qt_rank);
    f = fopen(new, "w");
    if (f == NULL)
        return;
    fprintf(f, "seed %lu, event %d of rank %d\n%s\n", seed, rn_event, qt_rank,
            restart ? "restart" : "continue");
    fclose(f);
    QT_CHECK(rename(new, path) == 0, "%s", path);
}

/* Until the driver has made WHAT; lets MPI make progress, if nothing else does. */
static void await(const char *what, int number, int progress)
{
    double start = qt_now();
    int there;

    while (!qt_seen(what, number)) {
        if (progress)
            MPI_Iprobe(0, 0, MPI_COMM_SELF, &there, MPI_STATUS_IGNORE);
        usleep(100);
        if (qt_now() - start > ANSWER_S) {
            QT_CHECK(0, "the driver does not answer: %s-%d", what, number);
            MPI_Abort(MPI_COMM_WORLD, 4);
        }
    }
}

/* ---- programs ---- */

static void attach(void)
{
    MPI_Buffer_attach(malloc(BSEND_ROOM), BSEND_ROOM);
}

static void detach(void)
{
    void *room;
    int size;

    MPI_Buffer_detach(&room, &size);
    QT_CHECK(size == BSEND_ROOM, "a buffer of %d bytes is detached", size);
    free(room);
}

static void play(void)
{
    static const struct {
        int weight;
        const char *name;
        void (*play)(void);
    } events[] = {
        {4, "message", rn_message},
        {2, "open_one", rn_open_one},
        {3, "complete", rn_complete},
        {4, "collective", rn_collective},
        {3, "persistent", rn_persistent},
        {1, "shift", rn_shift},
        {2, "wild", rn_wild},
        {1, "burst", rn_burst},
        {1, "ready", rn_ready},
        {1, "cancel", rn_cancel},
        {1, "comm_make", rn_comm_make},
        {1, "comm_free", rn_comm_free},
        {1, "type_make", rn_type_make},
        {1, "type_free", rn_type_free},
        {3, "persistent_collective", rn_persistent_collective},
        {1, "window_make", rn_window_make},
        {1, "window_free", rn_window_free},
        {3, "epoch", rn_epoch},
        {4, "operate", rn_operate},
        {1, "count_up", rn_count_up},
        {1, "file_make", rn_file_make},
        {1, "file_close", rn_file_close},
        {5, "file", rn_file},
    };

    int all = 0, at, i = 0;

    for (at = 0; at < (int)(sizeof(events) / sizeof(*events)); at++)
        all += events[at].weight;
    at = rn_dice(all);
    while (at >= events[i].weight)
        at -= events[i++].weight;
    rn_event++;
    rn_trace("%s", events[i].name);
    if (!rn_without(events[i].name))
        events[i].play();
}

/* Some events with a checkpoint between them. */
static void segment(unsigned long seed, int restart)
{
    int number = asked++, hold = 1 + rn_own_dice(SEGMENT - 4), i, slow = 0;

    for (i = 0; i < SEGMENT; i++) {
        if (i == hold && getenv("QUIESCE_TEST_DIR") != NULL) {
            ask(number, seed, restart);
            await("begun", number, 0);
            slow = 1;
        }
        if (slow && (slow = !qt_seen("done", number)))
            usleep((unsigned)rn_own_dice(PAUSE_US));
        play();
    }
    if (slow)
        await("done", number, 1);
}

/* One restart at least. */
static void program(unsigned long seed)
{
    int restarts = 1 + (rn_dice(8) == 0) + (rn_dice(16) == 0), segments = restarts + rn_dice(2), i;

    for (i = 0; i < segments; i++)
        segment(seed, segments - i <= restarts);
}

static void report(unsigned long seed)
{
    uint64_t all[64];
    int i;

    MPI_Gather(&rn_hash, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
    if (qt_rank != 0)
        return;
    printf("program %lu of %d ranks, %d events:", seed, qt_size, rn_event);
    for (i = 0; i < qt_size; i++)
        printf(" %016lx", (unsigned long)all[i]);
    printf("\n");
    fflush(stdout);
}

static void run(unsigned long seed)
{
    rn_seed(seed);
    attach();
    rn_messages_begin();
    rn_requests_begin();
    rn_types_begin();
    rn_comms_begin();
    rn_collectives_begin();
    rn_windows_begin();
    rn_files_begin(seed);
    program(seed);
    rn_open_all();
    rn_files_end();
    rn_windows_end();
    rn_complete_all();
    rn_collectives_end();
    detach();
    rn_comms_end();
    rn_types_end();
    report(seed);
    MPI_Barrier(MPI_COMM_WORLD); /* messages whose requests were freed have arrived everywhere */
    rn_give_all();
}

int main(int argc, char **argv)
{
    unsigned long first, step;
    int count, i;

    if (argc != 5)
        return 2;
    first = strtoul(argv[1], NULL, 10);
    count = atoi(argv[2]);
    step = strtoul(argv[3], NULL, 10);
    MPI_Init_thread(&argc, &argv,
                    strcmp(argv[4], "multiple") == 0 ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &i);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    if (qt_size < 2 || qt_size > RANKS)
        MPI_Abort(MPI_COMM_WORLD, 2);
    for (i = 0; i < count; i++)
        run(first + (unsigned long)i * step);
    MPI_Finalize();
    return qt_wrong != 0;
}
