/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* System V objects as the wrappers note them: ids before and after a restart, and what SEM_UNDO adds up to. */
#include "state_support.h"

#include "cr_sysv.h"

#include <errno.h>

#define SET 7

static void operate(int known, int number, int operation, long result)
{
    const struct sembuf one = {(unsigned short)number, (short)operation, SEM_UNDO};
    struct cr_sysv_call *call = cr_sysv_call_begin(known, &one, 1);

    call->result = result;
    cr_sysv_call_end(call);
}

/* The adjustment of the semaphore, and how many semaphores have one. */
static int adjustment(int known, int number, int *ret_count)
{
    struct cr_sysv_undo undo;
    size_t at = 0;
    int found = 0;

    *ret_count = 0;
    while (cr_sysv_undo_next(&at, &undo)) {
        (*ret_count)++;
        if (undo.known_id == known && undo.number == number)
            found = undo.adjustment;
    }
    return found;
}

static void test_undo(void)
{
    const struct sembuf pair[] = {{1, -2, SEM_UNDO}, {1, -1, SEM_UNDO}, {2, 5, 0}};
    struct cr_sysv_call *first, *second;
    int count;

    operate(SET, 0, -3, 0);
    operate(SET, 0, 1, 0);
    operate(SET, 0, -9, -EAGAIN);
    tap_ok(adjustment(SET, 0, &count) == 2 && count == 1,
           "what was done is counted, a failure is not");
    operate(SET, 0, -2, 0);
    operate(SET, 0, 4, 0);
    tap_ok(adjustment(SET, 0, &count) == 0 && count == 0, "what is balanced is nothing");
    first = cr_sysv_call_begin(SET, pair, 3);
    second = cr_sysv_call_begin(SET, pair, 3);
    tap_ok(adjustment(SET, 1, &count) == 0 && count == 0, "a call that waits has done nothing");
    first->result = 0;
    tap_ok(adjustment(SET, 1, &count) == 3 && count == 1,
           "a call that is done counts before it is counted");
    second->result = 0;
    tap_ok(adjustment(SET, 1, &count) == 6 && count == 1, "and so does another one");
    cr_sysv_call_end(first);
    tap_ok(adjustment(SET, 1, &count) == 6 && count == 1, "and each once");
    cr_sysv_call_end(second);
    tap_ok(adjustment(SET, 1, &count) == 6 && count == 1, "also when both are counted");
    operate(SET, 3, -1, 0);
    cr_sysv_undo_forget(SET, 1);
    tap_ok(adjustment(SET, 3, &count) == 1 && count == 1, "SETVAL makes the kernel forget one");
    operate(SET + 1, 0, -1, 0);
    cr_sysv_undo_forget(SET, -1);
    tap_ok(adjustment(SET + 1, 0, &count) == 1 && count == 1, "and SETALL all of a set");
    cr_sysv_forked();
    tap_ok(adjustment(SET + 1, 0, &count) == 0 && count == 0, "a child has nothing to undo");
}

static void test_too_much(void)
{
    struct sembuf many[CR_SYSV_OPERATIONS + 1] = {{0, 1, SEM_UNDO}};

    tap_ok(!cr_sysv_undo_is_unknown() &&
               cr_sysv_call_begin(SET, many, CR_SYSV_OPERATIONS + 1) == NULL &&
               cr_sysv_undo_is_unknown(),
           "a call that is too large is remembered as unknown");
    cr_sysv_forked();
}

static void test_ids(void)
{
    struct cr_sysv_entry *e;
    size_t at = 0;

    tap_ok(cr_sysv_known_id(CR_SYSV_QUEUE, 40) == 40 && cr_sysv_kernel_id(CR_SYSV_QUEUE, 40) == 40,
           "an id is itself");
    e = cr_sysv_next(&at);
    e->kernel_id = 50; /* as a restart does */
    tap_ok(cr_sysv_kernel_id(CR_SYSV_QUEUE, 40) == 50 && cr_sysv_known_id(CR_SYSV_QUEUE, 50) == 40,
           "after a restart the program goes on with the one that it knows");
    tap_ok(cr_sysv_kernel_id(CR_SYSV_SEMAPHORES, 40) == 40, "other kinds have ids of their own");
    tap_ok(cr_sysv_known_id(CR_SYSV_QUEUE, 40) != 40 &&
               cr_sysv_kernel_id(CR_SYSV_QUEUE, cr_sysv_known_id(CR_SYSV_QUEUE, 40)) == 40,
           "a new object with an id that is known for another one gets one that is not");
    cr_sysv_forget(CR_SYSV_QUEUE, 40);
    tap_ok(cr_sysv_kernel_id(CR_SYSV_QUEUE, 50) == 50, "a removed object is forgotten");
    tap_ok(cr_sysv_known_id(CR_SYSV_QUEUE, -1) == -1, "a failure stays one");
}

int main(void)
{
    test_undo();
    test_too_much();
    test_ids();
    return tap_done();
}
