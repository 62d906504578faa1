/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Locks of windows: two words of each rank, changed by atomic operations on the
 * window of locks. CR_WINDOW_LOCK counts those that hold this rank's lock: shared ones in its lower
 * half; the exclusive one adds its rank and 1 to the upper, so that those who wait know whom they wait for. CR_WINDOW_LOCK_ALL of rank 0 does the same for
 * MPI_Win_lock_all and for exclusive locks of any rank. Whoever does not get what it wants takes
 * back what it did and tries again, so a checkpoint finds the words saying who holds what and nobody
 * inside the lower half.
 */
#include "cr_window.h"

#include "cr_clock.h"
#include "cr_sys.h"
#include "cr_wait.h"

#define EXCLUSIVE (1ULL << 32)
#define TRIES 64 /* before the processor is given to others */
#define DOUBTS 8

/*
 * FS: lower. Adds NUMBER to word AT of RANK. Nothing but this: MPI_Compare_and_swap() on the own rank ends osc/rdma 4.1 with
 * SIGSEGV.
 */
static int add(const struct cr_window *win, int rank, MPI_Aint at, uint64_t number, uint64_t *old)
{
    int rc = CR_REAL(Fetch_and_op)(&number, old, CR_REAL_DATATYPE(MPI_UINT64_T), rank, at,
                                   CR_REAL_OP(MPI_SUM), win->locks);

    return rc == MPI_SUCCESS ? CR_REAL(Win_flush)(rank, win->locks) : rc;
}

/* What came of a try. */
struct attempt {
    int got;
    int holder; /* who seems to have it; MPI_ANY_SOURCE: not known */
};

/* FS: lower. Adds NUMBER unless the word, of which MASK counts, forbids it. */
static int add_if_free(const struct cr_window *win, int rank, MPI_Aint at, uint64_t number,
                       uint64_t mask, struct attempt *attempt)
{
    uint64_t old = 0, holder;
    int rc = add(win, rank, at, number, &old);

    attempt->got = rc == MPI_SUCCESS && (old & mask) == 0;
    if (rc != MPI_SUCCESS || attempt->got)
        return rc;
    holder = old / EXCLUSIVE;
    if (at == CR_WINDOW_LOCK && holder > 0 && holder <= (uint64_t)win->comm->size)
        attempt->holder = (int)holder - 1;
    return add(win, rank, at, -number, &old);
}

/* What the exclusive lock of this rank adds to a word. */
static uint64_t exclusive_of(const struct cr_window *win)
{
    return EXCLUSIVE * (uint64_t)(win->comm->rank + 1);
}

static const uint64_t holds_exclusive = ~(EXCLUSIVE - 1), holds_shared = EXCLUSIVE - 1;

/* FS: lower. One try. */
static int try_exclusive(const struct cr_window *win, int rank, struct attempt *attempt)
{
    const uint64_t mine = exclusive_of(win);
    uint64_t old;
    int rc = add_if_free(win, 0, CR_WINDOW_LOCK_ALL, mine, holds_shared, attempt);

    if (rc != MPI_SUCCESS || !attempt->got)
        return rc;
    rc = add_if_free(win, rank, CR_WINDOW_LOCK, mine, ~0ULL, attempt);
    if (rc == MPI_SUCCESS && !attempt->got)
        rc = add(win, 0, CR_WINDOW_LOCK_ALL, -mine, &old);
    return rc;
}

/* FS: lower. RANK is MPI_ANY_SOURCE for all of them. */
static int try_once(const struct cr_window *win, int rank, int exclusive, struct attempt *attempt)
{
    attempt->holder = MPI_ANY_SOURCE;
    if (rank == MPI_ANY_SOURCE)
        return add_if_free(win, 0, CR_WINDOW_LOCK_ALL, 1, holds_exclusive, attempt);
    if (exclusive)
        return try_exclusive(win, rank, attempt);
    return add_if_free(win, rank, CR_WINDOW_LOCK, 1, holds_exclusive, attempt);
}

static void breathe(const struct cr_window *win, int tries)
{
    /* Ranks that disturb each other do so at different times. */
    for (int i = (win->comm->rank * 7 + tries) % 61; i > 0; i--)
        __builtin_ia32_pause();
}

/* What a thread that waits has found: the holder of last time, and how often it was another one. */
struct belief {
    int holder, doubts;
};

/* Others that try meanwhile add to the word too: who was found twice in a row is believed, in the end it may be anyone. */
static void wait_for_holder(const struct cr_window *win, int holder, struct belief *belief)
{
    int told = MPI_PROC_NULL;

    if (holder == belief->holder)
        told = holder;
    else if (++belief->doubts > DOUBTS)
        told = MPI_ANY_SOURCE;
    belief->holder = holder;
    cr_wait_interrupted((MPI_Comm)win->comm, told);
}

static int acquire(struct cr_window *win, int rank, int exclusive)
{
    struct attempt attempt = {0, MPI_ANY_SOURCE};
    struct belief belief = {MPI_PROC_NULL, 0};
    int rc = MPI_SUCCESS, tries = 0;

    cr_gate_call.about = win;

    for (;;) {
        uint64_t fs = cr_lower_enter();

        do {
            rc = try_once(win, rank, exclusive, &attempt);
            if (!attempt.got)
                breathe(win, tries);
        } while (!attempt.got && rc == MPI_SUCCESS && ++tries % TRIES != 0 && !cr_gate_word);
        cr_lower_leave(fs);
        if (attempt.got || rc != MPI_SUCCESS)
            break;
        if (__builtin_expect(cr_gate_word, 0))
            wait_for_holder(win, attempt.holder, &belief);
        cr_sys(SYS_sched_yield);
    }
    cr_gate_call.about = NULL;
    if (__builtin_expect(cr_gate_word, 0))
        cr_clock_progressed();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return rc;
}

/* RANK: MPI_ANY_SOURCE for all. What was done under the lock is done everywhere before it is given back. */
static int release(struct cr_window *win, int rank, enum cr_window_lock how)
{
    MPI_Win data = (MPI_Win)win->keyed.handle.real;
    uint64_t old;
    uint64_t fs;
    int rc;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    fs = cr_lower_enter();
    if (rank == MPI_ANY_SOURCE)
        rc = CR_REAL(Win_flush_all)(data);
    else
        rc = CR_REAL(Win_flush)(rank, data);
    if (rc == MPI_SUCCESS && rank == MPI_ANY_SOURCE && how == CR_WINDOW_SHARED)
        rc = add(win, 0, CR_WINDOW_LOCK_ALL, -1ULL, &old);
    else if (rc == MPI_SUCCESS && how == CR_WINDOW_SHARED)
        rc = add(win, rank, CR_WINDOW_LOCK, -1ULL, &old);
    if (rc == MPI_SUCCESS && how == CR_WINDOW_EXCLUSIVE) {
        rc = add(win, rank, CR_WINDOW_LOCK, -exclusive_of(win), &old);
        if (rc == MPI_SUCCESS)
            rc = add(win, 0, CR_WINDOW_LOCK_ALL, -exclusive_of(win), &old);
    }
    cr_lower_leave(fs);
    return rc;
}

static int wrong_rank(const struct cr_window *win, int rank)
{
    return rank < 0 || rank >= win->comm->size;
}

static int lock(struct cr_window *win, int type, int rank, int assert)
{
    int rc = MPI_SUCCESS;

    if (type != MPI_LOCK_SHARED && type != MPI_LOCK_EXCLUSIVE)
        return MPI_ERR_LOCKTYPE;
    if (rank == MPI_PROC_NULL)
        return MPI_SUCCESS;
    if (wrong_rank(win, rank))
        return MPI_ERR_RANK;
    if (assert != 0 && assert != MPI_MODE_NOCHECK)
        return MPI_ERR_ASSERT;
    if (win->locked[rank] != CR_WINDOW_UNLOCKED)
        return MPI_ERR_RMA_CONFLICT;
    if (win->locked_all || win->access != NULL)
        return MPI_ERR_RMA_SYNC;
    if (!(assert &MPI_MODE_NOCHECK))
        rc = acquire(win, rank, type == MPI_LOCK_EXCLUSIVE);
    if (rc != MPI_SUCCESS)
        return rc;
    win->locked[rank] = assert &MPI_MODE_NOCHECK     ? CR_WINDOW_NOCHECK
                        : type == MPI_LOCK_EXCLUSIVE ? CR_WINDOW_EXCLUSIVE
                                                     : CR_WINDOW_SHARED;
    __atomic_fetch_add(&win->locked_count, 1, __ATOMIC_RELAXED);
    return MPI_SUCCESS;
}

CR_MPI(int, Win_lock, (int lock_type, int rank, int assert, MPI_Win handle))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = win != NULL ? lock(win, lock_type, rank, assert) : MPI_ERR_WIN;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_lock");
}

static int unlock(struct cr_window *win, int rank)
{
    enum cr_window_lock how;

    if (rank == MPI_PROC_NULL)
        return MPI_SUCCESS;
    if (wrong_rank(win, rank))
        return MPI_ERR_RANK;
    how = win->locked[rank];
    if (how == CR_WINDOW_UNLOCKED)
        return MPI_ERR_RMA_SYNC;
    win->locked[rank] = CR_WINDOW_UNLOCKED;
    __atomic_fetch_sub(&win->locked_count, 1, __ATOMIC_RELAXED);
    return release(win, rank, how);
}

CR_MPI(int, Win_unlock, (int rank, MPI_Win handle))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = win != NULL ? unlock(win, rank) : MPI_ERR_WIN;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_unlock");
}

static int lock_all(struct cr_window *win, int assert)
{
    int rc = MPI_SUCCESS;

    if (assert != 0 && assert != MPI_MODE_NOCHECK)
        return MPI_ERR_ASSERT;
    if (cr_window_has_access(win))
        return MPI_ERR_RMA_SYNC;
    if (!(assert &MPI_MODE_NOCHECK))
        rc = acquire(win, MPI_ANY_SOURCE, 0);
    if (rc == MPI_SUCCESS)
        win->locked_all = assert &MPI_MODE_NOCHECK ? CR_WINDOW_NOCHECK : CR_WINDOW_SHARED;
    return rc;
}

CR_MPI(int, Win_lock_all, (int assert, MPI_Win handle))
{
    struct cr_window *win;
    int rc;

    cr_gate_enter();
    win = cr_window_of(handle);
    rc = win != NULL ? lock_all(win, assert) : MPI_ERR_WIN;
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_lock_all");
}

CR_MPI(int, Win_unlock_all, (MPI_Win handle))
{
    struct cr_window *win;
    int rc = MPI_ERR_WIN, how;

    cr_gate_enter();
    win = cr_window_of(handle);
    if (win != NULL) {
        how = win->locked_all;
        win->locked_all = CR_WINDOW_UNLOCKED;
        rc = how != CR_WINDOW_UNLOCKED ? release(win, MPI_ANY_SOURCE, how) : MPI_ERR_RMA_SYNC;
    }
    cr_gate_leave();
    return cr_raise_win(handle, rc, "MPI_Win_unlock_all");
}
