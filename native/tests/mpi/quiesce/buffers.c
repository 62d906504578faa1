/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of ranks exchange buffers whose pages are replaced between two messages, at the same address: unmapped and mapped
 * again, mapped over, moved away, given back to the kernel, or freed and allocated. A transport that still has the old
 * pages registered sends those, or receives into them. Checkpoints lie between a buffer's message and its replacement, with
 * another message in flight; with an argument they must be refused with these words. Runs natively as well.
 */
#include "qt.h"

#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096
#define LARGEST ((size_t)4 << 20)
#define CHECKPOINTS 4

enum { UNMAPPED, MAPPED_OVER, MOVED, GIVEN_BACK, ALLOCATED, WAYS };

static const size_t sizes[] = {PAGE, 16 * PAGE, 100 * PAGE, LARGEST};
enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

static int partner, checkpoints;
static const char *refused;
static MPI_Comm comm;

static void *map(void *at, size_t size)
{
    int fixed = at != NULL ? MAP_FIXED : 0;
    void *p = mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p;
}

/* Other pages at P, with the old ones still alive where the way allows that. Returns where they are. */
static char *replace(char *p, size_t size, int way)
{
    static char *away;

    switch (way) {
    case UNMAPPED:
        munmap(p, size);
        return map(p, size);
    case MAPPED_OVER:
        return map(p, size);
    case MOVED:
        away = map(NULL, size);
        if (mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, away) != away)
            perror("mremap");
        map(p, size);
        munmap(away, size);
        return p;
    case GIVEN_BACK:
        madvise(p, size, MADV_DONTNEED);
        return p;
    default:
        free(p);
        return malloc(size);
    }
}

static uint64_t word(int rank, uint64_t number, size_t i)
{
    return ((uint64_t)rank << 56 ^ number << 32 ^ i) * 0x9e3779b97f4a7c15UL;
}

static void fill(char *p, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        ((uint64_t *)p)[i] = word(qt_rank, number, i);
}

static void compare(const char *p, size_t size, uint64_t number)
{
    for (size_t i = 0; i < size / sizeof(uint64_t); i++)
        if (((const uint64_t *)p)[i] != word(partner, number, i)) {
            QT_CHECK(0, "exchange %ld of %zu bytes: word %zu is wrong", (long)number, size, i);
            return;
        }
}

static void exchange(char *out, char *in, size_t size, uint64_t number)
{
    MPI_Request r[2];

    fill(out, size, number);
    memset(in, 0xee, size);
    MPI_Irecv(in, (int)size, MPI_BYTE, partner, 1, comm, &r[0]);
    MPI_Isend(out, (int)size, MPI_BYTE, partner, 1, comm, &r[1]);
    MPI_Waitall(2, r, MPI_STATUSES_IGNORE);
    compare(in, size, number);
}

/* The driver is to take a checkpoint, or to see it refused. */
static void ask(void)
{
    char hidden[512], path[512];
    FILE *f;

    qt_path(path, sizeof(path), "want", checkpoints);
    qt_path(hidden, sizeof(hidden), "hidden", checkpoints);
    f = fopen(hidden, "w");
    if (f == NULL)
        return;
    fprintf(f, "checkpoint %d\n%s\n", checkpoints, refused != NULL ? refused : "");
    fclose(f);
    rename(hidden, path);
}

/* A message of this size, and a synchronous one, are under way and not received while the job is checkpointed. */
static void checkpoint(char *out, char *in, size_t size, uint64_t number)
{
    int token = (int)number, got = -1;
    MPI_Request r[2];

    checkpoints++;
    fill(out, size, number);
    MPI_Isend(out, (int)size, MPI_BYTE, partner, 2, comm, &r[0]);
    MPI_Issend(&token, 1, MPI_INT, partner, 3, comm, &r[1]);
    if (qt_rank == 0)
        ask();
    qt_until("done", checkpoints);
    MPI_Recv(in, (int)size, MPI_BYTE, partner, 2, comm, MPI_STATUS_IGNORE);
    MPI_Recv(&got, 1, MPI_INT, partner, 3, comm, MPI_STATUS_IGNORE);
    MPI_Waitall(2, r, MPI_STATUSES_IGNORE);
    compare(in, size, number);
    QT_CHECK(got == token, "the synchronous message is %d, not %d", got, token);
}

static void run(size_t size, int way)
{
    uint64_t number = (uint64_t)way * 100 + 1;
    char *out = way == ALLOCATED ? malloc(size) : map(NULL, size);
    char *in = way == ALLOCATED ? malloc(size) : map(NULL, size);

    exchange(out, in, size, number);
    if (way < CHECKPOINTS && size == sizes[way])
        checkpoint(out, in, size, number + 10);
    for (int again = 1; again <= 3; again++) {
        out = replace(out, size, way);
        in = replace(in, size, way);
        exchange(out, in, size, number + (uint64_t)again);
    }
    if (way == ALLOCATED) {
        free(out);
        free(in);
    } else {
        munmap(out, size);
        munmap(in, size);
    }
}

int main(int argc, char **argv)
{
    int all = 0;

    refused = argc > 1 ? argv[1] : NULL;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    partner = qt_rank ^ 1;
    MPI_Comm_dup(MPI_COMM_WORLD, &comm);
    for (int way = 0; way < WAYS; way++)
        for (int i = 0; i < SIZES; i++)
            run(sizes[i], way);
    MPI_Allreduce(&qt_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    if (qt_rank == 0)
        printf("%s buffers, %d checkpoints\n", all ? "not ok" : "ok", checkpoints);
    MPI_Finalize();
    return all != 0;
}
