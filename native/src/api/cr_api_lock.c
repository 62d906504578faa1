/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal, and signal handlers. Spin locks. */
#include "cr_api.h"

#include <sched.h>

#define SPINS 100

CR_EXPORT void cr_spinlock_init(cr_spinlock_t *lock)
{
    __atomic_store_n(lock, CR_SPINLOCK_INITIALIZER, __ATOMIC_RELEASE);
}

CR_EXPORT int cr_spinlock_trylock(cr_spinlock_t *lock)
{
    return __atomic_exchange_n(lock, 1U, __ATOMIC_ACQUIRE) == 0;
}

CR_EXPORT void cr_spinlock_lock(cr_spinlock_t *lock)
{
    for (int i = 0; !cr_spinlock_trylock(lock); i++)
        if (i >= SPINS)
            sched_yield();
}

CR_EXPORT void cr_spinlock_unlock(cr_spinlock_t *lock)
{
    __atomic_store_n(lock, 0U, __ATOMIC_RELEASE);
}
