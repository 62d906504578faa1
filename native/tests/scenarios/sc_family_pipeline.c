/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. A pipeline of three processes with data in flight. */
#include "sc_family.h"

#define BLOCK 3000

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005UL + 1442695040888963407UL;
    return *state >> 33;
}

__attribute__((noreturn)) static void produce(int out, int report)
{
    static uint8_t block[BLOCK];
    uint64_t state = 1;
    uint64_t blocks = 0;

    for (int after = 0; after < 200; after += sc_may_go()) {
        for (size_t i = 0; i < BLOCK; i++)
            block[i] = (uint8_t)next(&state);
        sc_write_all(out, block, BLOCK);
        blocks++;
    }
    sc_write_all(report, &blocks, sizeof(blocks));
    _exit(0);
}

__attribute__((noreturn)) static void filter(int in, int out)
{
    static uint8_t bytes[777];
    ssize_t n;

    while ((n = read(in, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            bytes[i] ^= 0x5a;
        sc_write_all(out, bytes, (size_t)n);
    }
    _exit(n == 0 ? 0 : 1);
}

/* What comes out of the pipeline is what went in, byte for byte. */
static uint64_t consume(int in)
{
    static uint8_t bytes[1234];
    uint64_t state = 1;
    uint64_t total = 0;
    ssize_t n;

    while ((n = read(in, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            if ((bytes[i] ^ 0x5a) != (uint8_t)next(&state))
                sc_fail("byte %lu is wrong", (unsigned long)total + (unsigned long)i);
        if (total < BLOCK * 20 && total + (uint64_t)n >= BLOCK * 20)
            sc_ready();
        total += (uint64_t)n;
    }
    return total;
}

int main(int argc, char **argv)
{
    int first[2];
    int second[2];
    int report[2];
    uint64_t blocks = 0;
    uint64_t total;
    pid_t producer;
    pid_t filterer;

    sc_init(argc, argv, "a pipeline loses nothing that is in flight");
    if (pipe(first) != 0 || pipe(second) != 0 || pipe(report) != 0)
        return 2;
    producer = fork();
    if (producer == 0) {
        close(first[0]);
        close(second[0]);
        close(second[1]);
        produce(first[1], report[1]);
    }
    close(first[1]);
    filterer = fork();
    if (filterer == 0) {
        close(second[0]);
        filter(first[0], second[1]);
    }
    close(first[0]);
    close(second[1]);
    total = consume(second[0]);
    close(report[1]);
    sc_hear(report[0], &blocks, sizeof(blocks));
    if (total != blocks * BLOCK)
        sc_fail("%lu of %lu bytes came through", (unsigned long)total,
                (unsigned long)(blocks * BLOCK));
    sc_expect_exit(producer, 0);
    sc_expect_exit(filterer, 0);
    sc_pass();
}
