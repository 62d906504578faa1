/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Parking of application threads, seen from MPI. */
#include "cr_safe_point.h"

#include "cr_clock.h"
#include "cr_in_library.h"
#include "cr_lower.h"
#include "cr_rank.h"
#include "cr_request.h"
#include "cr_stub.h"
#include "cr_sys.h"

#include <ucontext.h>

#pragma weak cr_rank_park
#pragma weak cr_rank_report_changed
#pragma weak cr_rank_report_later

volatile uint32_t cr_gate_word;
__thread uint32_t cr_gate_depth __attribute__((tls_model("initial-exec")));
__thread struct cr_gate_call cr_gate_call __attribute__((tls_model("initial-exec")));

/* What stop() took out of the fake vdso's table, and of which lower half it was. */
static void *vdso_saved[CR_VDSO_COUNT];
static uint64_t vdso_generation;

void cr_gate_park(void)
{
    uint32_t depth = cr_gate_depth;

    cr_gate_depth = 0;
    cr_gate_barrier();
    if (cr_rank_park != NULL)
        cr_rank_park();
    cr_gate_barrier();
    cr_gate_depth = depth;
}

void cr_safe_point_report_changed(void)
{
    if ((cr_gate_word & CR_GATE_PENDING) && cr_rank_report_changed != NULL)
        cr_rank_report_changed();
}

void cr_safe_point_report_later(void)
{
    if ((cr_gate_word & CR_GATE_PENDING) && cr_rank_report_later != NULL)
        cr_rank_report_later();
}

/*
 * A thread that is stopped inside the real vdso would come back, after a restart, to an address of the dead process. With
 * the table empty the fake vdso makes system calls instead, so that nobody stays there for long.
 */
static void vdso_off(void)
{
    int i;

    if (vdso_generation == cr_lower->generation)
        return;
    vdso_generation = cr_lower->generation;
    for (i = 0; i < CR_VDSO_COUNT; i++) {
        vdso_saved[i] = cr_lower->vdso[i];
        cr_lower->vdso[i] = NULL;
    }
}

static void vdso_on(void)
{
    int i;

    if (vdso_generation == cr_lower->generation)
        for (i = 0; i < CR_VDSO_COUNT; i++)
            cr_lower->vdso[i] = vdso_saved[i];
    vdso_generation = 0;
}

void cr_safe_point_stop(void)
{
    vdso_off();
    __atomic_or_fetch(&cr_gate_word, CR_GATE_STOP, __ATOMIC_SEQ_CST);
    cr_clock_wake();
}

void cr_safe_point_go(void)
{
    uint32_t word;

    vdso_on();
    word = __atomic_exchange_n(&cr_gate_word, 0, __ATOMIC_SEQ_CST);
    cr_clock_round_over((word & CR_GATE_STOP) != 0);
}

static int in_real_vdso(uint64_t address)
{
    return address >= cr_lower->vdso_start && address < cr_lower->vdso_end;
}

/*
 * Inside the real vdso, or in the fake one with the address of the real one in the register through which it jumps. The
 * rest of the fake vdso is harmless: a thread that asks for the time again and again is nearly always in its system call.
 */
static int in_vdso(const ucontext_t *context)
{
    uint64_t ip = (uint64_t)context->uc_mcontext.gregs[REG_RIP];

    if (in_real_vdso(ip))
        return 1;
    return ip >= cr_lower->fake_vdso_start && ip < cr_lower->fake_vdso_end &&
           in_real_vdso((uint64_t)context->uc_mcontext.gregs[REG_RAX]);
}

/* The drain may call functions of the application. */
static int may_run_operations(void)
{
    return cr_op_made && cr_request_collectives != 0;
}

int cr_safe_point_may_park(const void *ucontext)
{
    const ucontext_t *context = ucontext;

    /* First: on a borrowed TCB no thread-local variable is ours. */
    if (cr_stub_upper_fs() != 0 || cr_gate_depth > 0)
        return 0;
    return !in_vdso(context) && !(may_run_operations() && cr_in_library_look(context));
}
