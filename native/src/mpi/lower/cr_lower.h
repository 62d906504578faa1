/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal and frozen. The page that the two halves of a rank share. It lies at a fixed
 * address, belongs to the lower half (cr_mpirank) and is made anew by every lower half; the upper
 * half (stub libmpi, libcr, fake vdso) reads it. Functions in it run lower-half code: they are
 * called with FS set to a lower-half TCB, unless stated otherwise.
 */
#ifndef CR_LOWER_H
#define CR_LOWER_H

#include <stddef.h>
#include <stdint.h>

#define CR_UPPER_END 0x500000000000UL /* the kernel places everything of the application below */
#define CR_LOWER_INFO_ADDRESS CR_UPPER_END
#define CR_LOWER_BREAK_ADDRESS (CR_UPPER_END + (1UL << 30))
#define CR_LOWER_MAGIC 0x315252574c524351UL
#define CR_LOWER_VERSION 1

/* Slots of vdso[]: the fake vdso jumps through them; 0 means "make the system call". */
enum {
    CR_VDSO_CLOCK_GETTIME,
    CR_VDSO_GETTIMEOFDAY,
    CR_VDSO_TIME,
    CR_VDSO_GETCPU,
    CR_VDSO_CLOCK_GETRES,
    CR_VDSO_COUNT
};

/* A lower-half TCB that an upper thread borrows while it runs lower-half code. */
struct cr_shadow {
    uint64_t fs;        /* FS base to load */
    uint64_t *upper_fs; /* word in the shadow's TLS that holds the FS base of the borrower */
};

struct cr_lower_range {
    uint64_t start, end;
};

struct cr_lower_info {
    uint64_t magic;
    uint32_t version;
    uint32_t restored;   /* 1: this lower half was started to restore an image */
    uint64_t generation; /* differs for every lower half; the stub rebinds when it changes */

    struct cr_shadow main; /* the primordial thread's own TCB */

    /* dlsym of the lower half: fills OUT[i] for NAMES[i], NULL where missing; returns how many are
     * missing. */
    int (*resolve)(const char *const *names, int count, void **out);
    /* Makes a parked pthread (all signals blocked) and lends its TCB. Any FS base. Returns 0 or an
     * errno. */
    int (*new_shadow)(struct cr_shadow *ret_shadow);
    /* In a callback from the lower half: FS base of the upper thread that made the call. */
    uint64_t (*upper_fs)(void);

    /* Without any FS requirement, callable in frozen code: what belongs to the lower half now. Each
     * copies at most MAX entries, ascending, and returns the full count. */
    size_t (*ranges)(struct cr_lower_range *out, size_t max);
    size_t (*fds)(int *out, size_t max);
    int (*thread_is_lower)(int tid);

    /* Bounds of the real and the fake vdso: a thread may not park inside either. */
    uint64_t vdso_start, vdso_end;
    uint64_t fake_vdso_start, fake_vdso_end;

    /* After a restart (restored == 1): the lower half has called MPI_Init_thread already. */
    int32_t rank, size, thread_level, mpi_initialized;
    uint64_t brk; /* the kernel's in this process; at restart the upper libc's __curbrk too */

    /* Path of the run directory with crnode's socket, of the job directory, and the job's name. */
    char run_directory[256];
    char job_directory[512];
    char job[128];

    void *volatile vdso[CR_VDSO_COUNT] __attribute__((aligned(64)));

    int32_t pid; /* of the rank; a forked child finds another number in getpid() */
    /* Path of cr_mpirank, for a rank that executes another program before MPI_Init. */
    char program[512];

    /* To be called after MPI_Init: looks at what messages go by, and aborts the job where they would be
     * wrong. FS: the lower half's. */
    void (*mpi_started)(void);
    /* Why no checkpoint is possible with the transport of this lower half; "": it is. */
    char transport[384];

    /* At a restart: the environment that the new launcher gave, as the application is to see it. */
    char *const *environment;

    /* Who has sent synchronously is not told when the message is received after a matched probe. */
    int32_t forgets_matched;
};

/* In the environment from a rank that executes another program to its new cr_mpirank: the program's
 * argv[0]. */
#define CR_LOWER_ARGV0_VARIABLE "QUIESCE_MPIRANK_ARGV0"

/* Offset of vdso[] is used by the fake vdso's assembler and checked where it is compiled. */
#define CR_LOWER_VDSO_OFFSET offsetof(struct cr_lower_info, vdso)

#define cr_lower ((struct cr_lower_info *)CR_LOWER_INFO_ADDRESS)

#endif
