/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread with a filter for system calls is refused before it is stopped.
 * refused: seccomp filter
 */
#include "scenario.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

static volatile int ready;

/* Any other thread goes free; this one may not even get its own id. */
static void *sandboxed(void *unused)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {4, code};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ready = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? 1 : -1;
    for (;;)
        pause();
    return unused;
}

int main(int argc, char **argv)
{
    sc_init(argc, argv, "A thread with a filter for system calls is refused before it is stopped.");
    pthread_t thread;

    pthread_create(&thread, NULL, sandboxed, NULL);
    while (ready == 0)
        usleep(1000);
    if (ready < 0)
        sc_skip("the kernel has no seccomp filters");
    sc_ready();
    sc_wait();
    sc_pass();
}
