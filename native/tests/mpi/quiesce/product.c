/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The product of states: rank 0 is in one state with rank 2 as its partner, rank 1 in another one with rank 3, and a
 * checkpoint is taken while both are in theirs. Then the next pair; one job walks all pairs. The two roles are alike, so
 * each unordered pair comes once, and a state with itself too: then its collectives are of all four ranks.
 *
 *     product all|core                 every pair of all states, or of the representative ones
 *     product some ROTATIONS           pairs (i, i + k) for ROTATIONS different k, drawn with $QUIESCE_PRODUCT_SEED: each
 *                                      state is in both roles that many times. $QUIESCE_PRODUCT_FULL makes it "all"
 *     product finalize NUMBER          rank 0 (and then 2) in MPI_Finalize, rank 1 in state NUMBER
 *     product pair NAME NAME | list
 *
 * Ranks tell each other where they are through a file, so that no message disturbs the states: an entry per rank with the
 * pair's number and the processor time of that moment. The checkpoint is asked for when both have used some more since.
 */
#include "product.h"

#include <sched.h>
#include <sys/syscall.h>
#include <sys/types.h>

enum { PARTNERS = 2, RANKS = 4, MOST = 100, STEP = 2, USED_NS = 100000 };

struct place {
    int number, pid;
    long long cpu_ns;
};

int out[BIG], in[BIG];
MPI_Status status;

static const struct state *states[MOST];
static int count;
static const char *const core[] = {
    "computing",    "recv-any-source", "send-eager",    "send-rendezvous",  "ssend",
    "bsend-detach", "waitall-mixed",   "waitany-mixed", "irecv-test",       "probe",
    "persistent",   "message-held",    "barrier-early", "bcast-root-ahead", "iallreduce-some",
    "split-half",   "strided-posted",
};
enum { CORE = sizeof(core) / sizeof(*core) };

static MPI_Comm every, mine; /* all ranks; those of my side */
static const struct state *now[2];

/* ---- where everybody is ---- */

static int board(void)
{
    char path[512];

    qt_path(path, sizeof(path), "board", 0);
    return open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
}

/* As the kernel counts it: what a restored process is told includes its time before, and others cannot see that. -1: gone. */
static long long cpu_ns(int pid)
{
    clockid_t clock = (clockid_t)((unsigned)~pid << 3 | 2);
    struct timespec t;

    return syscall(SYS_clock_gettime, clock, &t) == 0 ? t.tv_sec * 1000000000LL + t.tv_nsec : -1;
}

/* The real process: a restored one may be told its old number. */
static int own_pid(void)
{
    char text[32] = "";

    return readlink("/proc/self", text, sizeof(text) - 1) > 0 ? atoi(text) : getpid();
}

static void announce(const struct side *s)
{
    int pid = own_pid();
    struct place p = {s->number, pid, cpu_ns(pid)};
    int fd = board();

    QT_CHECK(fd < 0 || pwrite(fd, &p, sizeof(p), qt_rank * (off_t)sizeof(p)) == sizeof(p), "board");
    if (fd >= 0)
        close(fd);
}

static int is_there(int fd, const struct side *s, int rank)
{
    struct place p;
    long long used;

    if (pread(fd, &p, sizeof(p), rank * (off_t)sizeof(p)) != sizeof(p) || p.number != s->number)
        return 0;
    if (rank >= PARTNERS)
        return 1;
    used = cpu_ns(p.pid);
    return used < 0 || used > p.cpu_ns + USED_NS;
}

static void until_all_are_there(const struct side *s)
{
    int fd = board(), rank, i;

    for (rank = 0; fd >= 0 && rank < RANKS; rank++) {
        for (i = 0; i < 600000 && !is_there(fd, s, rank); i++)
            usleep(100);
        QT_CHECK(i < 600000, "rank %d does not come into its state", rank);
    }
    if (fd >= 0)
        close(fd);
}

static void wait_for(const char *what, int number)
{
    int i;

    if (getenv("QUIESCE_TEST_DIR") == NULL)
        return;
    for (i = 0; i < 300000 && !qt_seen(what, number); i++)
        usleep(200);
    QT_CHECK(i < 300000, "the driver does not answer: %s-%d", what, number);
}

/* Tells the driver who is in which state, and whether the checkpoint must be refused. */
static void ask(const struct side *s)
{
    const char *refused = now[0]->refused != NULL ? now[0]->refused : now[1]->refused;
    char path[512], new[512];
    FILE *f;

    qt_path(path, sizeof(path), "want", s->number);
    qt_path(new, sizeof(new), "new", s->number);
    f = fopen(new, "w");
    if (f == NULL)
        return;
    fprintf(f, "%s x %s\n%s\n", now[0]->name, now[1]->name, refused != NULL ? refused : "");
    fclose(f);
    QT_CHECK(rename(new, path) == 0, "%s", path);
}

void inside(const struct side *s)
{
    announce(s);
}

void compute(const struct side *s)
{
    while (getenv("QUIESCE_TEST_DIR") != NULL && !qt_seen("done", s->number))
        qt_compute(0.0005);
}

static void partner_waits(const struct side *s, const char *what)
{
    announce(s);
    if (qt_rank == PARTNERS) {
        until_all_are_there(s);
        ask(s);
    }
    wait_for(what, s->number);
}

void late(const struct side *s)
{
    partner_waits(s, "done");
}

void late_for_a_collective(const struct side *s)
{
    partner_waits(s, "begun");
}

/* ---- data ---- */

static int number_of(const struct side *s, int which, int i)
{
    return s->salt + which * 7919 + i * 31;
}

void fill(const struct side *s, int which, int n)
{
    int i;

    for (i = 0; i < n; i++)
        out[i] = number_of(s, which, i);
}

void check(const struct side *s, int which, int n)
{
    int i, bad = 0;

    for (i = 0; i < n; i++)
        bad += in[i] != number_of(s, which, i);
    QT_CHECK(bad == 0, "%d of %d numbers of message %d are wrong", bad, n, which);
    memset(in, -1, (size_t)n * sizeof(int));
}

void check_status(const struct side *s, int tag, int n)
{
    int got;

    MPI_Get_count(&status, MPI_INT, &got);
    QT_CHECK(status.MPI_SOURCE == s->peer && status.MPI_TAG == tag && got == n,
             "status: %d numbers from %d with tag %d", got, status.MPI_SOURCE, status.MPI_TAG);
}

void send_numbers(const struct side *s, int which, int n, int tag)
{
    fill(s, which, n);
    MPI_Send(out, n, MPI_INT, s->peer, tag, s->comm);
}

void receive_numbers(const struct side *s, int which, int n, int tag)
{
    MPI_Recv(in, n, MPI_INT, s->peer, tag, s->comm, &status);
    check(s, which, n);
    check_status(s, tag, n);
}

/* ---- pairs ---- */

static struct side side_of(int index)
{
    struct side s = {.number = (index + 1) * STEP, .is_self = qt_rank < PARTNERS};

    s.salt = s.number * 100003 + qt_rank % 2 * 17;
    s.comm = index % 2 ? every : mine;
    s.me = index % 2 ? qt_rank : qt_rank / 2;
    s.peer = index % 2 ? (qt_rank + 2) % RANKS : !s.me;
    s.all = now[0] == now[1] ? every : mine;
    MPI_Comm_rank(s.all, &s.rank);
    MPI_Comm_size(s.all, &s.size);
    return s;
}

static void play(int index)
{
    const struct state *state = now[qt_rank % 2];
    struct side s = side_of(index);

    memset(in, -1, sizeof(in));
    if (s.is_self)
        state->self(&s);
    else
        state->partner(&s);
    wait_for("done", s.number);
}

static int pair(int index, int a, int b)
{
    int before = qt_wrong, wrong, all = 0;

    now[0] = states[a];
    now[1] = states[b];
    play(index);
    wrong = qt_wrong - before;
    MPI_Allreduce(&wrong, &all, 1, MPI_INT, MPI_SUM, every);
    if (all != 0 && qt_rank == 0) {
        printf("not ok %s x %s\n", now[0]->name, now[1]->name);
        fflush(stdout);
    }
    return all != 0;
}

static int walk_all(void)
{
    int a, b, n = 0, bad = 0;

    for (a = 0; a < count; a++)
        for (b = a; b < count; b++)
            bad += pair(n++, a, b);
    if (qt_rank == 0)
        printf("%s %d pairs of %d states\n", bad ? "not ok" : "ok", n, count);
    return bad;
}

static int walk_some(int rotations)
{
    const char *seed = getenv("QUIESCE_PRODUCT_SEED");
    int shift[MOST], i, k, n = 0, bad = 0;

    srand(seed != NULL ? (unsigned)atoi(seed) : 1);
    for (i = 0; i < count; i++)
        shift[i] = i;
    for (i = 0; i < rotations && i < count; i++) {
        int other = i + rand() % (count - i), t = shift[i];

        shift[i] = shift[other];
        shift[other] = t;
        for (k = 0; k < count; k++)
            bad += pair(n++, k, (k + shift[i]) % count);
    }
    if (qt_rank == 0)
        printf("%s %d pairs of %d states, seed %s\n", bad ? "not ok" : "ok", n, count,
               seed != NULL ? seed : "1");
    return bad;
}

static void in_finalize(struct side *s)
{
    if (s->is_self)
        inside(s);
    else
        late(s);
}

/* Rank 0 goes on to MPI_Finalize at once, and nobody says how it went but the exit code. */
static int walk_finalize(int number)
{
    static const struct state finalize = {"finalize", in_finalize, in_finalize, NULL};
    struct side s;

    now[0] = &finalize;
    now[1] = states[number % count];
    s = side_of(number % 2);
    if (qt_rank % 2 == 0)
        in_finalize(&s);
    else
        (s.is_self ? now[1]->self : now[1]->partner)(&s);
    if (qt_rank != 0)
        wait_for("done", s.number);
    return qt_wrong;
}

static int find(const char *name)
{
    int i;

    for (i = 0; i < count; i++)
        if (strcmp(states[i]->name, name) == 0)
            return i;
    fprintf(stderr, "no state %s\n", name);
    exit(2);
}

static void make_table(int only_core)
{
    const struct state *const lists[] = {product_messages, product_requests, product_collectives,
                                         product_objects, product_comms};
    const struct state *chosen[CORE], *s;
    size_t i;

    for (i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        for (s = lists[i]; s->name != NULL; s++)
            states[count++] = s;
    if (!only_core)
        return;
    for (i = 0; i < CORE; i++)
        chosen[i] = states[find(core[i])];
    memcpy(states, chosen, sizeof(chosen));
    count = CORE;
}

static int walk(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "all";

    if (strcmp(how, "finalize") == 0)
        return walk_finalize(argc > 2 ? atoi(argv[2]) : 0);
    if (strcmp(how, "pair") == 0 && argc > 3)
        return pair(0, find(argv[2]), find(argv[3]));
    if (strcmp(how, "some") == 0 && getenv("QUIESCE_PRODUCT_FULL") == NULL)
        return walk_some(argc > 2 ? atoi(argv[2]) : 1);
    return walk_all();
}

int main(int argc, char **argv)
{
    int i, bad;

    make_table(argc > 1 && strcmp(argv[1], "core") == 0);
    if (argc > 1 && strcmp(argv[1], "list") == 0) {
        for (i = 0; i < count; i++)
            puts(states[i]->name);
        return 0;
    }
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    if (qt_size != RANKS)
        MPI_Abort(MPI_COMM_WORLD, 2);
    MPI_Comm_dup(MPI_COMM_WORLD, &every);
    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, qt_rank, &mine);
    bad = walk(argc, argv);
    MPI_Finalize();
    return bad != 0;
}
