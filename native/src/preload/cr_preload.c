/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. What happens when libcr.so is loaded into a program, and when that forks. */
#include "cr_preload.h"
#include "cr_agent.h"
#include "cr_fault.h"
#include "cr_forks.h"
#include "cr_freeze.h"
#include "cr_preload_notify.h"
#include "cr_state_cputime.h"
#include "cr_state_sandbox.h"
#include "cr_sys.h"
#include "cr_sysv.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc 2.35 and later say where each thread's rseq area is. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static void forked(void)
{
    cr_forks_child();
    cr_sysv_forked();
    cr_cputime_forked();
    cr_preload_notify_forked();
    cr_agent_forked();
}

/* The application may have been started with the signal blocked. */
static void unblock_signal(void)
{
    const uint64_t wake = CR_PRELOAD_SIGNAL_BIT;

    cr_sys(SYS_rt_sigprocmask, SIG_UNBLOCK, &wake, 0, 8);
}

/* Loaded by dlopen() into a running program, our functions are behind those of libc. */
static void look_for_wrappers(void)
{
    if (dlsym(RTLD_DEFAULT, "getpid") == cr_preload_next("getpid"))
        cr_freeze_set_unwrapped();
}

/* Where two of our libraries are loaded, both call that of the first one. */
CR_WRAPPER void cr_agent_load(void)
{
    static int loaded;
    int rc;

    if (loaded)
        return;
    loaded = 1;
    if (&__rseq_size != NULL)
        cr_thread_set_rseq(__rseq_offset, __rseq_size);
    cr_fault_init(getenv("CR_FAULT"));
    cr_preload_resolve();
    look_for_wrappers();
    cr_sandbox_begin();
    rc = cr_agent_start();
    if (rc < 0) {
        fprintf(stderr,
                "libcr: cannot start the checkpoint agent: %s; the program runs on without\n",
                strerror(-rc));
        return;
    }
    unblock_signal();
    pthread_atfork(cr_forks_begin, cr_forks_end, forked);
}

__attribute__((constructor)) static void load(void)
{
    cr_agent_load();
}
