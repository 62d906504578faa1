/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Handlers of the application run with the application's FS, also when the signal
 * arrives while the thread is in the lower half: the kernel gets a trampoline for each handler. The
 * chain of sigaction() in a rank is
 *
 *     application -> libcr.so (keeps the checkpoint signal for itself) -> this file -> libc
 *
 * because libcr.so is preloaded before libmpi.so.40; each calls the next one by dlsym(RTLD_NEXT).
 * libcr.so installs its own handlers by system calls, so they are not replaced here. A handler that
 * leaves by siglongjmp() out of the lower half is not supported: MPI's own state would be lost,
 * natively too.
 */
#include "cr_stub.h"
#include "cr_stub_bind.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define SIGNALS 65

typedef int sigaction_fn(int, const struct sigaction *, struct sigaction *);
typedef void handler_fn(int);

static struct sigaction handlers[SIGNALS]; /* what the application has set */

static void trampoline(int number, siginfo_t *info, void *context)
{
    uint64_t upper = cr_stub_upper_fs();
    uint64_t lower = 0;

    if (upper != 0) {
        lower = cr_stub_get_fs();
        cr_lower_set_fs(upper);
    }
    if (handlers[number].sa_flags & SA_SIGINFO)
        handlers[number].sa_sigaction(number, info, context);
    else
        handlers[number].sa_handler(number);
    if (upper != 0)
        cr_lower_set_fs(lower);
}

static sigaction_fn *next_sigaction(void)
{
    static sigaction_fn *next;

    if (next == NULL)
        next = (sigaction_fn *)dlsym(RTLD_NEXT, "sigaction");
    return next;
}

/* The application asks what is set: our trampoline becomes its handler again. */
static void disguise(struct sigaction *old, const struct sigaction *kept)
{
    if (old->sa_sigaction != trampoline)
        return;
    old->sa_sigaction = kept->sa_sigaction;
    if (!(kept->sa_flags & SA_SIGINFO))
        old->sa_flags &= ~SA_SIGINFO;
}

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction before, given, set;
    int rc;

    if (number < 1 || number >= SIGNALS)
        return next_sigaction()(number, action, old);
    before = handlers[number];
    if (action != NULL) {
        set = *action;
        if (set.sa_handler != SIG_DFL && set.sa_handler != SIG_IGN) {
            handlers[number] = *action;
            set.sa_sigaction = trampoline;
            set.sa_flags |= SA_SIGINFO;
        }
    }
    rc = next_sigaction()(number, action != NULL ? &set : NULL, &given);
    if (rc != 0) {
        handlers[number] = before;
        return rc;
    }
    disguise(&given, &before);
    if (old != NULL)
        *old = given;
    return 0;
}

static handler_fn *set_simple(int number, handler_fn *handler, int flags)
{
    struct sigaction action, old;

    memset(&action, 0, sizeof(action));
    action.sa_handler = handler;
    action.sa_flags = flags;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

EXPORT handler_fn *signal(int number, handler_fn *handler)
{
    return set_simple(number, handler, SA_RESTART);
}

handler_fn *bsd_signal(int number, handler_fn *handler);
EXPORT handler_fn *bsd_signal(int number, handler_fn *handler)
{
    return set_simple(number, handler, SA_RESTART);
}

EXPORT handler_fn *ssignal(int number, handler_fn *handler)
{
    return set_simple(number, handler, SA_RESTART);
}

handler_fn *__sysv_signal(int number, handler_fn *handler);
EXPORT handler_fn *__sysv_signal(int number, handler_fn *handler)
{
    return set_simple(number, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

EXPORT handler_fn *sysv_signal(int number, handler_fn *handler)
{
    return set_simple(number, handler, (int)(SA_RESETHAND | SA_NODEFER));
}

/*
 * System V: also blocks (SIG_HOLD) or unblocks the signal; the result is SIG_HOLD if it was
 * blocked.
 */
EXPORT handler_fn *sigset(int number, handler_fn *handler)
{
    struct sigaction old;
    sigset_t set, before;
    handler_fn *result;

    sigemptyset(&set);
    if (sigaddset(&set, number) != 0)
        return SIG_ERR;
    if (handler == SIG_HOLD) {
        if (sigprocmask(SIG_BLOCK, &set, &before) != 0 || sigaction(number, NULL, &old) != 0)
            return SIG_ERR;
        return sigismember(&before, number) ? SIG_HOLD : old.sa_handler;
    }
    result = set_simple(number, handler, 0);
    if (result == SIG_ERR || sigprocmask(SIG_UNBLOCK, &set, &before) != 0)
        return SIG_ERR;
    return sigismember(&before, number) ? SIG_HOLD : result;
}
