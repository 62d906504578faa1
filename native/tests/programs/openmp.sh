# shellcheck shell=bash disable=SC2034 # variables are read by run.sh
# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

needs=(gcc)
setup() {
    cat >omp.c <<'END'
#include <omp.h>
#include <stdio.h>
int main(void)
{
    unsigned long sum = 0;
    omp_set_num_threads(4);
    for (int round = 0; round < 900; round++) {
#pragma omp parallel for reduction(+ : sum) schedule(dynamic, 1000)
        for (unsigned long i = 0; i < 400000; i++) {
            unsigned long x = i + (unsigned long)round;
            for (int k = 0; k < 8; k++)
                x = x * 6364136223846793005UL + 1442695040888963407UL;
            sum += x >> 20;
        }
    }
    printf("%lu\n", sum);
    return 0;
}
END
    gcc -O2 -fopenmp -o omp omp.c
}
job=(./omp)
