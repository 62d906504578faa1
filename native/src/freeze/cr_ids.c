/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. The ids of threads and processes that came back with other ids than the application knows.
 * glibc keeps the tid in each thread's control block, where mutexes take it from, so the old one
 * stays there and calls that take ids translate.
 */
#include "cr_ids.h"

#include "cr_frame_registers.h"
#include "cr_park.h"
#include "cr_sys.h"

#define MAX_PAIRS 65536

/* Written with all threads parked; read at any time. In .bss: only what is used costs memory. */
static struct cr_freeze_id pairs[MAX_PAIRS];
static volatile uint32_t pair_count;

/* The pairs of when the image was taken. */
static struct cr_freeze_id before[MAX_PAIRS];
static uint32_t before_count;

__thread struct cr_id_call *cr_id_call_current __attribute__((tls_model("initial-exec")));

static void publish(uint32_t count)
{
    __atomic_store_n(&pair_count, count, __ATOMIC_RELEASE);
    cr_freeze.virtual_ids = count != 0;
}

void cr_park_remember_ids(void)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < pair_count; i++)
        before[i] = pairs[i];
    before_count = pair_count;
    cr_id_epoch++;
    for (uint32_t i = 0; i < cr_freeze.count; i++) {
        const struct cr_thread *t = &cr_freeze.threads[i];
        uint32_t kinds = CR_ID_THREAD | (t->kernel_tid == cr_freeze.pid ? CR_ID_PROCESS : 0U);
        if (t->gone == 0 && t->tid != t->kernel_tid && n < MAX_PAIRS)
            pairs[n++] = (struct cr_freeze_id){t->tid, t->kernel_tid, kinds};
    }
    publish(n);
}

int cr_freeze_adopt_ids(const struct cr_freeze_id *ids, size_t count, struct cr_error *err)
{
    uint32_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (ids[i].known == ids[i].kernel)
            continue;
        if (n == MAX_PAIRS)
            return cr_fail(err, CR_EKERNEL,
                           "more than %d processes and threads came back with other ids; restart "
                           "with --restore-pid or --pidns",
                           MAX_PAIRS);
        pairs[n++] = ids[i];
    }
    publish(n);
    return 0;
}

int cr_freeze_kernel_id(int known, uint32_t kinds)
{
    if (__builtin_expect(cr_freeze.virtual_ids == 0, 1))
        return known;
    for (uint32_t i = 0; i < pair_count; i++)
        if (pairs[i].known == known && (pairs[i].kinds & kinds) != 0)
            return pairs[i].kernel;
    return known;
}

int cr_freeze_known_id(int kernel, uint32_t kinds)
{
    if (__builtin_expect(cr_freeze.virtual_ids == 0, 1))
        return kernel;
    for (uint32_t i = 0; i < pair_count; i++)
        if (pairs[i].kernel == kernel && (pairs[i].kinds & kinds) != 0)
            return pairs[i].known;
    return kernel;
}

int cr_freeze_group_or_own(int kernel)
{
    return kernel == CR_ID_NOBODY && cr_sys(SYS_getpgid, 0) == 0 ? 0 : kernel;
}

int cr_park_known_before(int old, uint32_t kinds)
{
    for (uint32_t i = 0; i < before_count; i++)
        if (before[i].kernel == old && (before[i].kinds & kinds) != 0)
            return before[i].known;
    return old;
}

static void translate_answer(struct cr_id_call *c)
{
    if (c->result >= 0 && c->kinds != 0 && c->id != NULL)
        *c->id = cr_park_known_before(*c->id, c->kinds);
    else if (c->result > 0 && c->kinds != 0)
        c->result = cr_park_known_before((int)c->result, c->kinds);
    c->state = CR_ID_CALL_KNOWN;
}

/* A call that a handler of the program's has interrupted lies further from where the thread stands. */
void cr_park_settle_id_calls(ucontext_t *frame)
{
    struct cr_id_call *c = cr_id_call_current;
    uint64_t sp = cr_registers_stack(frame);

    for (; (uint64_t)c > sp && (uint64_t)c - sp <= CR_PARK_NOTE_DISTANCE &&
           c->magic == CR_ID_CALL_MAGIC;
         c = c->outer) {
        cr_id_call_settle(frame, c);
        if (c->state == CR_ID_CALL_ANSWERED)
            translate_answer(c);
    }
}

int cr_freeze_kernel_tid(int tid)
{
    return cr_freeze_kernel_id(tid, CR_ID_THREAD | CR_ID_PROCESS);
}

int cr_freeze_known_tid(int kernel_tid)
{
    return cr_freeze_known_id(kernel_tid, CR_ID_THREAD | CR_ID_PROCESS);
}

size_t cr_freeze_ids(const struct cr_freeze_id **ret_ids)
{
    *ret_ids = pairs;
    return pair_count;
}
