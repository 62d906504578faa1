/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_thread.h"

#include "cr_sys.h"

#include <asm/prctl.h>
#include <sys/prctl.h>

#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif

#define RSEQ_SIGNATURE 0x53053053U /* of glibc on x86 */
#define RSEQ_LENGTH 32             /* the size that every kernel with rseq takes */

/* The start of struct rseq, as the kernel defines it. */
struct rseq_area {
    uint32_t cpu_id_start;
    uint32_t cpu_id;
    uint64_t rseq_cs;
};

static int64_t rseq_offset;
static uint32_t rseq_size;

void cr_thread_set_rseq(int64_t offset, uint32_t size)
{
    rseq_offset = offset;
    rseq_size = size;
}

static void save_rseq(struct cr_thread *t)
{
    const struct rseq_area *area = (const struct rseq_area *)(t->fs_base + (uint64_t)rseq_offset);

    t->rseq = 0;
    /* A negative cpu_id says that the registration failed or was switched off. */
    if (rseq_size == 0 || (int32_t)area->cpu_id < 0)
        return;
    t->rseq = (uint64_t)area;
    t->rseq_size = RSEQ_LENGTH;
    t->rseq_signature = RSEQ_SIGNATURE;
}

void cr_thread_save(struct cr_thread *t)
{
    long slack;

    cr_sys(SYS_arch_prctl, ARCH_GET_FS, &t->fs_base);
    cr_sys(SYS_arch_prctl, ARCH_GET_GS, &t->gs_base);
    t->robust_list = 0;
    t->robust_size = 0;
    cr_sys(SYS_get_robust_list, 0, &t->robust_list, &t->robust_size);
    t->clear_tid = 0;
    cr_sys(SYS_prctl, PR_GET_TID_ADDRESS, &t->clear_tid, 0, 0, 0);
    cr_sys(SYS_prctl, PR_GET_NAME, t->name, 0, 0, 0);
    slack = cr_sys(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0);
    t->timer_slack = slack > 0 ? (uint64_t)slack : 0;
    save_rseq(t);
}

static void restore_rseq(const struct cr_thread *t)
{
    struct rseq_area *area = (struct rseq_area *)t->rseq;

    if (area == NULL)
        return;
    area->cpu_id_start = 0;
    area->cpu_id = (uint32_t)-1;
    area->rseq_cs = 0;
    cr_sys(SYS_rseq, area, t->rseq_size, 0, t->rseq_signature);
}

void cr_thread_restore(struct cr_thread *t)
{
    t->kernel_tid = cr_sys_gettid();
    if (t->gs_base != 0)
        cr_sys(SYS_arch_prctl, ARCH_SET_GS, t->gs_base);
    if (t->robust_list != 0)
        cr_sys(SYS_set_robust_list, t->robust_list, t->robust_size);
    if (t->clear_tid != 0)
        cr_sys(SYS_set_tid_address, t->clear_tid);
    restore_rseq(t);
    cr_sys(SYS_prctl, PR_SET_NAME, t->name, 0, 0, 0);
    if (t->timer_slack != 0)
        cr_sys(SYS_prctl, PR_SET_TIMERSLACK, t->timer_slack, 0, 0, 0);
}
