/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Functions with a signal set: the stop signal is taken out, so that no thread can
 * block or eat it.
 */
#include "cr_preload.h"

#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

/* SET without the stop signal, in COPY; NULL for NULL. */
static const sigset_t *without_stop(const sigset_t *set, sigset_t *copy)
{
    if (set == NULL)
        return NULL;
    *copy = *set;
    sigdelset(copy, CR_STOP_SIGNAL);
    return copy;
}

CR_WRAPPER int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;

    return CR_NEXT(sigprocmask)(how, how == SIG_UNBLOCK ? set : without_stop(set, &copy), old);
}

CR_WRAPPER int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;

    return CR_NEXT(pthread_sigmask)(how, how == SIG_UNBLOCK ? set : without_stop(set, &copy), old);
}

CR_WRAPPER int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *set)
{
    sigset_t copy;

    return CR_NEXT(pthread_attr_setsigmask_np)(attributes, without_stop(set, &copy));
}

CR_WRAPPER int sigsuspend(const sigset_t *set)
{
    sigset_t copy;

    return CR_NEXT(sigsuspend)(without_stop(set, &copy));
}

CR_WRAPPER int sigwait(const sigset_t *set, int *signal)
{
    sigset_t copy;

    return CR_NEXT(sigwait)(without_stop(set, &copy), signal);
}

CR_WRAPPER int sigwaitinfo(const sigset_t *set, siginfo_t *info)
{
    sigset_t copy;

    return CR_NEXT(sigwaitinfo)(without_stop(set, &copy), info);
}

CR_WRAPPER int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
                     const sigset_t *set)
{
    sigset_t copy;

    return CR_NEXT(ppoll)(fds, count, timeout, without_stop(set, &copy));
}

CR_WRAPPER int pselect(int count, fd_set *in, fd_set *out, fd_set *other,
                       const struct timespec *timeout, const sigset_t *set)
{
    sigset_t copy;

    return CR_NEXT(pselect)(count, in, out, other, timeout, without_stop(set, &copy));
}

CR_WRAPPER int signalfd(int fd, const sigset_t *set, int flags)
{
    sigset_t copy;

    return CR_NEXT(signalfd)(fd, without_stop(set, &copy), flags);
}
