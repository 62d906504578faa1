/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What a round asks of an agent whose process is one of several. */
#include "cr_agent_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <sys/wait.h>

/* What does not fit here is stored twice, which does no harm. */
#define ELSEWHERE_MAX 256

static struct cr_object elsewhere[ELSEWHERE_MAX];
static size_t elsewhere_count;

int cr_agent_group_begin(const quiesce_wire_Begin *begin, struct cr_error *err)
{
    elsewhere_count = 0;
    if (cr_agent.ops == NULL || (!begin->group && !begin->alone))
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "process %d is a rank of an MPI job, which is checkpointed with its job: use "
                   "quiesce checkpoint",
                   cr_sys_getpid());
}

void cr_agent_group_elsewhere(const quiesce_wire_Elsewhere *list)
{
    for (uint32_t i = 0; i < list->object.count && elsewhere_count < ELSEWHERE_MAX; i++) {
        const quiesce_wire_ObjectId *id = cr_wire_at(&list->object, quiesce_wire_ObjectId, i);

        elsewhere[elsewhere_count++] = (struct cr_object){id->device, id->inode};
    }
}

void cr_agent_group_foreign(struct cr_foreign *foreign)
{
    foreign->elsewhere = elsewhere;
    foreign->elsewhere_count = elsewhere_count;
}

int cr_agent_group_check_alone(struct cr_error *err)
{
    siginfo_t info;
    long rc = cr_sys(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL, 0);

    if (rc == -ECHILD)
        return 0;
    return cr_fail(err, CR_EFAMILY, "process %d has a child", cr_sys_getpid());
}

int cr_agent_group_place(struct cr_link *link, uint64_t offset, struct cr_error *err)
{
    int fd = cr_link_take_passed(link);

    if (fd >= 0 && cr_agent.dump.writer != NULL) {
        cr_dump_place(&cr_agent.dump, fd, offset);
        return 0;
    }
    cr_sys_close(fd);
    if (cr_agent.dump.writer == NULL)
        return cr_fail(err, CR_EPROTOCOL, "DUMP came before LAYOUT");
    return cr_fail(err, EMFILE,
                   "process %d has no free descriptor for the image; raise its limit (ulimit -n)",
                   cr_sys_getpid());
}
