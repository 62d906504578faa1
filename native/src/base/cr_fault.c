/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_fault.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>

#define SPEC_MAX 512
#define DELAY_NS 30000000

static char armed[SPEC_MAX];
static unsigned visits[SPEC_MAX]; /* of the point whose action begins at this place of the text */

void cr_fault_init(const char *spec)
{
    cr_str_copy(armed, sizeof(armed), spec != NULL ? spec : "");
}

/* The action armed for POINT, or NULL. */
static const char *find_action(const char *point)
{
    const char *at = armed;
    size_t length = cr_strlen(point);

    while (*at != '\0') {
        if (cr_str_starts(at, point) && at[length] == '=')
            return at + length + 1;
        while (*at != '\0' && *at++ != ',')
            ;
    }
    return NULL;
}

/* Whether it is ACTION's turn: always, or at the visit that stands behind an @. */
static int is_due(const char *action)
{
    unsigned visit = ++visits[action - armed];
    const char *at = action;

    while (*at != '\0' && *at != ',' && *at != '@')
        at++;
    if (*at != '@')
        return 1;
    at++;
    return cr_parse_u64(&at, 10) == visit;
}

/* No call that a signal could interrupt. */
static void delay(void)
{
    int64_t end = cr_sys_clock_ns(CLOCK_MONOTONIC) + DELAY_NS;

    while (cr_sys_clock_ns(CLOCK_MONOTONIC) < end)
        ;
}

int cr_fault(const char *point)
{
    const char *action;

    if (__builtin_expect(armed[0] == '\0', 1))
        return 0;
    action = find_action(point);
    if (action == NULL || !is_due(action))
        return 0;
    if (cr_str_starts(action, "kill"))
        cr_sys(SYS_kill, cr_sys_getpid(), SIGKILL);
    if (cr_str_starts(action, "stop"))
        cr_sys(SYS_kill, cr_sys_getpid(), SIGSTOP);
    if (cr_str_starts(action, "delay"))
        delay();
    if (cr_str_starts(action, "fail"))
        return -EIO;
    if (cr_str_starts(action, "enospc"))
        return -ENOSPC;
    return 0;
}
