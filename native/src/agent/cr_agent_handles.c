/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_agent_handles.h"

#include "cr_agent.h"
#include "cr_handle_reply.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/socket.h>

#define TOLD (-1)

struct handle {
    volatile int32_t fd; /* plus 1; 0: free */
    int32_t helper; /* its session; TOLD: it was restored, and the end of its request is in it */
    int32_t takes_image; /* of this process, now */
};

/* Changed inside critical sections only, so a stop sees it whole. */
static struct handle handles[CR_HANDLES_MAX];

CR_AGENT_EXPORT int cr_agent_add_handle(int fd, int helper)
{
    for (size_t i = 0; i < CR_HANDLES_MAX; i++) {
        int32_t free_place = 0;
        if (!__atomic_compare_exchange_n(&handles[i].fd, &free_place, fd + 1, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            continue;
        handles[i].helper = helper;
        handles[i].takes_image = 0;
        return 0;
    }
    return -EMFILE;
}

CR_AGENT_EXPORT void cr_agent_remove_handle(int fd)
{
    for (size_t i = 0; i < CR_HANDLES_MAX; i++)
        if (handles[i].fd == fd + 1)
            handles[i].fd = 0;
}

CR_AGENT_EXPORT int cr_agent_has_handle(int fd)
{
    for (size_t i = 0; i < CR_HANDLES_MAX; i++)
        if (handles[i].fd == fd + 1)
            return 1;
    return 0;
}

size_t cr_handles_foreign(int *fds, size_t count, size_t size, int requester)
{
    int session = (int)cr_sys(SYS_getsid, requester);

    for (size_t i = 0; i < CR_HANDLES_MAX && count < size; i++) {
        if (handles[i].fd == 0)
            continue;
        fds[count++] = handles[i].fd - 1;
        if (requester != 0 && handles[i].helper != TOLD)
            handles[i].takes_image = handles[i].helper == session;
    }
    return count;
}

static void put_back(const struct handle *h)
{
    const struct cr_handle_reply reply = {.magic = CR_HANDLE_MAGIC,
                                          .error = h->takes_image ? CR_ERESTARTED : ECANCELED};
    int fd = h->fd - 1;
    int ends[2];

    if (cr_sys(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    cr_sys(SYS_sendto, ends[1], &reply, offsetof(struct cr_handle_reply, text), MSG_NOSIGNAL, 0, 0);
    if (ends[1] != fd)
        cr_sys_close(ends[1]);
    if (ends[0] == fd)
        return;
    cr_sys(SYS_dup3, ends[0], fd, O_CLOEXEC);
    cr_sys_close(ends[0]);
}

size_t cr_handles_put_back(void)
{
    size_t count = 0;

    for (size_t i = 0; i < CR_HANDLES_MAX; i++) {
        if (handles[i].fd == 0)
            continue;
        put_back(&handles[i]);
        handles[i].helper = TOLD;
        count++;
    }
    return count;
}

void cr_handles_forked(void)
{
    for (size_t i = 0; i < CR_HANDLES_MAX; i++) {
        if (handles[i].fd != 0)
            cr_sys_close(handles[i].fd - 1);
        handles[i].fd = 0;
    }
}
