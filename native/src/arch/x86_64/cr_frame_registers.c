/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_frame_registers.h"

#include "cr_continue.h"
#include "cr_id_call.h"
#include "cr_noted.h"

#include <errno.h>
#include <string.h>
#include <sys/user.h>

#define SYSCALL_INSTRUCTION 0x050f /* 0f 05 */
#define CALL_NUMBERS 1024
#define FP_MAGIC 0x46505853U /* FP_XSTATE_MAGIC1 in the software-reserved bytes */
#define FP_RESERVED 464

/*
 * The number that "mov $n,%eax" or "xor %eax,%eax" right before the system call loads; -2 if it is
 * neither.
 */
static int64_t decode_number(const uint8_t *syscall)
{
    int32_t number;

    if (syscall[-5] == 0xb8) {
        memcpy(&number, syscall - 4, sizeof(number));
        return number >= 0 && number < CALL_NUMBERS ? number : -2;
    }
    if (syscall[-2] == 0x31 && syscall[-1] == 0xc0)
        return 0;
    return -2;
}

static int is_same_call(const greg_t *g, const struct cr_call *expected)
{
    return expected->number >= 0 && (uint64_t)g[REG_RIP] == expected->pc &&
           (uint64_t)g[REG_RSP] == expected->sp && (uint64_t)g[REG_RDI] == expected->args[0] &&
           (uint64_t)g[REG_RSI] == expected->args[1] && (uint64_t)g[REG_RDX] == expected->args[2];
}

int cr_registers_interrupted(const ucontext_t *frame, const struct cr_call *expected,
                             struct cr_call *ret_call)
{
    const greg_t *g = frame->uc_mcontext.gregs;
    uint16_t instruction;

    if (g[REG_RAX] != -EINTR)
        return 0;
    /* The instruction was just executed, so it can be read. */
    memcpy(&instruction, (const void *)(g[REG_RIP] - 2), sizeof(instruction));
    if (instruction != SYSCALL_INSTRUCTION)
        return 0;
    if (is_same_call(g, expected)) {
        *ret_call = *expected;
        return 1;
    }
    ret_call->number = decode_number((const uint8_t *)(g[REG_RIP] - 2));
    ret_call->args[0] = (uint64_t)g[REG_RDI];
    ret_call->args[1] = (uint64_t)g[REG_RSI];
    ret_call->args[2] = (uint64_t)g[REG_RDX];
    ret_call->args[3] = (uint64_t)g[REG_R10];
    ret_call->args[4] = (uint64_t)g[REG_R8];
    ret_call->args[5] = (uint64_t)g[REG_R9];
    ret_call->sp = (uint64_t)g[REG_RSP];
    ret_call->pc = (uint64_t)g[REG_RIP];
    return 1;
}

void cr_registers_rewind(ucontext_t *frame, int64_t number)
{
    frame->uc_mcontext.gregs[REG_RIP] -= 2;
    frame->uc_mcontext.gregs[REG_RAX] = number;
}

int64_t cr_registers_next_call(const ucontext_t *frame)
{
    const greg_t *g = frame->uc_mcontext.gregs;
    uint16_t instruction;

    /* What is not about to make a call may stand anywhere, also before the end of what can be read. */
    if (g[REG_RAX] < 0 || g[REG_RAX] >= CALL_NUMBERS || (g[REG_RIP] & 0xfff) == 0xfff)
        return -1;
    memcpy(&instruction, (const void *)g[REG_RIP], sizeof(instruction));
    return instruction == SYSCALL_INSTRUCTION ? g[REG_RAX] : -1;
}

uint64_t *cr_registers_argument(ucontext_t *frame, int index)
{
    static const int8_t registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10};

    return (uint64_t *)&frame->uc_mcontext.gregs[registers[index]];
}

void cr_registers_skip(ucontext_t *frame)
{
    frame->uc_mcontext.gregs[REG_RIP] += 2;
}

void cr_registers_set_result(ucontext_t *frame, long result)
{
    frame->uc_mcontext.gregs[REG_RAX] = result;
}

struct cr_continue *cr_registers_continuing(const ucontext_t *frame)
{
    const greg_t *g = frame->uc_mcontext.gregs;
    uint64_t pc = (uint64_t)g[REG_RIP];

    if (pc < (uint64_t)cr_continue_begin || pc > (uint64_t)cr_continue_end)
        return NULL;
    if (pc == (uint64_t)cr_continue_end && g[REG_RAX] != -EINTR)
        return NULL;
    return (struct cr_continue *)g[REG_RBX];
}

void cr_registers_note(const ucontext_t *frame)
{
    const greg_t *g = frame->uc_mcontext.gregs;

    if ((uint64_t)g[REG_RIP] == (uint64_t)cr_noted_done)
        *(volatile long *)g[REG_RBX] = (long)g[REG_RAX];
}

void cr_id_call_settle(ucontext_t *frame, struct cr_id_call *c)
{
    greg_t *g = frame->uc_mcontext.gregs;
    const char *pc = (const char *)g[REG_RIP];

    if ((struct cr_id_call *)g[REG_RBX] != c || c->state != CR_ID_CALL_OPEN)
        return;
    if (pc >= cr_id_call_begin && pc <= cr_id_call_made)
        g[REG_RIP] = (greg_t)cr_id_call_stale;
    if (pc < cr_id_call_answered || pc >= cr_id_call_noted)
        return;
    c->result = g[REG_RAX];
    c->state = CR_ID_CALL_ANSWERED;
    g[REG_RIP] = (greg_t)cr_id_call_noted;
}

uint64_t cr_registers_stack(const ucontext_t *frame)
{
    return (uint64_t)frame->uc_mcontext.gregs[REG_RSP];
}

uint64_t *cr_registers_mask(ucontext_t *frame)
{
    return (uint64_t *)&frame->uc_sigmask;
}

static void fill_from_context(const struct cr_context *c, struct user_regs_struct *r)
{
    r->rbx = c->rbx;
    r->rbp = c->rbp;
    r->r12 = c->r12;
    r->r13 = c->r13;
    r->r14 = c->r14;
    r->r15 = c->r15;
    r->rsp = c->rsp;
    r->rip = c->rip;
}

static void fill_from_frame(const greg_t *g, struct user_regs_struct *r)
{
    r->r15 = (unsigned long long)g[REG_R15];
    r->r14 = (unsigned long long)g[REG_R14];
    r->r13 = (unsigned long long)g[REG_R13];
    r->r12 = (unsigned long long)g[REG_R12];
    r->rbp = (unsigned long long)g[REG_RBP];
    r->rbx = (unsigned long long)g[REG_RBX];
    r->r11 = (unsigned long long)g[REG_R11];
    r->r10 = (unsigned long long)g[REG_R10];
    r->r9 = (unsigned long long)g[REG_R9];
    r->r8 = (unsigned long long)g[REG_R8];
    r->rax = (unsigned long long)g[REG_RAX];
    r->rcx = (unsigned long long)g[REG_RCX];
    r->rdx = (unsigned long long)g[REG_RDX];
    r->rsi = (unsigned long long)g[REG_RSI];
    r->rdi = (unsigned long long)g[REG_RDI];
    r->rip = (unsigned long long)g[REG_RIP];
    r->rsp = (unsigned long long)g[REG_RSP];
    r->eflags = (unsigned long long)g[REG_EFL];
}

void cr_registers_core(const struct cr_thread *thread, elf_gregset_t *ret_registers)
{
    struct user_regs_struct *r = (struct user_regs_struct *)ret_registers;
    const ucontext_t *frame = thread->ucontext;

    memset(r, 0, sizeof(*r));
    if (frame != NULL)
        fill_from_frame(frame->uc_mcontext.gregs, r);
    else
        fill_from_context(&thread->context, r);
    r->orig_rax = (unsigned long long)-1;
    r->cs = 0x33;
    r->ss = 0x2b;
    r->fs_base = thread->fs_base;
    r->gs_base = thread->gs_base;
}

const void *cr_registers_floating(const struct cr_thread *thread, size_t *ret_xsave_size,
                                  uint64_t *ret_features)
{
    const ucontext_t *frame = thread->ucontext;
    const uint8_t *area;
    uint32_t magic;
    uint32_t size;

    if (frame == NULL || frame->uc_mcontext.fpregs == NULL)
        return NULL;
    area = (const uint8_t *)frame->uc_mcontext.fpregs;
    *ret_xsave_size = 0;
    *ret_features = 0;
    memcpy(&magic, area + FP_RESERVED, sizeof(magic));
    if (magic == FP_MAGIC) {
        memcpy(&size, area + FP_RESERVED + 16, sizeof(size));
        memcpy(ret_features, area + FP_RESERVED + 8, sizeof(*ret_features));
        *ret_xsave_size = size;
    }
    return area;
}
