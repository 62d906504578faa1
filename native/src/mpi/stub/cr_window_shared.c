/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; making again: threads parked. Memory of MPI_Win_allocate_shared: one file of
 * /dev/shm that all ranks map and rank 0 unlinks, the parts of the ranks one behind the other. Every
 * image has all of it. After a restart each rank has a copy of its own, at the old address; rank 0
 * makes a new file of its copy, and all map that in place of theirs.
 */
#include "cr_fmt.h"
#include "cr_sys.h"
#include "cr_window.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

/* What rank 0 tells the others. */
struct segment {
    int made;
    char path[64];
};

/* 1 if all ranks say so. */
static int all_agree(const struct cr_window *win, int own)
{
    int all = 0;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Allreduce)(&own, &all, 1, CR_REAL_DATATYPE(MPI_INT), CR_REAL_OP(MPI_MIN),
                                (MPI_Comm)win->comm->keyed.handle.real);

    cr_lower_leave(fs);
    return rc == MPI_SUCCESS && all;
}

/* Rank 0. CONTENTS: NULL for zeroes. Returns a descriptor, or -1. */
static int make_segment(struct segment *segment, const void *contents, size_t size)
{
    int fd;

    cr_fmt(segment->path, sizeof(segment->path), "/dev/shm/quiesce-window-%d-%ld", cr_sys_getpid(),
           (long)cr_sys_clock_ns(CLOCK_REALTIME));
    fd = (int)cr_sys(SYS_openat, AT_FDCWD, segment->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
                     0600);
    segment->made = fd >= 0;
    /* With its blocks: a full file system would otherwise end the program when it writes. */
    if (fd >= 0 && cr_sys(SYS_fallocate, fd, 0, 0, size) == 0 &&
        (contents == NULL || cr_sys_write_all(fd, contents, size) == 0))
        return fd;
    if (fd >= 0)
        cr_sys_close(fd);
    return -1;
}

static int open_segment(const struct cr_window *win, const struct segment *segment)
{
    int fd = -1;

    if (segment->made && win->comm->rank != 0)
        fd = (int)cr_sys(SYS_openat, AT_FDCWD, segment->path, O_RDWR | O_CLOEXEC, 0);
    return fd;
}

/* Maps one new file on all ranks: over what is at win->segment, or anywhere. 1 if all have done it. */
static int map_segment(struct cr_window *win, int again)
{
    struct segment segment = {0};
    int fd = -1, good;
    uint64_t at = 0, fs;

    if (win->comm->rank == 0)
        fd = make_segment(&segment, again ? win->segment : NULL, win->mapped);
    fs = cr_lower_enter();
    CR_REAL(Bcast)
    (&segment, sizeof(segment), CR_REAL_DATATYPE(MPI_BYTE), 0,
     (MPI_Comm)win->comm->keyed.handle.real);
    cr_lower_leave(fs);
    if (win->comm->rank != 0)
        fd = open_segment(win, &segment);
    good = all_agree(win, fd >= 0);
    if (good) {
        at = cr_sys_mmap(again ? (uint64_t)win->segment : 0, win->mapped, PROT_READ | PROT_WRITE,
                         MAP_SHARED | (again ? MAP_FIXED : 0), fd, 0);
        good = all_agree(win, !cr_sys_is_error(at));
    }
    if (fd >= 0)
        cr_sys_close(fd);
    if (win->comm->rank == 0 && segment.made)
        cr_sys(SYS_unlinkat, AT_FDCWD, segment.path, 0);
    if (good && !again)
        win->segment = (void *)(uintptr_t)at;
    else if (!again && at != 0 && !cr_sys_is_error(at))
        cr_sys(SYS_munmap, at, win->mapped);
    return good;
}

/* Who has what. Returns the size of all. */
static size_t lay_out(struct cr_window *win)
{
    const struct cr_window_part own = {win->size, 0, win->unit};
    MPI_Aint end = 0;
    uint64_t fs;

    win->parts = cr_pool_alloc((size_t)win->comm->size * sizeof(*win->parts));
    fs = cr_lower_enter();
    CR_REAL(Allgather)
    (&own, sizeof(own), CR_REAL_DATATYPE(MPI_BYTE), win->parts, sizeof(own),
     CR_REAL_DATATYPE(MPI_BYTE), (MPI_Comm)win->comm->keyed.handle.real);
    cr_lower_leave(fs);
    for (int i = 0; i < win->comm->size; i++) {
        win->parts[i].offset = end;
        end += win->parts[i].size;
    }
    return CR_PAGE_UP((size_t)end + (end == 0));
}

static void *part_of(const struct cr_window *win, int rank)
{
    return (char *)win->segment + win->parts[rank].offset;
}

int cr_window_share(struct cr_window *win)
{
    win->mapped = lay_out(win);
    if (!map_segment(win, 0)) {
        win->mapped = 0;
        return MPI_ERR_RMA_SHARED;
    }
    win->base = part_of(win, win->comm->rank);
    return MPI_SUCCESS;
}

int cr_window_share_again(struct cr_window *win)
{
    return map_segment(win, 1) ? MPI_SUCCESS : MPI_ERR_RMA_SHARED;
}

static int query(const struct cr_window *win, int rank, MPI_Aint *size, int *unit, void *baseptr)
{
    void *base;

    if (win->flavor != MPI_WIN_FLAVOR_SHARED)
        return MPI_ERR_RMA_FLAVOR;
    if (rank == MPI_PROC_NULL) {
        rank = 0;
        while (rank < win->comm->size - 1 && win->parts[rank].size == 0)
            rank++;
    }
    if (rank < 0 || rank >= win->comm->size)
        return MPI_ERR_RANK;
    base = part_of(win, rank);
    memcpy(baseptr, &base, sizeof(base));
    *size = win->parts[rank].size;
    *unit = win->parts[rank].unit;
    return MPI_SUCCESS;
}

CR_MPI(int, Win_shared_query,
       (MPI_Win handle, int rank, MPI_Aint *size, int *disp_unit, void *baseptr))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = win != NULL ? query(win, rank, size, disp_unit, baseptr) : MPI_ERR_WIN;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_shared_query");
}
