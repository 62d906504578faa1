/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rank without the stub: `mpirun ... cr_mpirank lower_rank DIRECTORY`. It initializes MPI in the
 * lower half, registers with the agent, computes until DIRECTORY/go exists, and then checks that
 * everything of its own is as it was and that MPI works.
 */
#include "cr_rank.h"
#include "upper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define HEAP_SIZE (3 << 20)
#define FDS_MAX 1024
#define RANGES_MAX 16384

static struct cr_rank_ops ops;
static struct cr_lower_range ranges[RANGES_MAX];
static int fds[FDS_MAX];
static void *vdso_saved[CR_VDSO_COUNT];
static int rebuilt;
static volatile unsigned long thread_turns;
static __thread long thread_number = 1;

static void nothing(void)
{
}

static void report(struct cr_collective_report *ret_report)
{
    memset(ret_report, 0, sizeof *ret_report);
    ret_report->parked = 1;
}

static void target(uint64_t id_high, uint64_t id_low, uint64_t sequence)
{
    (void)id_high;
    (void)id_low;
    (void)sequence;
}

/* A thread must not be stopped inside the real vdso. */
static void stop(void)
{
    int i;

    for (i = 0; i < CR_VDSO_COUNT; i++) {
        vdso_saved[i] = cr_lower->vdso[i];
        cr_lower->vdso[i] = NULL;
    }
}

static void go(void)
{
    int i;

    for (i = 0; i < CR_VDSO_COUNT && !rebuilt; i++)
        cr_lower->vdso[i] = vdso_saved[i];
}

static int may_park(const void *context)
{
    uint64_t ip = (uint64_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

    return !(ip >= cr_lower->vdso_start && ip < cr_lower->vdso_end) &&
           !(ip >= cr_lower->fake_vdso_start && ip < cr_lower->fake_vdso_end);
}

static int check(struct cr_error *err)
{
    (void)err;
    return 0;
}

static int drain(uint64_t *ret_messages, struct cr_error *err)
{
    (void)err;
    *ret_messages = 0;
    return 0;
}

static void barrier(void)
{
    upper_call(&cr_lower->main, upper_resolve("MPI_Barrier"),
               (long)upper_resolve("ompi_mpi_comm_world"), 0, 0, 0);
}

static int rebuild(struct cr_error *err)
{
    (void)err;
    rebuilt = 1;
    barrier();
    return 0;
}

static void foreign(struct cr_foreign *ret_foreign)
{
    memset(ret_foreign, 0, sizeof *ret_foreign);
    ret_foreign->range_count = cr_lower->ranges(ranges, RANGES_MAX);
    ret_foreign->ranges = (const struct cr_range *)ranges;
    ret_foreign->fd_count = cr_lower->fds(fds, FDS_MAX);
    ret_foreign->fds = fds;
    ret_foreign->keep_standard_streams = 1;
}

static int thread_is_foreign(int tid)
{
    return cr_lower->thread_is_lower(tid);
}

static void register_rank(void)
{
    int (*rank_register)(const struct cr_rank_ops *, struct cr_error *);
    struct cr_error err = {0, ""};

    ops = (struct cr_rank_ops){
        .rank = cr_lower->rank,
        .size = cr_lower->size,
        .pend = nothing,
        .report = report,
        .target = target,
        .release = nothing,
        .stop = stop,
        .go = go,
        .may_park = may_park,
        .check = check,
        .drain = drain,
        .rebuild = rebuild,
        .foreign = foreign,
        .thread_is_foreign = thread_is_foreign,
    };
    rank_register = (__typeof__(rank_register))dlsym(RTLD_DEFAULT, "cr_rank_register");
    if (rank_register == NULL || rank_register(&ops, &err) < 0) {
        fprintf(stderr, "lower_rank: %s\n", rank_register == NULL ? "no agent" : err.text);
        exit(1);
    }
}

static void start_mpi(void)
{
    void *world = upper_resolve("ompi_mpi_comm_world");

    upper_call(&cr_lower->main, upper_resolve("MPI_Init_thread"), 0, 0, 0,
               (long)&cr_lower->thread_level);
    upper_call(&cr_lower->main, upper_resolve("MPI_Comm_rank"), (long)world, (long)&cr_lower->rank,
               0, 0);
    upper_call(&cr_lower->main, upper_resolve("MPI_Comm_size"), (long)world, (long)&cr_lower->size,
               0, 0);
    cr_lower->mpi_initialized = 1;
}

static void *turn(void *ignored)
{
    struct timespec pause = {0, 1000000};

    (void)ignored;
    while (thread_turns != ~0UL) {
        thread_number++;
        __atomic_add_fetch(&thread_turns, 1, __ATOMIC_RELAXED);
        nanosleep(&pause, NULL);
    }
    return (void *)thread_number;
}

static void say(const char *directory, const char *name)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s-%d", directory, name, cr_lower->rank);
    f = fopen(path, "we");
    if (f == NULL)
        exit(1);
    fprintf(f, "%d\n", getpid());
    fclose(f);
}

static void expect(int good, const char *what)
{
    if (!good)
        printf("rank %d: %s: wrong\n", cr_lower->rank, what);
}

static void check_mpi(void)
{
    typedef int (*allreduce_fn)(const void *, void *, int, void *, void *, void *);
    /* Six arguments: by way of a structure would hide what is tested, so the FS base is changed
     * here. */
    allreduce_fn allreduce = (allreduce_fn)upper_resolve("MPI_Allreduce");
    void *type = upper_resolve("ompi_mpi_int"), *sum = upper_resolve("ompi_mpi_op_sum");
    void *world = upper_resolve("ompi_mpi_comm_world");
    uint64_t own = upper_own_fs();
    int mine = cr_lower->rank + 1, all = 0;

    *cr_lower->main.upper_fs = own;
    upper_prctl(ARCH_SET_FS, cr_lower->main.fs);
    allreduce(&mine, &all, 1, type, sum, world);
    upper_prctl(ARCH_SET_FS, own);
    expect(all == cr_lower->size * (cr_lower->size + 1) / 2, "MPI_Allreduce");
}

static void check_system(void)
{
    pid_t child = fork();
    int status = -1;
    void *p;

    if (child == 0)
        _exit(7);
    expect(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "a child");
    p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect((uint64_t)p < CR_UPPER_END, "the place of a new mapping");
    /* Both mallocs have to do without the break. */
    expect(sbrk(0) == (void *)cr_lower->brk && sbrk(1 << 20) == (void *)-1, "the program break");
    p = malloc(64 << 20);
    expect(p != NULL && (uint64_t)p < CR_UPPER_END, "malloc");
    free(p);
}

/* What is made before the checkpoint. */
struct belongings {
    char *heap;
    int file;
    pthread_t thread;
};

static void make(struct belongings *b, const char *directory)
{
    char path[4096];

    b->heap = malloc(HEAP_SIZE);
    memset(b->heap, cr_lower->rank + 1, HEAP_SIZE);
    snprintf(path, sizeof path, "%s/data-%d", directory, cr_lower->rank);
    b->file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    expect(write(b->file, "0123456789", 10) == 10 && lseek(b->file, 4, SEEK_SET) == 4, "the file");
    pthread_create(&b->thread, NULL, turn, NULL);
}

static void check_belongings(const struct belongings *b)
{
    unsigned long before = thread_turns;
    char text[4] = "";
    void *result;
    int i;

    for (i = 0; i < HEAP_SIZE && b->heap[i] == cr_lower->rank + 1; i++)
        ;
    expect(i == HEAP_SIZE, "the heap");
    expect(read(b->file, text, 3) == 3 && strcmp(text, "456") == 0, "the place in the file");
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    expect(thread_turns > before, "the other thread");
    thread_turns = ~0UL;
    pthread_join(b->thread, &result);
    expect((unsigned long)result > 1, "the other thread's variable");
}

int main(int argc, char **argv)
{
    char path[4096];
    struct timespec pause = {0, 2000000};
    volatile double sum = 0;
    struct belongings mine;

    if (argc != 2)
        return 2;
    start_mpi();
    make(&mine, argv[1]);
    register_rank();
    say(argv[1], "ready");
    snprintf(path, sizeof path, "%s/go", argv[1]);
    while (access(path, F_OK) != 0) {
        sum += 1.5;
        nanosleep(&pause, NULL);
    }
    check_mpi();
    check_belongings(&mine);
    check_system();
    upper_call(&cr_lower->main, upper_resolve("MPI_Finalize"), 0, 0, 0, 0);
    expect(upper_first_gap() == 0, "what was free above the line");
    printf("rank %d of %d: restarted %d, sum is %s, done\n", cr_lower->rank, cr_lower->size,
           rebuilt, sum > 0 ? "fine" : "zero");
    return 0;
}
