/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. System calls with ids of processes, whole or not at all as far as a restart is concerned. */
#include "cr_ids.h"
#include "cr_preload_pid.h"

#include <errno.h>

#define ARGUMENTS 5

pid_t cr_preload_kernel_process(pid_t known)
{
    return cr_preload_kernel_id(known, CR_ID_PROCESS);
}

static void fill(struct cr_id_call *c, const struct cr_preload_call *call)
{
    c->epoch = cr_id_epoch;
    for (unsigned i = 0; i < ARGUMENTS; i++)
        c->args[i] = (call->which >> i & 1) != 0 ? (uint64_t)call->kernel((pid_t)call->args[i])
                                                 : call->args[i];
}

static int32_t answered_id(const struct cr_id_call *c)
{
    return c->id != NULL ? *c->id : (int32_t)c->result;
}

/* The id in the answer as the program knows it, whenever it was given. */
static int32_t known_answer(const struct cr_id_call *c)
{
    uint32_t epoch;
    int32_t id;

    do {
        epoch = cr_id_epoch;
        id = answered_id(c);
        if (c->state == CR_ID_CALL_ANSWERED)
            id = cr_preload_known_id(id, c->kinds);
    } while (epoch != cr_id_epoch);
    return id;
}

static void translate_answer(struct cr_id_call *c)
{
    int32_t known = known_answer(c);

    /* Before the id stands there: a restart would take it for the kernel's. */
    c->state = CR_ID_CALL_KNOWN;
    if (c->id != NULL)
        *c->id = known;
    else
        c->result = known;
}

long cr_preload_call(const struct cr_preload_call *call)
{
    struct cr_id_call c = {
        .number = call->number,
        .magic = CR_ID_CALL_MAGIC,
        .kinds = call->answer,
        .id = call->id,
        .outer = cr_id_call_current,
    };

    cr_id_call_current = &c;
    do
        fill(&c, call);
    while (cr_id_call_make(&c) != 0);
    if (c.result >= 0 && c.kinds != 0)
        translate_answer(&c);
    c.magic = 0;
    cr_id_call_current = c.outer;
    if (c.result >= 0)
        return c.result;
    errno = (int)-c.result;
    return -1;
}
