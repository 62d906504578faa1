/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen; also called by wrappers of libc's functions. A thread may be stopped between any two steps: an entry
 * is claimed first, and counts when its kind is written, which is last.
 */
#include "cr_sysv.h"

#include "cr_sys.h"

#define ENTRIES_MAX 512
#define CLAIMED (-1)
#define CALLS_MAX 256
#define UNDO_MAX 1024
#define MADE_UP 0x7f000000 /* ids that the kernel does not give */

static struct cr_sysv_entry entries[ENTRIES_MAX];

static struct cr_sysv_entry *find(enum cr_sysv_kind kind, int id, int by_kernel)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        struct cr_sysv_entry *e = &entries[i];

        if (e->kind == (int32_t)kind && (by_kernel ? e->kernel_id : e->known_id) == id)
            return e;
    }
    return NULL;
}

static struct cr_sysv_entry *add(enum cr_sysv_kind kind, int known, int kernel)
{
    for (size_t i = 0; i < ENTRIES_MAX; i++) {
        int32_t expected = 0;

        if (!__atomic_compare_exchange_n(&entries[i].kind, &expected, CLAIMED, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        entries[i].known_id = known;
        entries[i].kernel_id = kernel;
        __atomic_store_n(&entries[i].kind, (int32_t)kind, __ATOMIC_RELEASE);
        return &entries[i];
    }
    return NULL;
}

struct cr_sysv_entry *cr_sysv_note(enum cr_sysv_kind kind, int kernel)
{
    struct cr_sysv_entry *e = find(kind, kernel, 1);
    int known = kernel;

    if (e != NULL)
        return e;
    /* The kernel may give anew the id that another object had before a restart. */
    for (int i = 0; find(kind, known, 0) != NULL; i++)
        known = MADE_UP + i;
    return add(kind, known, kernel);
}

int cr_sysv_kernel_id(enum cr_sysv_kind kind, int known)
{
    struct cr_sysv_entry *e;

    if (known < 0)
        return known;
    e = find(kind, known, 0);
    if (e == NULL)
        e = add(kind, known, known);
    return e != NULL ? e->kernel_id : known;
}

int cr_sysv_known_id(enum cr_sysv_kind kind, int kernel)
{
    const struct cr_sysv_entry *e = kernel >= 0 ? cr_sysv_note(kind, kernel) : NULL;

    return e != NULL ? e->known_id : kernel;
}

void cr_sysv_forget(enum cr_sysv_kind kind, int known)
{
    struct cr_sysv_entry *e = find(kind, known, 0);

    if (e != NULL)
        __atomic_store_n(&e->kind, 0, __ATOMIC_RELEASE);
}

struct cr_sysv_entry *cr_sysv_next(size_t *at)
{
    while (*at < ENTRIES_MAX) {
        struct cr_sysv_entry *e = &entries[(*at)++];

        if (e->kind > 0)
            return e;
    }
    return NULL;
}

/* ---- SEM_UNDO ---- */

static struct cr_sysv_call calls[CALLS_MAX];
static struct cr_sysv_undo undo[UNDO_MAX];
static size_t undo_count;
static volatile uint32_t undo_unknown;
static volatile uint32_t undo_locked;

static void lock(void)
{
    const struct timespec step = {0, 1000000};

    while (__atomic_exchange_n(&undo_locked, 1, __ATOMIC_ACQUIRE) != 0)
        cr_sys_futex_wait(&undo_locked, 1, &step);
}

static void unlock(void)
{
    __atomic_store_n(&undo_locked, 0, __ATOMIC_RELEASE);
    cr_sys_futex_wake(&undo_locked, 1);
}

static int64_t now_seconds(void)
{
    return cr_sys_clock_ns(CLOCK_REALTIME) / 1000000000;
}

struct cr_sysv_call *cr_sysv_call_begin(int known, const struct sembuf *operations, size_t count)
{
    for (size_t i = 0; count <= CR_SYSV_OPERATIONS && i < CALLS_MAX; i++) {
        struct cr_sysv_call *call = &calls[i];
        uint32_t expected = 0;

        if (!__atomic_compare_exchange_n(&call->used, &expected, 1, 0, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        call->result = CR_SYSV_PENDING;
        call->known_id = known;
        call->count = (uint32_t)count;
        for (size_t j = 0; j < count; j++)
            call->operations[j] = operations[j];
        return call;
    }
    undo_unknown = 1;
    return NULL;
}

/* Adds to the adjustment of one semaphore in LIST, which has room for UNDO_MAX. */
static void count_one(struct cr_sysv_undo *list, size_t *count, int known,
                      const struct sembuf *operation)
{
    size_t i = 0;

    while (i < *count && (list[i].known_id != known || list[i].number != operation->sem_num))
        i++;
    if (i == UNDO_MAX) {
        undo_unknown = 1;
        return;
    }
    if (i == *count) {
        list[i] = (struct cr_sysv_undo){known, operation->sem_num, 0, 0};
        (*count)++;
    }
    if (list[i].adjustment == 0)
        list[i].since = now_seconds();
    list[i].adjustment -= operation->sem_op;
    if (list[i].adjustment == 0)
        list[i] = list[--*count];
}

void cr_sysv_call_end(struct cr_sysv_call *call)
{
    lock();
    for (uint32_t i = 0; call->result == 0 && i < call->count; i++) {
        if (call->operations[i].sem_flg & SEM_UNDO)
            count_one(undo, &undo_count, call->known_id, &call->operations[i]);
    }
    __atomic_store_n(&call->used, 0, __ATOMIC_RELEASE);
    unlock();
}

void cr_sysv_undo_forget(int known, int number)
{
    lock();
    for (size_t i = 0; i < undo_count;) {
        if (undo[i].known_id != known) {
            i++;
        } else if (number < 0 || undo[i].number == number) {
            undo[i] = undo[--undo_count];
        } else {
            undo[i].since = now_seconds();
            i++;
        }
    }
    unlock();
}

void cr_sysv_undo_restored(void)
{
    for (size_t i = 0; i < undo_count; i++)
        undo[i].since = now_seconds();
}

void cr_sysv_forked(void)
{
    undo_count = 0;
    undo_unknown = 0;
    undo_locked = 0;
    for (size_t i = 0; i < CALLS_MAX; i++)
        calls[i].used = 0;
}

/* Counts what calls have done whose threads were stopped before they could count it. */
static void adjust_by_calls(struct cr_sysv_undo *one)
{
    for (size_t i = 0; i < CALLS_MAX; i++) {
        const struct cr_sysv_call *call = &calls[i];

        if (!call->used || call->result != 0 || call->known_id != one->known_id)
            continue;
        for (uint32_t j = 0; j < call->count; j++) {
            if ((call->operations[j].sem_flg & SEM_UNDO) &&
                call->operations[j].sem_num == one->number)
                one->adjustment -= call->operations[j].sem_op;
        }
    }
}

static int is_counted(int known, uint16_t number)
{
    for (size_t i = 0; i < undo_count; i++) {
        if (undo[i].known_id == known && undo[i].number == number)
            return 1;
    }
    return 0;
}

/* The INDEXth operation with SEM_UNDO of a call that is done and not counted; only the first one of its semaphore. */
static int find_uncounted(size_t index, struct cr_sysv_undo *ret_undo)
{
    const struct cr_sysv_call *call = &calls[index / CR_SYSV_OPERATIONS];
    uint32_t number = index % CR_SYSV_OPERATIONS;

    if (!call->used || call->result != 0 || number >= call->count ||
        !(call->operations[number].sem_flg & SEM_UNDO) ||
        is_counted(call->known_id, call->operations[number].sem_num))
        return 0;
    for (size_t i = 0; i < index; i++) {
        const struct cr_sysv_call *b = &calls[i / CR_SYSV_OPERATIONS];
        uint32_t n = i % CR_SYSV_OPERATIONS;

        if (b->used && b->result == 0 && n < b->count && (b->operations[n].sem_flg & SEM_UNDO) &&
            b->known_id == call->known_id &&
            b->operations[n].sem_num == call->operations[number].sem_num)
            return 0;
    }
    *ret_undo =
        (struct cr_sysv_undo){call->known_id, call->operations[number].sem_num, 0, now_seconds()};
    return 1;
}

int cr_sysv_undo_next(size_t *at, struct cr_sysv_undo *ret_undo)
{
    while (*at < undo_count + CALLS_MAX * CR_SYSV_OPERATIONS) {
        size_t index = (*at)++;

        if (index < undo_count)
            *ret_undo = undo[index];
        else if (!find_uncounted(index - undo_count, ret_undo))
            continue;
        adjust_by_calls(ret_undo);
        if (ret_undo->adjustment != 0)
            return 1;
    }
    return 0;
}

int cr_sysv_undo_is_unknown(void)
{
    return (int)undo_unknown;
}
