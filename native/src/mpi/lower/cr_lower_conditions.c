/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_conditions.h"

#include "cr_fmt.h"
#include "cr_lower_environment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOWER_STACK (8UL << 20)

/* In the environment from one execution of ourselves to the next. */
#define STACK_VARIABLE CR_LOWER_PRIVATE_PREFIX "STACK"
#define PERSONALITY_VARIABLE CR_LOWER_PRIVATE_PREFIX "PERSONALITY"

static int fix_stack(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_STACK, &limit) < 0 || limit.rlim_cur != RLIM_INFINITY)
        return 0;
    limit.rlim_cur = LOWER_STACK;
    if (setrlimit(RLIMIT_STACK, &limit) < 0)
        return -errno;
    setenv(STACK_VARIABLE, "unlimited", 1);
    return 1;
}

static int fix_personality(void)
{
    char text[24];
    int now = personality(0xffffffff);

    if (now == -1 || !(now & ADDR_COMPAT_LAYOUT))
        return 0;
    if (personality((unsigned long)(now & ~ADDR_COMPAT_LAYOUT)) < 0)
        return -errno;
    cr_fmt(text, sizeof text, "%x", (unsigned)now);
    setenv(PERSONALITY_VARIABLE, text, 1);
    return 1;
}

/* What the user preloads is meant for the program. */
static int fix_preload(const char *name, const char *saved)
{
    const char *value = getenv(name);

    if (value == NULL)
        return 0;
    setenv(saved, value, 1);
    unsetenv(name);
    return 1;
}

int cr_lower_conditions_meet(char **argv, struct cr_error *err)
{
    int stack = fix_stack();
    int layout = fix_personality();
    int preload = fix_preload("LD_PRELOAD", CR_LOWER_SAVED_PRELOAD);
    int audit = fix_preload("LD_AUDIT", CR_LOWER_SAVED_AUDIT);

    if (stack < 0)
        return cr_fail(err, -stack, "setting a finite soft limit of the stack");
    if (layout < 0)
        return cr_fail(err, -layout, "leaving the compatible address layout (setarch -L)");
    if (stack + layout + preload + audit == 0)
        return 0;
    execv("/proc/self/exe", argv);
    return cr_fail(err, errno, "executing /proc/self/exe again");
}

int cr_lower_conditions_unlimited_stack(void)
{
    return getenv(STACK_VARIABLE) != NULL;
}

void cr_lower_conditions_give_back(void)
{
    const char *text = getenv(PERSONALITY_VARIABLE);
    struct rlimit limit;

    if (cr_lower_conditions_unlimited_stack() && getrlimit(RLIMIT_STACK, &limit) == 0) {
        limit.rlim_cur = RLIM_INFINITY;
        setrlimit(RLIMIT_STACK, &limit);
    }
    if (text != NULL)
        personality(cr_parse_u64(&text, 16));
}
