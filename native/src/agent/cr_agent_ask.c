/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What a rank says to crnode when it wants a checkpoint of its job itself. Called by a thread of the
 * application in a critical section, so that no image holds the connection; shares no memory with the agent's thread.
 */
#include "cr_agent_parts.h"

#include "cr_agent_state.h"
#include "cr_fmt.h"
#include "cr_lower.h"
#include "cr_sys.h"

#include <errno.h>
#include <string.h>

#define ANSWER_MS 10000

/* Of the round in progress, or the last one; a restored process finds here what it was restored from. */
static struct cr_rank_checkpoint last;

static uint8_t send_buffer[1024];
static uint8_t receive_buffer[CR_FRAME_AGENT_MAX];
static quiesce_wire_Frame frame;

/* REFERENCE/SEQUENCE.partial is where the images go, or where they will go in the end. */
void cr_agent_ask_remember(const quiesce_wire_Begin *begin)
{
    size_t slash =
        cr_str_copy(last.reference, sizeof(last.reference),
                    begin->destination[0] != '\0' ? begin->destination : begin->directory);

    while (slash > 0 && last.reference[slash] != '/')
        slash--;
    last.reference[slash] = '\0';
    last.sequence = begin->sequence;
}

void cr_agent_last(struct cr_rank_checkpoint *ret)
{
    *ret = last;
}

int cr_agent_is_rank(void)
{
    return cr_agent.ops != NULL;
}

uint32_t cr_agent_generation(void)
{
    return cr_agent_state.generation;
}

static int exchange(int fd, uint64_t ticket, struct cr_error *err)
{
    static struct cr_arena arena;
    struct cr_frame_reader reader;
    int rc;

    if (arena.size == 0 && cr_arena_create(&arena, CR_FRAME_AGENT_MAX) < 0)
        return cr_fail(err, ENOMEM, "no memory for a request to crnode");
    cr_arena_reset(&arena);
    memset(&frame, 0, sizeof(frame));
    frame.which_body = quiesce_wire_Frame_checkpoint_request_tag;
    frame.body.checkpoint_request.ticket = ticket;
    frame.body.checkpoint_request.rank = (uint32_t)cr_agent.ops->rank;
    cr_frame_reader_init(&reader, receive_buffer, sizeof(receive_buffer));
    rc = cr_frame_send(fd, &frame, send_buffer, sizeof(send_buffer), err);
    if (rc == 0)
        rc = cr_frame_receive(fd, &reader, &arena, ANSWER_MS, &frame, err);
    if (rc == 0 || (rc == 1 && frame.which_body != quiesce_wire_Frame_checkpoint_answer_tag))
        return cr_fail(err, rc == 0 ? CR_ETIMEOUT : CR_EPROTOCOL, "crnode in %s did not answer",
                       cr_lower->run_directory);
    if (rc < 0)
        return cr_fail(err, -rc, "cannot ask crnode in %s: %s", cr_lower->run_directory,
                       cr_error_words(-rc));
    return 0;
}

int cr_agent_ask(uint64_t *ticket, struct cr_rank_checkpoint *ret, struct cr_error *err)
{
    const quiesce_wire_CheckpointAnswer *answer = &frame.body.checkpoint_answer;
    int fd, rc;

    if (cr_agent.ops == NULL || cr_lower->run_directory[0] == '\0')
        return cr_fail(err, CR_ENOTREADY, "this process is no rank that crnode knows");
    fd = cr_agent_rank_connect();
    if (fd < 0)
        return cr_fail(err, -fd, "cannot connect to crnode in %s: %s", cr_lower->run_directory,
                       cr_error_words(-fd));
    rc = exchange(fd, *ticket, err);
    cr_sys_close(fd);
    if (rc < 0)
        return rc;
    *ticket = answer->ticket;
    if (!answer->done)
        return 0;
    if (answer->error != 0)
        return cr_fail(err, answer->error, "%s", answer->text);
    cr_str_copy(ret->reference, sizeof(ret->reference), answer->reference);
    ret->sequence = answer->sequence;
    return 1;
}
