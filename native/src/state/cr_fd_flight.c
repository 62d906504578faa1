/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_fd_flight.h"

#include "cr_fd_common.h"
#include "cr_fd_queue.h"
#include "cr_fd_socket.h"
#include "cr_state_descriptors_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>

#define QUEUES_SIZE (64UL << 20) /* address space only */
#define MQUEUE_MAGIC 0x19800202

struct gathering {
    struct cr_fd_collect *c;
    struct cr_flight *flight;
    int checked; /* whether this process may be given descriptors, and closes them again */
};

int cr_flight_has(const struct cr_state *state, int fd)
{
    const struct cr_flight *f = state->flight;

    for (size_t i = 0; f != NULL && i < f->fd_count; i++) {
        if (f->fds[i] == fd)
            return 1;
    }
    return 0;
}

const struct cr_flight_queue *cr_flight_queue_of(const struct cr_state *state, uint64_t device,
                                                 uint64_t inode)
{
    const struct cr_flight_queue *q = state->flight != NULL ? state->flight->first : NULL;

    while (q != NULL && (q->device != device || q->inode != inode))
        q = q->next;
    return q;
}

void cr_flight_forget(struct cr_flight *flight)
{
    cr_arena_destroy(&flight->arena);
    flight->first = NULL;
    flight->fd_count = 0;
    flight->floor = 0;
}

void cr_flight_release(struct cr_flight *flight)
{
    for (size_t i = 0; i < flight->fd_count; i++)
        cr_sys_close(flight->fds[i]);
    cr_flight_forget(flight);
}

int cr_flight_take(struct cr_flight *flight, int *fds, size_t count)
{
    if (count > CR_FLIGHT_MAX - flight->fd_count) {
        for (size_t i = 0; i < count; i++)
            cr_sys_close(fds[i]);
        return -E2BIG;
    }
    for (size_t i = 0; i < count; i++) {
        int raised = (int)cr_sys(SYS_fcntl, fds[i], F_DUPFD_CLOEXEC, flight->floor);

        if (raised >= 0) {
            cr_sys_close(fds[i]);
            fds[i] = raised;
        }
        flight->fds[flight->fd_count++] = fds[i];
    }
    return 0;
}

/* ---- what closing a descriptor takes from its process ---- */

static int has_posix_lock(struct cr_arena *scratch, int fd)
{
    char *text;

    if (cr_fdinfo_read(scratch, fd, &text, NULL) < 0)
        return 1;
    for (const char *at = text; *at != '\0'; at++) {
        if (cr_str_starts(at, ": POSIX "))
            return 1;
    }
    return 0;
}

static int has_owner(int fd)
{
    struct {
        int type;
        int pid;
    } owner = {0, 0};

    return cr_sys(SYS_fcntl, fd, F_GETOWN_EX, &owner) == 0 && owner.pid != 0;
}

static int is_queue(int fd)
{
    struct statfs fs;

    return cr_sys(SYS_fstatfs, fd, &fs) == 0 && fs.f_type == MQUEUE_MAGIC;
}

/* Locks of fcntl(), being told of messages and F_NOTIFY end with any descriptor of the file that this process closes. */
static void check_one(struct gathering *g, int socket, int fd)
{
    size_t mark = g->c->scratch->used;
    struct stat st;
    const char *what = NULL;

    if (cr_sys_fstat(fd, &st) < 0)
        return;
    if (S_ISREG(st.st_mode) && has_posix_lock(g->c->scratch, fd))
        what = "holds a lock of fcntl(F_SETLK) on";
    else if (S_ISREG(st.st_mode) && is_queue(fd))
        what = "has the message queue of";
    else if (S_ISDIR(st.st_mode) && has_owner(fd))
        what = "watches with F_NOTIFY the directory of";
    cr_arena_rewind(g->c->scratch, mark);
    if (what != NULL)
        cr_refuse(
            g->c->refusals,
            "socket %d has received descriptors that the program has not taken yet, and the "
            "process %s descriptor %d, which it might lose by looking at them; let it receive "
            "them before the checkpoint",
            socket, what, fd);
}

/* Returns 1 if nothing can be lost. */
static int check(struct gathering *g, int socket, const int *fds, size_t count)
{
    if (!g->checked) {
        g->checked = 1;
        for (size_t i = 0; i < count; i++)
            check_one(g, socket, fds[i]);
    }
    return g->c->refusals->count == 0;
}

/* ---- looking ---- */

/* How many descriptors wait in the queue of FD, as far as the kernel tells (since Linux 5.9). */
static uint64_t count_waiting(struct cr_arena *scratch, int fd)
{
    size_t mark = scratch->used;
    uint64_t count = 0;
    char *text;

    if (cr_fdinfo_read(scratch, fd, &text, NULL) == 0)
        cr_fdinfo_u64(text, "scm_fds:", 10, &count);
    cr_arena_rewind(scratch, mark);
    return count;
}

/* Is it a Unix socket with descriptors in its queue? One with an error would lose that by being looked at. */
static int is_carrier(struct gathering *g, int fd, struct cr_open_file *file)
{
    struct pollfd events = {fd, POLLIN, 0};

    *file = (struct cr_open_file){.fd = fd, .same_as = -1};
    return cr_sys_fstat(fd, &file->st) == 0 && S_ISSOCK(file->st.st_mode) &&
           cr_socket_option(fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX &&
           cr_sys(SYS_poll, &events, 1, 0) > 0 && (events.revents & POLLERR) == 0 &&
           cr_socket_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0 &&
           count_waiting(g->c->scratch, fd) > 0;
}

static uint64_t amount(int fd)
{
    int type = cr_socket_option(fd, SOL_SOCKET, SO_TYPE);
    int bytes = 0;

    if (type != SOCK_STREAM)
        return type == SOCK_DGRAM ? CR_QUEUE_ALL : CR_QUEUE_UNTIL_END;
    cr_sys(SYS_ioctl, fd, FIONREAD, &bytes);
    return (uint64_t)bytes;
}

static int look_into(struct gathering *g, const struct cr_open_file *file, struct cr_error *err)
{
    struct cr_flight *flight = g->flight;
    struct cr_flight_queue *q;
    const struct cr_queue_head *note = NULL;
    size_t mark = g->c->scratch->used;
    int rc = flight->arena.size > 0 ? 0 : cr_arena_create(&flight->arena, QUEUES_SIZE);

    q = rc == 0 ? cr_arena_alloc(&flight->arena, sizeof(*q)) : NULL;
    if (q == NULL)
        return cr_fail_memory(err);
    rc = cr_queue_gather(g->c, file, amount(file->fd), flight, &note, err);
    cr_arena_rewind(g->c->scratch, mark);
    if (rc < 0)
        return rc;
    *q = (struct cr_flight_queue){flight->first, file->st.st_dev, file->st.st_ino, note,
                                  flight->arena.base + flight->arena.used - (uint64_t)note};
    flight->first = q;
    return 0;
}

/* Sockets that come out of a queue have queues, too: FDS and then all that is found. */
static int look_into_all(struct gathering *g, const int *fds, size_t count, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count + g->flight->fd_count; i++) {
        int fd = i < count ? fds[i] : g->flight->fds[i - count];
        struct cr_open_file file;

        if (cr_descriptor_is_foreign(g->c->state->foreign, fd) || !is_carrier(g, fd, &file) ||
            cr_flight_queue_of(g->c->state, file.st.st_dev, file.st.st_ino) != NULL)
            continue;
        if (check(g, fd, fds, count))
            rc = look_into(g, &file, err);
    }
    return rc == 0 ? cr_refusals_end(g->c->refusals, err) : rc;
}

static int gather(struct cr_state *state, struct cr_arena *scratch, struct cr_error *err)
{
    struct cr_refusals refusals = {0};
    struct cr_fd_collect c = {.state = state, .scratch = scratch, .refusals = &refusals};
    struct gathering g = {.c = &c, .flight = state->flight};
    struct rlimit own = {0, 0};
    struct rlimit high;
    size_t count;
    int *fds;
    int rc = cr_proc_list(scratch, "/proc/thread-self/fd", &fds, &count, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++) {
        if (fds[i] >= state->flight->floor)
            state->flight->floor = fds[i] + 1;
    }
    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &own);
    high = (struct rlimit){own.rlim_max, own.rlim_max};
    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &high, 0);
    rc = look_into_all(&g, fds, count, err);
    cr_sys(SYS_prlimit64, 0, RLIMIT_NOFILE, &own, 0);
    return rc;
}

int cr_flight_gather(struct cr_state *state, struct cr_error *err)
{
    struct cr_scratch scratch;
    int rc;

    if (state->flight == NULL || state->flight->first != NULL)
        return 0;
    cr_scratch_begin(&scratch, state->arena);
    rc = gather(state, &scratch.arena, err);
    cr_scratch_end(&scratch);
    return rc;
}
