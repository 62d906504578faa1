/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The agent as the MPI stub sees it. */
#include "cr_rank.h"

#include "cr_api.h"
#include "cr_freeze.h"
#include "cr_sys.h"

#include <errno.h>
#include <time.h>

#define LOOK_INTERVAL_NS 20000000

CR_EXPORT int cr_rank_register(const struct cr_rank_ops *ops, struct cr_error *err)
{
    int rc;

    cr_agent_set_rank(ops);
    /* crnode may begin a round as soon as it knows the rank, and no image holds the connection on which it is told. */
    cr_section_enter();
    rc = cr_agent_register(err);
    cr_section_leave_at_once();
    if (rc == 0)
        cr_voice_find();
    return rc;
}

CR_EXPORT void cr_rank_park(void)
{
    cr_freeze_park_self();
}

CR_EXPORT void cr_rank_report_changed(void)
{
    cr_agent_report_changed();
}

CR_EXPORT void cr_rank_report_later(void)
{
    cr_agent_report_later();
}

CR_EXPORT void cr_rank_finalized(void)
{
    cr_agent_disable("it has called MPI_Finalize");
}

CR_EXPORT int cr_rank_is_one(void)
{
    return cr_agent_is_rank();
}

CR_EXPORT int cr_rank_may_ask(struct cr_error *err)
{
    if (cr_api_in_callback() || cr_api_client.is_library_thread)
        return cr_fail(err, EDEADLK, "a callback cannot ask for a checkpoint: one is in progress");
    if (cr_section_depth() != 0)
        return cr_fail(err, EDEADLK,
                       "this thread is in a critical section (cr_enter_cs), for whose end the "
                       "checkpoint would wait");
    return 0;
}

/* Returns 1 when it is over, 0 while it is under way, or a negative code. Between two calls a checkpoint may come. */
static int look(uint32_t generation, uint64_t *ticket, struct cr_rank_checkpoint *ret,
                struct cr_error *err)
{
    int rc;

    cr_section_enter();
    if (cr_agent_generation() != generation) {
        cr_agent_last(ret);
        ret->restarted = 1;
        rc = 1;
    } else {
        rc = cr_agent_ask(ticket, ret, err);
    }
    cr_section_leave_at_once();
    return rc;
}

CR_EXPORT int cr_rank_checkpoint(struct cr_rank_checkpoint *ret, struct cr_error *err)
{
    const struct timespec interval = {0, LOOK_INTERVAL_NS};
    uint32_t generation = cr_agent_generation();
    uint64_t ticket = 0;
    int rc = cr_rank_may_ask(err);

    *ret = (struct cr_rank_checkpoint){0};
    while (rc == 0) {
        rc = look(generation, &ticket, ret, err);
        if (rc == 0)
            nanosleep(&interval, NULL);
    }
    return rc < 0 ? rc : 0;
}
