/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Children that a signal has stopped. In a restored process they stop once more,
 * which is told to their parent once more: that is taken back, but for a stop of which the parent
 * had not heard before the checkpoint.
 */
#include "cr_agent_parts.h"

#include "cr_fmt.h"
#include "cr_freeze.h"
#include "cr_handoff.h"
#include "cr_sys.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define MAX_NEWS 256
#define CHILDREN_TEXT 16384
#define SIGCHLD_BIT (1UL << (SIGCHLD - 1))

/* Children whose stop nobody has been told of, by the ids that the program knows. It comes back with the process. */
static int32_t news[MAX_NEWS];
static uint32_t news_count;

static int is_untold(int pid)
{
    siginfo_t info;

    info.si_pid = 0;
    return cr_sys(SYS_waitid, P_PID, pid, &info, WSTOPPED | WNOWAIT | WNOHANG, 0) == 0 &&
           info.si_pid == pid;
}

static int look_at_children(int tid, void *argument)
{
    static char text[CHILDREN_TEXT];
    const char *at = text;
    char path[64];
    int pid;

    (void)argument;
    cr_fmt(path, sizeof(path), "/proc/self/task/%d/children", tid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 0;
    while ((pid = (int)cr_parse_u64(&at, 10)) > 0) {
        if (news_count < MAX_NEWS && is_untold(pid))
            news[news_count++] = cr_freeze_known_tid(pid);
        while (*at == ' ')
            at++;
    }
    return 0;
}

/* Asked of the kernel once, instead of once for each thread. */
static int has_children(void)
{
    siginfo_t info;

    return cr_sys(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0) != -ECHILD;
}

void cr_agent_children_collect(void)
{
    struct cr_thread *threads;
    size_t count = cr_freeze_threads(&threads);

    news_count = 0;
    if (!has_children())
        return;
    for (size_t i = 0; i < count; i++)
        if (threads[i].gone == 0)
            look_at_children(threads[i].kernel_tid, NULL);
}

static int is_news(int pid)
{
    for (uint32_t i = 0; i < news_count; i++)
        if (news[i] == pid)
            return 1;
    return 0;
}

int cr_agent_children_signalled(void)
{
    uint64_t pending = 0;

    cr_sys(SYS_rt_sigpending, &pending, 8);
    return (pending & SIGCHLD_BIT) != 0;
}

void cr_agent_children_put_back(struct cr_handoff *h, uint32_t self, int had_signal)
{
    const uint64_t one = SIGCHLD_BIT;
    const struct timespec now = {0, 0};
    siginfo_t info;

    for (uint32_t i = 0; i < h->member_count; i++) {
        const struct cr_handoff_member *m = &cr_handoff_members(h)[i];
        if (m->parent == (int32_t)self && (m->flags & CR_MEMBER_STOPPED) != 0 &&
            !is_news(m->known_pid))
            cr_sys(SYS_waitid, P_PID, m->kernel_pid, &info, WSTOPPED | WNOHANG, 0);
    }
    if (!had_signal)
        while (cr_sys(SYS_rt_sigtimedwait, &one, &info, &now, 8) == SIGCHLD)
            ;
}
