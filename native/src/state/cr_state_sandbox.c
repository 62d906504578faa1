/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_state_sandbox.h"

#include "cr_state_credentials.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <linux/seccomp.h>

#define STATUS_SIZE 8192
#define LIST_SIZE 2048
#define UNKNOWN UINT64_MAX /* more bits than there are capabilities */

static struct {
    uint32_t inherited; /* filters */
    uint32_t dispatching;
} sandbox;

struct entry { /* struct linux_dirent64 */
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

static uint64_t find_number(const char *text, const char *name, unsigned base)
{
    for (const char *at = text; *at != '\0'; at++) {
        if ((at == text || at[-1] == '\n') && cr_str_starts(at, name)) {
            at += cr_strlen(name);
            while (*at == '\t' || *at == ' ')
                at++;
            return cr_parse_u64(&at, base);
        }
    }
    return 0;
}

/* 0 if the thread is gone. */
static uint32_t read_mode(const char *path, uint32_t *ret_filters, uint64_t *ret_bounding)
{
    char text[STATUS_SIZE];

    *ret_filters = 0;
    *ret_bounding = UNKNOWN;
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 0;
    *ret_filters = (uint32_t)find_number(text, "Seccomp_filters:", 10);
    *ret_bounding = find_number(text, "CapBnd:", 16);
    return (uint32_t)find_number(text, "Seccomp:", 10);
}

void cr_sandbox_begin(void)
{
    uint64_t bounding;

    read_mode("/proc/thread-self/status", &sandbox.inherited, &bounding);
}

void cr_sandbox_dispatch(int on)
{
    __atomic_add_fetch(&sandbox.dispatching, on ? 1 : (uint32_t)-1, __ATOMIC_SEQ_CST);
}

static int check_thread(int tid, struct cr_error *err)
{
    char path[48];
    uint64_t bounding;
    uint32_t filters;
    uint32_t mode;

    cr_fmt(path, sizeof(path), "/proc/self/task/%d/status", tid);
    mode = read_mode(path, &filters, &bounding);
    if (bounding != UNKNOWN && tid != cr_sys_gettid())
        cr_credentials_see_bounding(bounding);
    if (mode == SECCOMP_MODE_DISABLED ||
        (mode == SECCOMP_MODE_FILTER && filters == sandbox.inherited))
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   mode == SECCOMP_MODE_STRICT
                       ? "thread %d has forbidden itself all system calls but four (seccomp strict "
                         "mode); let it finish before the checkpoint"
                       : "thread %d has installed a seccomp filter, which cannot be saved; run the "
                         "program without its sandbox",
                   tid);
}

static int check_entries(const char *buffer, long size, struct cr_error *err)
{
    int rc = 0;

    for (long at = 0; at < size && rc == 0;) {
        const struct entry *e = (const struct entry *)(buffer + at);
        const char *digits = e->name;

        if (*digits != '.')
            rc = check_thread((int)cr_parse_u64(&digits, 10), err);
        at += e->length;
    }
    return rc;
}

int cr_sandbox_check(struct cr_error *err)
{
    char buffer[LIST_SIZE] __attribute__((aligned(8)));
    int fd = cr_sys_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int rc = 0;
    long n = 1;

    cr_credentials_forget_bounding();
    if (sandbox.dispatching != 0)
        rc = cr_fail(err, CR_EREFUSED,
                     "a thread has its system calls dispatched to itself "
                     "(PR_SET_SYSCALL_USER_DISPATCH), which cannot be saved; switch it off before "
                     "the checkpoint");
    while (fd >= 0 && rc == 0 && n > 0) {
        n = cr_sys(SYS_getdents64, fd, buffer, sizeof(buffer));
        rc = n > 0 ? check_entries(buffer, n, err) : 0;
    }
    if (fd >= 0)
        cr_sys_close(fd);
    return rc;
}

int cr_sandbox_put_back(struct cr_error *err)
{
    uint32_t were = sandbox.inherited;

    cr_sandbox_begin();
    if (sandbox.inherited >= were)
        return 0;
    return cr_fail(
        err, CR_EPERMISSION,
        "the program was started inside a sandbox (%u seccomp filters), and this restart "
        "is in one with %u; restart it inside such a sandbox",
        were, sandbox.inherited);
}
