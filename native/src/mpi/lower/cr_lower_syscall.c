/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal, lower half. An exported stand-in for syscall(): libraries that go round the C
 * library's functions (memory hooks of communication libraries, kernel interfaces without a
 * function) do it by this.
 */
#include "cr_lower_fds.h"
#include "cr_lower_hooks.h"
#include "cr_sys.h"

#include <errno.h>
#include <stdarg.h>

#define EXPORT __attribute__((visibility("default")))

long syscall(long number, ...);

static int makes_descriptor(long number)
{
    static const int numbers[] = {SYS_open,           SYS_openat,       SYS_openat2,
                                  SYS_socket,         SYS_accept4,      SYS_eventfd2,
                                  SYS_epoll_create1,  SYS_memfd_create, SYS_memfd_secret,
                                  SYS_timerfd_create, SYS_dup,          SYS_dup2,
                                  SYS_dup3,           SYS_pidfd_open,   SYS_pidfd_getfd,
                                  SYS_io_uring_setup, SYS_userfaultfd,  SYS_perf_event_open,
                                  SYS_inotify_init1,  SYS_signalfd4,    SYS_bpf};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i] == number)
            return 1;
    }
    return 0;
}

EXPORT long syscall(long number, ...)
{
    long a[6], result;
    va_list args;
    int i;

    va_start(args, number);
    for (i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_close)
        cr_lower_fds_remove((int)a[0]);
    result = cr_lower_hooks_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (makes_descriptor(number))
        cr_lower_fds_add((int)result);
    if (!cr_sys_is_error((uint64_t)result))
        return result;
    errno = (int)-result;
    return -1;
}
