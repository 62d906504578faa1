/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_proc.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#define LIST_SIZE 4096
#define TEXT_SIZE 512

struct entry { /* struct linux_dirent64 */
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int each_in_buffer(const char *buffer, long size, int (*each)(int tid, void *argument),
                          void *argument)
{
    int rc = 0;

    for (long at = 0; at < size && rc == 0;) {
        const struct entry *e = (const struct entry *)(buffer + at);
        const char *text = e->name;
        if (e->name[0] != '.')
            rc = each((int)cr_parse_u64(&text, 10), argument);
        at += e->length;
    }
    return rc;
}

int cr_proc_each_thread(int (*each)(int tid, void *argument), void *argument)
{
    char buffer[LIST_SIZE] __attribute__((aligned(8)));
    int fd = cr_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int rc = 0;
    long n = 1;

    if (fd < 0)
        return fd;
    while (rc == 0 && n > 0) {
        n = cr_sys(SYS_getdents64, fd, buffer, sizeof(buffer));
        rc = n < 0 ? (int)n : each_in_buffer(buffer, n, each, argument);
    }
    cr_sys_close(fd);
    return rc;
}

/*
 * "202 0x7f.. 0x80 ... SP PC", "running", or "-1 SP PC" for a thread that waits outside of system
 * calls.
 */
void cr_proc_read_call(int tid, struct cr_call *ret_call)
{
    char path[64];
    char text[TEXT_SIZE];
    const char *at = text;
    uint64_t values[8];

    ret_call->number = -2;
    cr_fmt(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return;
    ret_call->number = -1;
    if (text[0] < '0' || text[0] > '9')
        return;
    ret_call->number = cr_parse_i64(&at);
    for (int i = 0; i < 8; i++) {
        while (*at == ' ')
            at++;
        if (cr_str_starts(at, "0x"))
            at += 2;
        values[i] = cr_parse_u64(&at, 16);
    }
    for (int i = 0; i < 6; i++)
        ret_call->args[i] = values[i];
    ret_call->sp = values[6];
    ret_call->pc = values[7];
}

char cr_proc_thread_state(int tid)
{
    char path[64];
    char text[TEXT_SIZE];
    long n;

    cr_fmt(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    n = cr_sys_read_file(path, text, sizeof(text));
    /* The name in parentheses may hold anything, so search for its end from behind. */
    while (n > 2) {
        n--;
        if (text[n] == ')')
            return text[n + 2];
    }
    return 0;
}
