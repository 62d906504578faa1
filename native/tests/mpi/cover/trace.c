/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is counted is in the program's memory, so after a restart it is what it was at the checkpoint. That there
 * was one, files in $QUIESCE_TEST_DIR say: begun-N, made by the driver when all ranks know of it, and stopped-N, when all are
 * stopped; restarted-N, made with that, says that the job is then killed and restarted.
 *
 * $COVER_ASK is a list of checkpoints, "FUNCTION:K:MODE,...": before its K-th call of FUNCTION rank $COVER_RANK waits until
 * the others are inside of MPI, asks for the checkpoint by the file want-N, and goes on into the call when all ranks know of
 * it, or, if that is no collective one, when it is over.
 */
#include "trace.h"

#include "../quiesce/qt.h"

#include <dlfcn.h>
#include <sys/syscall.h>

enum {
    MOST = 512, /* functions */
    EVENTS = 100000,
    LIVE = 4096, /* objects */
    RANKS = 16,
    USED_NS = 200000,
    SETTLE_MS = 3000,
    DONE_MS = 500,
};

struct counts {
    int entered, returned, before, after, begun, inside, lived;
};

struct place {
    int pid, inside;
    long sequence;
    long long cpu_ns;
};

static struct counts counts[MOST];
static struct {
    const void *handle;
    int function;
} live[LIVE];
static struct {
    char what;
    short function;
} events[EVENTS];
static int event_count, live_count, begun, epoch, restarts, asked, depth;
static long sequence;

static void event(char what, int function)
{
    if (event_count < EVENTS) {
        events[event_count].what = what;
        events[event_count++].function = (short)function;
    }
}

void *trace_next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* ---- objects ---- */

void trace_made(int function, const void *handle, const void *null)
{
    if (handle == null || live_count == LIVE)
        return;
    event('n', function);
    live[live_count].handle = handle;
    live[live_count++].function = function;
}

void trace_gone(const void *handle)
{
    for (int i = live_count - 1; i >= 0; i--)
        if (live[i].handle == handle) {
            event('d', live[i].function);
            live[i] = live[--live_count];
            return;
        }
}

void **trace_copy(const void *array, int count)
{
    void **copy = NULL;

    if (array == NULL || count <= 0)
        return NULL;
    copy = malloc((size_t)count * sizeof(*copy));
    if (copy != NULL)
        memcpy(copy, array, (size_t)count * sizeof(*copy));
    return copy;
}

void trace_compare(void **before, const void *array, int count)
{
    void *const *after = array;

    for (int i = 0; before != NULL && i < count; i++)
        if (before[i] != after[i])
            trace_gone(before[i]);
    free(before);
}

/* ---- checkpoints ---- */

static void look(void)
{
    while (qt_seen("begun", begun))
        begun++;
    while (qt_seen("stopped", epoch)) {
        int restarted = qt_seen("restarted", epoch);

        epoch++;
        restarts += restarted;
        for (int i = 0; restarted && i < MOST; i++)
            counts[i].before += counts[i].returned > 0;
        for (int i = 0; restarted && i < live_count; i++)
            counts[live[i].function].lived++;
    }
}

static int board(void)
{
    char path[512];

    qt_path(path, sizeof(path), "places", 0);
    return open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
}

/* The real process: a restored one may be told its old number. */
static int own_pid(void)
{
    char text[32] = "";

    return readlink("/proc/self", text, sizeof(text) - 1) > 0 ? atoi(text) : getpid();
}

static long long cpu_ns(int pid)
{
    struct timespec t;

    if (syscall(SYS_clock_gettime, (clockid_t)((unsigned)~pid << 3 | 2), &t) != 0)
        return -1;
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int number(const char *name)
{
    const char *text = getenv(name);

    return text != NULL ? atoi(text) : 0;
}

static void announce(int inside)
{
    int pid = own_pid(), fd = board();
    struct place p = {pid, inside, ++sequence, cpu_ns(pid)};

    if (fd < 0)
        return;
    if (pwrite(fd, &p, sizeof(p), number("OMPI_COMM_WORLD_RANK") * (off_t)sizeof(p)) < 0)
        qt_wrong++;
    close(fd);
}

/* Whether RANK has been in one MPI call for a while. */
static int is_inside(int fd, int rank)
{
    struct place p;
    long long used;

    if (rank == number("COVER_RANK"))
        return 1;
    if (pread(fd, &p, sizeof(p), rank * (off_t)sizeof(p)) != sizeof(p) || !p.inside)
        return 0;
    used = cpu_ns(p.pid);
    return used < 0 || used > p.cpu_ns + USED_NS;
}

static void settle(void)
{
    int fd = board(), size = number("OMPI_COMM_WORLD_SIZE"), rank = 0;
    double end = qt_now() + SETTLE_MS * 1e-3;

    while (fd >= 0 && rank < size && qt_now() < end) {
        for (rank = 0; rank < size && is_inside(fd, rank); rank++)
            ;
        if (rank < size)
            usleep(500);
    }
    if (fd >= 0)
        close(fd);
}

static int await(const char *what, int which, int ms)
{
    double end = qt_now() + ms * 1e-3;

    while (!qt_seen(what, which)) {
        if (qt_now() > end)
            return 0;
        usleep(250);
    }
    return 1;
}

static void ask(char mode, int clocked)
{
    char path[512], new[512];
    FILE *f;

    /* Others may be several collectives ahead: then this rank must first follow them. */
    if (asked > 0 && !await("done", asked - 1, DONE_MS))
        return;
    settle();
    qt_path(path, sizeof(path), "want", asked);
    qt_path(new, sizeof(new), "new", asked);
    f = fopen(new, "w");
    if (f == NULL)
        return;
    fprintf(f, "%c\n", mode);
    fclose(f);
    if (rename(new, path) != 0 || !await("begun", asked, 60000))
        printf("# the driver does not answer\n");
    if (!clocked)
        await("done", asked, DONE_MS);
    asked++;
}

/* Whether the list has this call; its mode, or 0. */
static char wanted(int function)
{
    const char *list = getenv("COVER_ASK"), *name = trace_names[function];
    size_t length = strlen(name);

    for (; list != NULL && *list != 0;
         list = strchr(list, ','), list = list != NULL ? list + 1 : NULL)
        if (strncmp(list, name, length) == 0 && list[length] == ':') {
            char *end;

            if (strtol(list + length + 1, &end, 10) == counts[function].entered)
                return end[1];
        }
    return 0;
}

static void save(void)
{
    char path[512], name[40];
    FILE *f;

    snprintf(name, sizeof(name), "trace-%d", own_pid());
    qt_path(path, sizeof(path), name, number("OMPI_COMM_WORLD_RANK"));
    f = fopen(path, "w");
    if (f == NULL)
        return;
    for (int i = 0; i < trace_count; i++)
        if (counts[i].entered > 0)
            fprintf(f, "f %s %d %d %d %d %d\n", trace_names[i], counts[i].before, counts[i].after,
                    counts[i].begun, counts[i].inside, counts[i].lived);
    for (int i = 0; i < event_count; i++)
        fprintf(f, "%c %s\n", events[i].what, trace_names[events[i].function]);
    fclose(f);
}

/* ---- calls ---- */

void trace_enter(struct trace_call *call, int function, int clocked)
{
    char mode;

    look();
    counts[function].entered++;
    event('c', function);
    if (getenv("COVER_ASK") != NULL && number("OMPI_COMM_WORLD_RANK") == number("COVER_RANK") &&
        depth == 0) {
        if (strcmp(trace_names[function], "MPI_Finalize") == 0 && asked > 0)
            await("done", asked - 1, 60000);
        mode = wanted(function);
        if (mode != 0)
            ask(mode, clocked);
        look();
    }
    depth++;
    counts[function].after += restarts > 0;
    call->function = function;
    call->epoch = epoch;
    call->begun = begun;
    if (strcmp(trace_names[function], "MPI_Abort") == 0)
        save();
    if (getenv("COVER_ASK") != NULL)
        announce(1);
}

void trace_leave(struct trace_call *call)
{
    struct counts *c = &counts[call->function];

    depth--;
    look();
    c->inside += epoch > call->epoch;
    c->begun += begun > call->begun;
    c->returned++;
    if (getenv("COVER_ASK") != NULL)
        announce(0);
}

/* What is printed goes to a file, all at the end: mpirun mixes the ranks' lines, and loses some when they are killed. */
__attribute__((constructor)) static void begin(void)
{
    static char room[1 << 20];
    char path[512], name[40];

    if (getenv("COVER_LINES") == NULL || getenv("OMPI_COMM_WORLD_RANK") == NULL)
        return;
    /* Not what a program that a rank executes has opened. */
    snprintf(name, sizeof(name), "lines-%d", own_pid());
    qt_path(path, sizeof(path), name, number("OMPI_COMM_WORLD_RANK"));
    if (freopen(path, "w", stdout) != NULL)
        setvbuf(stdout, room, _IOFBF, sizeof(room));
}

__attribute__((destructor)) static void end(void)
{
    if (getenv("OMPI_COMM_WORLD_RANK") != NULL)
        save();
}
