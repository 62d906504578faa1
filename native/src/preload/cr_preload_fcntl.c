/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. fcntl(): who gets signals about a file, and who holds a lock, by the ids that the program knows. */
#include "cr_preload_pid.h"

#include <fcntl.h>
#include <stdarg.h>

typedef int control_fn(int fd, int command, ...);

static pid_t kernel_owner(pid_t owner)
{
    return owner < 0 ? -cr_preload_kernel_id(-owner, CR_ID_GROUP)
                     : cr_preload_kernel_id(owner, CR_ID_PROCESS);
}

static pid_t known_owner(pid_t owner)
{
    return owner < 0 ? -cr_preload_known_id(-owner, CR_ID_GROUP)
                     : cr_preload_known_id(owner, CR_ID_PROCESS);
}

static uint32_t kind_of(const struct f_owner_ex *owner)
{
    if (owner->type == F_OWNER_PGRP)
        return CR_ID_GROUP;
    return owner->type == F_OWNER_TID ? CR_ID_THREAD | CR_ID_PROCESS : CR_ID_PROCESS;
}

static int set_owner(control_fn *next, int fd, const struct f_owner_ex *owner)
{
    struct f_owner_ex kernel;

    if (owner == NULL)
        return next(fd, F_SETOWN_EX, owner);
    kernel = *owner;
    kernel.pid = cr_preload_kernel_id(owner->pid, kind_of(owner));
    return next(fd, F_SETOWN_EX, &kernel);
}

static int get_owner(control_fn *next, int fd, struct f_owner_ex *owner)
{
    int rc = next(fd, F_GETOWN_EX, owner);

    if (rc == 0)
        owner->pid = cr_preload_known_id(owner->pid, kind_of(owner));
    return rc;
}

static int get_lock(control_fn *next, int fd, struct flock *lock)
{
    int rc = next(fd, F_GETLK, lock);

    if (rc == 0 && lock->l_type != F_UNLCK && lock->l_pid > 0)
        lock->l_pid = cr_preload_known_id(lock->l_pid, CR_ID_PROCESS);
    return rc;
}

static int control(control_fn *next, int fd, int command, void *argument)
{
    switch (command) {
    case F_SETOWN:
        return CR_WITH_SAME_IDS(next(fd, command, kernel_owner((pid_t)(intptr_t)argument)));
    case F_GETOWN:
        return CR_WITH_SAME_IDS(known_owner(next(fd, command)));
    case F_SETOWN_EX:
        return CR_WITH_SAME_IDS(set_owner(next, fd, argument));
    case F_GETOWN_EX:
        return CR_WITH_SAME_IDS(get_owner(next, fd, argument));
    case F_GETLK:
        return get_lock(next, fd, argument);
    default:
        return next(fd, command, argument);
    }
}

CR_WRAPPER int fcntl(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    return control(CR_NEXT(fcntl), fd, command, argument);
}

CR_WRAPPER int fcntl64(int fd, int command, ...)
{
    va_list list;
    void *argument;

    va_start(list, command);
    argument = va_arg(list, void *);
    va_end(list);
    return control(CR_NEXT(fcntl64), fd, command, argument);
}
