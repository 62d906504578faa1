/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Signal actions: no handler of the application runs with the stop signal blocked,
 * and the action of the stop signal itself stays ours; what the application sets for it is kept and
 * shown, and has no effect.
 */
#include "cr_preload.h"

#include <errno.h>
#include <stddef.h>

static struct sigaction pretended;

CR_WRAPPER int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct sigaction copy;

    if (number == CR_STOP_SIGNAL) {
        copy = pretended;
        if (action != NULL)
            pretended = *action;
        if (old != NULL)
            *old = copy;
        return 0;
    }
    if (action == NULL)
        return CR_NEXT(sigaction)(number, NULL, old);
    copy = *action;
    sigdelset(&copy.sa_mask, CR_STOP_SIGNAL);
    return CR_NEXT(sigaction)(number, &copy, old);
}

static sighandler_t set_handler(int number, sighandler_t handler, int flags)
{
    struct sigaction action = {.sa_flags = flags};
    struct sigaction old;

    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* BSD semantics, as glibc gives them by default. */
CR_WRAPPER sighandler_t signal(int number, sighandler_t handler)
{
    if (number == CR_STOP_SIGNAL)
        return set_handler(number, handler, SA_RESTART);
    return CR_NEXT(signal)(number, handler);
}
