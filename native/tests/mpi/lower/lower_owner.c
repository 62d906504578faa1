/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run as `mpirun -np 2 cr_mpirank lower_owner`: after a real MPI_Init in the lower half, each
 * descriptor, mapping and thread of this process is known as the lower half's or the application's,
 * as the case may be.
 */
#include "tap.h"
#include "upper.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define FDS_MAX 4096
#define RANGES_MAX 16384

static struct cr_lower_range ranges[RANGES_MAX];
static size_t range_count;

static void take_ranges(void)
{
    range_count = cr_lower->ranges(ranges, RANGES_MAX);
}

/* Bytes of [START, END) that the lower half owns. */
static uint64_t lower_bytes(uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < range_count; i++) {
        uint64_t from = ranges[i].start > start ? ranges[i].start : start;
        uint64_t to = ranges[i].end < end ? ranges[i].end : end;
        if (from < to)
            sum += to - from;
    }
    return sum;
}

static int is_lower(const void *address)
{
    take_ranges();
    return lower_bytes((uint64_t)address, (uint64_t)address + 1) == 1;
}

static int ranges_ascend(void)
{
    size_t i;

    take_ranges();
    for (i = 0; i < range_count; i++) {
        if (ranges[i].start >= ranges[i].end || (i > 0 && ranges[i - 1].end >= ranges[i].start))
            return 0;
    }
    return range_count > 0;
}

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int is_lower_fd(int fd)
{
    int fds[FDS_MAX];
    size_t i, count = cr_lower->fds(fds, FDS_MAX);

    for (i = 0; i < count; i++) {
        if (fds[i] == fd)
            return 1;
    }
    return 0;
}

/* Everything that is open, but 0-2 and OWN, has to be the lower half's; also what the launcher left
 * open. */
static int check_descriptors(const int *before, int own, int *ret_new)
{
    int fd, wrong = 0;

    *ret_new = 0;
    for (fd = 3; fd < FDS_MAX; fd++) {
        char path[64], target[256] = "";
        int expected = fd != own;
        if (!is_open(fd))
            continue;
        *ret_new += !before[fd] && expected;
        if (is_lower_fd(fd) == expected)
            continue;
        wrong++;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) < 0)
            target[0] = '?';
        printf("# descriptor %d (%s) should be %s\n", fd, target, expected ? "lower" : "upper");
    }
    return wrong;
}

/* 1: only the lower half maps such a file; the stub brings libopen-pal and what that needs into the
 * upper half. */
static int lower_name(const char *name)
{
    static const char *const parts[] = {"/cr_mpirank", "libopen-rte", "/mca_",  "vader_segment",
                                        "libpmix",     "[stack]",     "[heap]", "[vdso]",
                                        "[vvar",       NULL};
    int i;

    for (i = 0; parts[i] != NULL; i++) {
        if (strstr(name, parts[i]) != NULL)
            return 1;
    }
    return 0;
}

static int check_maps(void)
{
    FILE *f = fopen("/proc/self/maps", "re");
    char line[4400];
    int wrong = 0;

    take_ranges();
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        uint64_t start, end;
        if (sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        if (lower_name(line) && lower_bytes(start, end) != end - start) {
            printf("# should be lower: %s", line);
            wrong++;
        }
    }
    if (f != NULL)
        fclose(f);
    return wrong;
}

/* Every library that our own dynamic linker knows belongs to the application. */
static int check_library(struct dl_phdr_info *info, size_t size, void *argument)
{
    int i, *wrong = argument;

    (void)size;
    for (i = 0; i < info->dlpi_phnum; i++) {
        uint64_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        if (lower_bytes(start, start + info->dlpi_phdr[i].p_memsz) == 0)
            continue;
        printf("# should be upper: %s\n", info->dlpi_name);
        (*wrong)++;
    }
    return 0;
}

static int blocks_all(int tid)
{
    char path[64], line[256];
    unsigned long mask = 0;
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    f = fopen(path, "re");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        sscanf(line, "SigBlk: %lx", &mask);
    if (f != NULL)
        fclose(f);
    /* KILL and STOP cannot be blocked; 32 and 33 are the C library's. */
    return (mask | 1UL << 8 | 1UL << 18 | 3UL << 31) == ~0UL;
}

/* The checkpoint agent, if it is installed, is a thread of the application. */
static int is_agent(int tid)
{
    char path[64], name[32] = "";
    FILE *f;

    snprintf(path, sizeof path, "/proc/self/task/%d/comm", tid);
    f = fopen(path, "re");
    if (f != NULL && fgets(name, sizeof name, f) == NULL)
        name[0] = '\0';
    if (f != NULL)
        fclose(f);
    return strcmp(name, "cr-agent\n") == 0;
}

static int check_threads(const int *own, int own_count, int *ret_lower)
{
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    int wrong = 0;

    *ret_lower = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        int i, tid = atoi(e->d_name), mine = is_agent(tid);
        for (i = 0; i < own_count; i++)
            mine |= own[i] == tid;
        if (tid == 0)
            continue;
        *ret_lower += !mine;
        if (cr_lower->thread_is_lower(tid) == !mine && (mine || blocks_all(tid)))
            continue;
        printf("# thread %d should be %s\n", tid, mine ? "upper" : "lower and block all signals");
        wrong++;
    }
    if (d != NULL)
        closedir(d);
    return wrong;
}

static void test_memory(void)
{
    long (*lower_malloc)(long, long, long, long) = (upper_fn)upper_resolve("malloc");
    void *lower_free = upper_resolve("free"), *lower_dlopen = upper_resolve("dlopen");
    void *p, *mine = malloc(8 << 20);
    int wrong = 0;

    tap_ok(ranges_ascend(), "ranges are ascending and apart");
    tap_equal_u64(check_maps(), 0, "what the lower half maps is lower");
    dl_iterate_phdr(check_library, &wrong);
    tap_equal_u64(wrong, 0, "the application's libraries are upper");
    tap_ok(!is_lower(mine) && !is_lower(&wrong), "the application's heap and stack are upper");
    p = (void *)upper_call(&cr_lower->main, (void *)lower_malloc, 8 << 20, 0, 0, 0);
    tap_ok(is_lower(p) && p < (void *)CR_UPPER_END,
           "memory that the lower half takes now is lower");
    upper_call(&cr_lower->main, lower_free, (long)p, 0, 0, 0);
    tap_ok(!is_lower(p), "memory that the lower half gave back is not lower");
    p = (void *)upper_call(&cr_lower->main, lower_dlopen, (long)"libutil.so.1", RTLD_NOW, 0, 0);
    tap_ok(p != NULL && is_lower(*(void **)((char *)p + 16)),
           "a library loaded by the lower half is lower");
    p = dlopen("libBrokenLocale.so.1", RTLD_NOW);
    tap_ok(p != NULL && !is_lower(*(void **)((char *)p + 16)),
           "a library loaded by the application is upper");
    free(mine);
}

static volatile int thread_tid;

static void *wait_for_end(void *gate)
{
    thread_tid = gettid();
    pthread_mutex_lock(gate);
    return NULL;
}

static void test_threads(void)
{
    static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    struct cr_shadow shadow = {0, NULL};
    pthread_t thread;
    int own[2] = {gettid(), 0};
    int lower, before;

    pthread_mutex_lock(&gate);
    pthread_create(&thread, NULL, wait_for_end, &gate);
    while (thread_tid == 0)
        usleep(1000);
    own[1] = thread_tid;
    tap_equal_u64(check_threads(own, 2, &before), 0, "each thread is known as lower or upper");
    tap_ok(before >= 2, "the lower half has threads of its own");
    tap_equal_u64(cr_lower->new_shadow(&shadow), 0, "a shadow is made whatever the FS base");
    tap_ok(shadow.fs != 0 && shadow.fs != cr_lower->main.fs, "it has a TCB of its own");
    tap_equal_u64(upper_call(&shadow, (void *)cr_lower->upper_fs, 0, 0, 0, 0), upper_own_fs(),
                  "which remembers who borrowed it");
    tap_equal_u64(check_threads(own, 2, &lower), 0, "each thread is still known");
    tap_equal_u64(lower, before + 1, "the shadow is one more lower thread");
    pthread_mutex_unlock(&gate);
    pthread_join(thread, NULL);
}

int main(void)
{
    static int before[FDS_MAX];
    int own, fd, opened, wrong, level = -1;
    void *world;

    for (fd = 0; fd < FDS_MAX; fd++)
        before[fd] = is_open(fd);
    if (getenv("OMPI_COMM_WORLD_RANK") != NULL &&
        strcmp(getenv("OMPI_COMM_WORLD_RANK"), "0") != 0 &&
        freopen("/dev/null", "w", stdout) == NULL)
        return 1;
    own = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    upper_call(&cr_lower->main, upper_resolve("MPI_Init_thread"), 0, 0, 3, (long)&level);
    tap_equal_u64(level, 3, "MPI_Init_thread in the lower half gives MPI_THREAD_MULTIPLE");
    world = upper_resolve("ompi_mpi_comm_world");
    upper_call(&cr_lower->main, upper_resolve("MPI_Barrier"), (long)world, 0, 0, 0);
    wrong = check_descriptors(before, own, &opened);
    tap_equal_u64(wrong, 0, "each descriptor that MPI opened is lower, no other");
    tap_ok(opened >= 5, "MPI opened descriptors");
    test_memory();
    test_threads();
    upper_call(&cr_lower->main, upper_resolve("MPI_Finalize"), 0, 0, 0, 0);
    wrong = check_descriptors(before, own, &opened);
    tap_equal_u64(wrong, 0, "after MPI_Finalize no descriptor has changed hands");
    tap_equal_u64(upper_first_gap(), 0, "no address above the line is free");
    return tap_done();
}
