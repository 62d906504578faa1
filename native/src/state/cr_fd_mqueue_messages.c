/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Messages of POSIX message queues, and who could miss them while they are taken out. */
#include "cr_fd_mqueue.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define UP(x) (((x) + 7UL) & ~7UL)
#define TRIES 1000 /* to put one back that there was room for, a millisecond each */

int cr_mqueue_attributes(int fd, struct mq_attr *ret_attributes)
{
    return (int)cr_sys(SYS_mq_getsetattr, fd, 0, ret_attributes);
}

/* What is out must go in again, whoever has used the room meanwhile. */
static long send_one(int fd, const struct cr_mqueue_message *m)
{
    const struct timespec step = {0, 1000000};
    long rc = -EAGAIN;

    for (int i = 0; (rc == -EAGAIN || rc == -EINTR) && i < TRIES; i++) {
        if (i > 0)
            cr_sys(SYS_nanosleep, &step, 0);
        rc = cr_sys(SYS_mq_timedsend, fd, m + 1, m->size, m->priority, 0);
    }
    return rc;
}

int cr_mqueue_send(int fd, const struct cr_mqueue_data *data, size_t size)
{
    const char *at = (const char *)(data + 1);
    const char *end = (const char *)data + size;
    long rc = 0;

    for (uint32_t i = 0; i < data->count; i++) {
        const struct cr_mqueue_message *m = (const void *)at;
        long sent;

        if (at + sizeof(*m) > end || UP(m->size) > (size_t)(end - at) - sizeof(*m))
            return -CR_EDAMAGED;
        sent = send_one(fd, m);
        rc = rc == 0 && sent < 0 ? sent : rc;
        at += sizeof(*m) + UP(m->size);
    }
    return (int)rc;
}

/* All memory is there before the first message is taken. */
int cr_mqueue_copy(struct cr_arena *arena, int fd, const struct mq_attr *attributes,
                   struct cr_mqueue_data **ret_data, size_t *ret_size)
{
    size_t count = (size_t)attributes->mq_curmsgs;
    size_t one = sizeof(struct cr_mqueue_message) + UP((size_t)attributes->mq_msgsize);
    struct cr_mqueue_data *data = cr_arena_alloc(arena, sizeof(*data) + count * one);
    char *at = (char *)(data + 1);
    long rc = 0;

    if (data == NULL)
        return -ENOMEM;
    *data = (struct cr_mqueue_data){0};
    while (data->count < count) {
        struct cr_mqueue_message *m = (void *)at;

        rc = cr_sys(SYS_mq_timedreceive, fd, m + 1, attributes->mq_msgsize, &m->priority, 0);
        if (rc < 0)
            break;
        m->size = (uint32_t)rc;
        memset((char *)(m + 1) + rc, 0, UP(m->size) - m->size);
        data->count++;
        at += sizeof(*m) + UP(m->size);
    }
    *ret_data = data;
    *ret_size = (size_t)(at - (char *)data);
    rc = cr_mqueue_send(fd, data, *ret_size);
    return rc < 0 ? (int)rc : data->count < count ? -EAGAIN : 0;
}

/* ---- who else has it ---- */

static int is_member(const struct cr_fd_collect *c, int pid)
{
    return pid == cr_sys_getpid() || cr_fd_is_present(c, CR_PRESENT_PROCESS, (uint64_t)pid);
}

/* 1: PID has the file open, 0: it has not, or is no more; a negative code: it cannot be looked into. */
static int has_open(struct cr_arena *scratch, int pid, const struct stat *wanted)
{
    char path[64];
    size_t count;
    int *fds;
    int rc;

    cr_fmt(path, sizeof(path), "/proc/%d/fd", pid);
    rc = cr_proc_list(scratch, path, &fds, &count, NULL);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct stat st;

        cr_fmt(path, sizeof(path), "/proc/%d/fd/%d", pid, fds[i]);
        if (cr_sys_stat(path, &st) == 0 && st.st_ino == wanted->st_ino &&
            st.st_dev == wanted->st_dev)
            return 1;
    }
    return rc == -ENOENT || rc == -ESRCH ? 0 : rc;
}

int cr_mqueue_has_others(struct cr_fd_collect *c, const struct cr_open_file *file, int *ret_pid)
{
    size_t count;
    int unseen = 0;
    int *pids;
    int rc = cr_proc_list(c->scratch, "/proc", &pids, &count, NULL);

    for (size_t i = 0; rc == 0 && i < count; i++) {
        size_t mark = c->scratch->used;

        if (is_member(c, pids[i]))
            continue;
        rc = has_open(c->scratch, pids[i], &file->st);
        cr_arena_rewind(c->scratch, mark);
        *ret_pid = pids[i];
        if (rc > 0)
            return 1;
        unseen |= rc < 0;
        rc = 0;
    }
    return rc < 0 || (unseen && (file->st.st_mode & (S_IRWXG | S_IRWXO)) != 0) ? 2 : 0;
}
