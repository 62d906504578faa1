/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen and restorer. System calls as inline functions: they return >= 0 or -errno, touch neither errno nor
 * any lock, and are the only way in which frozen code talks to the kernel.
 */
#ifndef CR_SYS_H
#define CR_SYS_H

#include "cr_syscall.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

/* cr_sys(SYS_x, args...) with any mixture of integers and pointers, up to six. */
#define CR_SYS_PICK(_0, _1, _2, _3, _4, _5, _6, name, ...) name
#define CR_SYS_0(n) cr_syscall6(n, 0, 0, 0, 0, 0, 0)
#define CR_SYS_1(n, a) cr_syscall6(n, (long)(a), 0, 0, 0, 0, 0)
#define CR_SYS_2(n, a, b) cr_syscall6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define CR_SYS_3(n, a, b, c) cr_syscall6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define CR_SYS_4(n, a, b, c, d) cr_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define CR_SYS_5(n, a, b, c, d, e)                                                                 \
    cr_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define CR_SYS_6(n, a, b, c, d, e, f)                                                              \
    cr_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define cr_sys(...)                                                                                \
    CR_SYS_PICK(__VA_ARGS__, CR_SYS_6, CR_SYS_5, CR_SYS_4, CR_SYS_3, CR_SYS_2, CR_SYS_1, CR_SYS_0) \
    (__VA_ARGS__)

#define CR_PAGE 4096UL
#define CR_PAGE_DOWN(x) ((uint64_t)(x) & ~(CR_PAGE - 1))
#define CR_PAGE_UP(x) (((uint64_t)(x) + CR_PAGE - 1) & ~(CR_PAGE - 1))

static inline int cr_sys_open(const char *path, int flags, unsigned mode)
{
    return (int)cr_sys(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline int cr_sys_openat(int directory, const char *path, int flags, unsigned mode)
{
    return (int)cr_sys(SYS_openat, directory, path, flags, mode);
}

static inline int cr_sys_close(int fd)
{
    return (int)cr_sys(SYS_close, fd);
}

static inline long cr_sys_read(int fd, void *buffer, size_t size)
{
    return cr_sys(SYS_read, fd, buffer, size);
}

static inline long cr_sys_write(int fd, const void *buffer, size_t size)
{
    return cr_sys(SYS_write, fd, buffer, size);
}

static inline long cr_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
    return cr_sys(SYS_pread64, fd, buffer, size, offset);
}

static inline long cr_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
    return cr_sys(SYS_pwrite64, fd, buffer, size, offset);
}

/* The address, or a value that cr_sys_is_error() calls an error (then it is -errno). */
static inline uint64_t cr_sys_mmap(uint64_t at, size_t size, int protection, int flags, int fd,
                                   uint64_t offset)
{
    return (uint64_t)cr_sys(SYS_mmap, at, size, protection, flags, fd, offset);
}

static inline int cr_sys_is_error(uint64_t result)
{
    return result > (uint64_t)-4096L;
}

static inline int cr_sys_munmap(uint64_t at, size_t size)
{
    return (int)cr_sys(SYS_munmap, at, size);
}

static inline int cr_sys_mprotect(uint64_t at, size_t size, int protection)
{
    return (int)cr_sys(SYS_mprotect, at, size, protection);
}

static inline int cr_sys_getpid(void)
{
    return (int)cr_sys(SYS_getpid);
}

static inline int cr_sys_gettid(void)
{
    return (int)cr_sys(SYS_gettid);
}

static inline int cr_sys_tgkill(int pid, int tid, int signal)
{
    return (int)cr_sys(SYS_tgkill, pid, tid, signal);
}

/* Sleeps while *WORD == EXPECTED, at most TIMEOUT (relative; NULL: for ever). May return early without cause. */
static inline int cr_sys_futex_wait(volatile uint32_t *word, uint32_t expected,
                                    const struct timespec *timeout)
{
    return (int)cr_sys(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, timeout, 0, 0);
}

static inline int cr_sys_futex_wake(volatile uint32_t *word, int count)
{
    return (int)cr_sys(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, 0, 0, 0);
}

/* Nanoseconds of CLOCK, by the system call: the vdso may be foreign (split process). */
static inline int64_t cr_sys_clock_ns(int clock)
{
    struct timespec t = {0, 0};

    cr_sys(SYS_clock_gettime, clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Reads a whole small file into BUFFER and ends it with NUL. Returns its length, or -errno; -EFBIG if it does not fit. */
long cr_sys_read_file(const char *path, char *buffer, size_t size);

/* Writes all of it, going on after short writes and EINTR. Returns 0 or -errno. */
int cr_sys_write_all(int fd, const void *buffer, size_t size);

#endif
