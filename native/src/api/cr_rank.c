/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The agent as the MPI stub sees it. */
#include "cr_rank.h"

#include "cr_agent.h"
#include "cr_freeze.h"

#define CR_EXPORT __attribute__((visibility("default")))

CR_EXPORT int cr_rank_register(const struct cr_rank_ops *ops, struct cr_error *err)
{
    int rc;

    cr_agent_set_rank(ops);
    /* crnode may begin a round as soon as it knows the rank, and no image holds the connection on which it is told. */
    cr_section_enter();
    rc = cr_agent_register(err);
    cr_section_leave_at_once();
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

CR_EXPORT void cr_rank_finalized(void)
{
    cr_agent_disable("it has called MPI_Finalize");
}
