/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Between the words of the wire and the policy of this process. */
#include "cr_agent_parts.h"

#include "cr_policy.h"

_Static_assert(CR_FILES_CONTENTS == (int)quiesce_wire_FilesPolicy_FILES_CONTENTS &&
                   CR_FILES_CHECK == (int)quiesce_wire_FilesPolicy_FILES_CHECK &&
                   CR_SAVE_EXECUTABLE == (int)quiesce_wire_SaveFlags_SAVE_EXECUTABLE &&
                   CR_SAVE_PRIVATE == (int)quiesce_wire_SaveFlags_SAVE_PRIVATE &&
                   CR_SAVE_SHARED == (int)quiesce_wire_SaveFlags_SAVE_SHARED,
               "the words of the wire");

int cr_agent_begin_policy(const quiesce_wire_Begin *begin, struct cr_error *err)
{
    const struct cr_policy_request request = {.save = begin->save,
                                              .files = (uint32_t)begin->files,
                                              .keep_dontdump = begin->keep_dontdump,
                                              .group = begin->group,
                                              .rules = begin->exclude,
                                              .paths = begin->paths};

    return cr_policy_begin(&request, err);
}

static void report_kept(quiesce_wire_RankResult *result)
{
    const struct cr_state *state = &cr_agent.dump.state;

    for (size_t i = 0; i < state->kept_count; i++)
        result->kept[i] = state->kept[i];
    result->kept_count = (pb_size_t)state->kept_count;
}

void cr_agent_report_image(quiesce_wire_RankResult *result)
{
    const uint64_t *left_out = cr_agent.dump.memory.left_out;

    result->has_left_out = true;
    result->left_out.dontdump = left_out[CR_LEFT_DONTDUMP];
    result->left_out.freed = left_out[CR_LEFT_FREED];
    result->left_out.program = left_out[CR_LEFT_PROGRAM];
    result->left_out.request = left_out[CR_LEFT_REQUEST];
    report_kept(result);
}
