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

/* Pipes, sockets and terminals of all members. The memory is the round's own. */
#define PRESENT_MAX (1UL << 20)

static struct cr_arena present;
static size_t present_count;

static void forget_present(void)
{
    if (present.size > 0)
        cr_arena_destroy(&present);
    present = (struct cr_arena){0};
    present_count = 0;
}

static void add_present(const quiesce_wire_Elsewhere *list)
{
    if (present.size == 0 &&
        cr_arena_create(&present, PRESENT_MAX * sizeof(struct cr_object_id)) < 0)
        return;
    for (uint32_t i = 0; i < list->object.count; i++) {
        const quiesce_wire_ObjectId *id = cr_wire_at(&list->object, quiesce_wire_ObjectId, i);
        struct cr_object_id *out = cr_arena_alloc(&present, sizeof(*out));

        if (out == NULL)
            return;
        *out = (struct cr_object_id){id->device, id->inode};
        present_count++;
    }
}

static void begin_dump(struct cr_link *link, const quiesce_wire_Begin *begin)
{
    struct cr_state *state = &cr_agent.dump.state;
    struct cr_foreign foreign;

    cr_agent_rank_foreign(link, &foreign);
    cr_dump_begin(&cr_agent.dump, &foreign);
    state->in_group = begin->group;
    state->present = (const struct cr_object_id *)present.base;
    state->present_count = present_count;
    state->tcp_policy = begin->tcp;
}

int cr_agent_begin_dump(struct cr_link *link, const quiesce_wire_Begin *begin, struct cr_error *err)
{
    if (!begin->group)
        cr_dump_release(&cr_agent.dump);
    begin_dump(link, begin);
    return begin->group ? 0 : cr_dump_gather(&cr_agent.dump, err);
}

int cr_agent_group_gather(struct cr_link *link, const quiesce_wire_Begin *begin,
                          struct cr_error *err)
{
    begin_dump(link, begin);
    return cr_dump_gather(&cr_agent.dump, err);
}

int cr_agent_group_begin(const quiesce_wire_Begin *begin, struct cr_error *err)
{
    elsewhere_count = 0;
    forget_present();
    if (cr_agent.ops == NULL || (!begin->group && !begin->alone))
        return 0;
    return cr_fail(err, CR_EREFUSED,
                   "process %d is a rank of an MPI job, which is checkpointed with its job: use "
                   "quiesce checkpoint",
                   cr_sys_getpid());
}

void cr_agent_group_elsewhere(const quiesce_wire_Elsewhere *list)
{
    if (list->present) {
        add_present(list);
        return;
    }
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
