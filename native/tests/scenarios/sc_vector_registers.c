/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector registers keep their contents: AVX-512 where the CPU has it, else AVX2. Each thread never
 * lets go of its own.
 */
#include "scenario.h"

#include <pthread.h>
#include <stdint.h>

#define THREADS 4

static volatile int stop;
static volatile int bad[THREADS];

#define LOOP(register_last, mask_code, mask_check)                                                 \
    uint64_t value = 0x1111111111111111UL * (uint64_t)(self + 1);                                  \
    while (!stop) {                                                                                \
        uint64_t first[8] __attribute__((aligned(64)));                                            \
        uint64_t last[8] __attribute__((aligned(64)));                                             \
        uint64_t mask = value;                                                                     \
        __asm__ volatile(mask_code register_last                                                   \
                         : "+r"(mask)                                                              \
                         : "r"(value), "r"(first), "r"(last)                                       \
                         : "xmm7", "xmm15", "rcx", "memory");                                      \
        if (first[0] != value || first[3] != value || last[0] != value || last[3] != value ||      \
            (mask_check))                                                                          \
            bad[self]++;                                                                           \
    }

__attribute__((target("avx512f,avx512bw"))) static void run_avx512(long self)
{
    LOOP("vpbroadcastq %1,%%zmm7\n vpbroadcastq %1,%%zmm15\n mov $200000,%%rcx\n 1: dec %%rcx\n"
         "jnz 1b\n vmovdqu64 %%zmm7,(%2)\n vmovdqu64 %%zmm15,(%3)\n kmovq %%k5,%0\n",
         "kmovq %0,%%k5\n", mask != value)
}

__attribute__((target("avx2"))) static void run_avx2(long self)
{
    LOOP("vmovq %1,%%xmm7\n vpbroadcastq %%xmm7,%%ymm7\n vmovdqa %%ymm7,%%ymm15\n"
         "mov $200000,%%rcx\n 1: dec %%rcx\n jnz 1b\n vmovdqu %%ymm7,(%2)\n vmovdqu %%ymm15,(%3)\n",
         "", mask != value)
}

static void *run(void *argument)
{
    long self = (long)argument;

    if (__builtin_cpu_supports("avx512bw"))
        run_avx512(self);
    else
        run_avx2(self);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    sc_init(argc, argv, "vector registers keep their contents");
    if (!__builtin_cpu_supports("avx2"))
        sc_skip("this CPU has no AVX2");
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run, (void *)i);
    usleep(50000);
    sc_ready();
    sc_wait();
    usleep(50000);
    stop = 1;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        if (bad[i] != 0)
            sc_fail("thread %d found wrong contents %d times", i, bad[i]);
    }
    sc_pass();
}
