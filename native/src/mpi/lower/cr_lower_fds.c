/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal and frozen, any FS base. */
#include "cr_lower_fds.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/stat.h>

#define FDS_MAX 65536

/* What the number stood for when it was recorded; all zero: not the lower half's. */
struct entry {
    uint64_t device;
    uint64_t inode;
};

static struct entry table[FDS_MAX];
static int table_end; /* one more than the greatest number ever recorded */

static int identify(int fd, struct entry *ret_entry)
{
    struct stat st;
    long rc = cr_sys(SYS_fstat, fd, &st);

    if (rc < 0)
        return (int)rc;
    ret_entry->device = st.st_dev + 1; /* never zero */
    ret_entry->inode = st.st_ino;
    return 0;
}

int cr_lower_fds_add(int fd)
{
    struct entry e = {0};
    int end;

    if (fd < 0 || fd >= FDS_MAX || identify(fd, &e) < 0)
        return fd;
    table[fd].inode = e.inode;
    __atomic_store_n(&table[fd].device, e.device, __ATOMIC_RELEASE);
    end = __atomic_load_n(&table_end, __ATOMIC_RELAXED);
    while (fd >= end && !__atomic_compare_exchange_n(&table_end, &end, fd + 1, 0, __ATOMIC_RELEASE,
                                                     __ATOMIC_RELAXED))
        ;
    return fd;
}

void cr_lower_fds_remove(int fd)
{
    if (fd >= 0 && fd < FDS_MAX)
        __atomic_store_n(&table[fd].device, 0, __ATOMIC_RELEASE);
}

void cr_lower_fds_give_up(int fd)
{
    cr_lower_fds_remove(fd);
}

/* One directory entry as getdents64 gives it. */
struct dent {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

void cr_lower_fds_snapshot(void)
{
    char buffer[4096] __attribute__((aligned(8)));
    int directory = cr_sys_open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    long n, at;

    while ((n = cr_sys(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
        for (at = 0; at < n; at += ((struct dent *)(buffer + at))->size) {
            const char *name = ((struct dent *)(buffer + at))->name;
            int fd = name[0] == '.' ? directory : (int)cr_parse_i64(&name);
            if (fd > 2 && fd != directory)
                cr_lower_fds_add(fd);
        }
    }
    if (directory >= 0)
        cr_sys_close(directory);
}

size_t cr_lower_fds_copy(int *out, size_t max)
{
    int fd, end = __atomic_load_n(&table_end, __ATOMIC_ACQUIRE);
    size_t count = 0;

    for (fd = 0; fd < end; fd++) {
        struct entry now = {0};
        if (__atomic_load_n(&table[fd].device, __ATOMIC_ACQUIRE) == 0)
            continue;
        if (identify(fd, &now) < 0 || now.device != table[fd].device ||
            now.inode != table[fd].inode)
            continue;
        if (count < max)
            out[count] = fd;
        count++;
    }
    return count;
}
