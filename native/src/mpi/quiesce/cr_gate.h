/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Safe points. Every wrapper of an MPI function, generated or written by hand, begins with
 * cr_gate_enter() and ends with cr_gate_leave(); between them the thread is "inside" and the stop signal leaves it alone,
 * so real handles may be held in locals. The translation of handles comes after cr_gate_enter(). A wrapper may call
 * another one: only the outermost pair is a safe point.
 */
#ifndef CR_GATE_H
#define CR_GATE_H

#include <stdint.h>

/* Bits of cr_gate_word. */
#define CR_GATE_PENDING                                                                            \
    1u /* a checkpoint is coming: collectives pass the clock's gate, waits are published */
#define CR_GATE_STOP 2u /* every thread parks as soon as it can: waits return */

extern volatile uint32_t cr_gate_word __attribute__((visibility("hidden")));
/* Nesting of wrappers in this thread. */
extern __thread uint32_t cr_gate_depth
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* What this thread is doing in MPI, for people who ask why a checkpoint does not come about. Read by the agent. */
struct cr_gate_call {
    const char *name;   /* of the outermost wrapper's function, while cr_gate_depth is not 0 */
    const void *object; /* communicator, window or file of the collective that it is in, or NULL */
    const void *about;  /* window on whose ranks it waits alone, or NULL */
    uint32_t held;      /* at the gate of that collective */
    const struct cr_blocked *blocked; /* parked in a call that waits for this, or NULL */
};
extern __thread struct cr_gate_call cr_gate_call
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* OURS, a thread-local variable of the calling thread, in the thread whose TCB is at FS. */
static inline const volatile void *cr_gate_in_thread(const void *ours, uint64_t fs)
{
    uint64_t own;

    __asm__("mov %%fs:0x10, %0" : "=r"(own));
    return (const volatile void *)((uint64_t)ours - own + fs);
}

#define cr_gate_barrier() __asm__ volatile("" ::: "memory")

/* Parks the calling thread, which may be inside wrappers but must have FS of the upper half. Returns after go(). */
void cr_gate_park(void);

static inline void cr_gate_enter_as(const char *name)
{
    if (cr_gate_depth == 0) {
        if (__builtin_expect(cr_gate_word & CR_GATE_STOP, 0))
            cr_gate_park();
        cr_gate_call.name = name;
    }
    cr_gate_depth++;
    cr_gate_barrier();
}

#define cr_gate_enter() cr_gate_enter_as(__func__)

static inline void cr_gate_leave(void)
{
    cr_gate_barrier();
    if (--cr_gate_depth == 0 && __builtin_expect(cr_gate_word & CR_GATE_STOP, 0))
        cr_gate_park();
}

#endif
