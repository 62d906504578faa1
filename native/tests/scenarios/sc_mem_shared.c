/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory without a path: two places of one object, a part that was unmapped, one that was moved, a memfd whose
 * descriptor is closed.
 */
#include "memory.h"

int main(int argc, char **argv)
{
    char *whole, *part, *moved, *twice, *again;
    int fd;

    sc_init(argc, argv, "shared memory without a path keeps contents and identity");
    whole = mem_map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    part = mem_map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    moved = mem_map(32 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    fd = memfd_create("twice", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 16 * PAGE) != 0)
        sc_fail("memfd_create");
    twice = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    again = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * PAGE);
    close(fd);
    mem_fill(whole, 64 * PAGE, 1);
    mem_fill(part, 64 * PAGE, 2);
    mem_fill(moved, 32 * PAGE, 3);
    mem_fill(twice, 16 * PAGE, 4);
    munmap(part, 16 * PAGE);
    munmap(part + 24 * PAGE, 8 * PAGE);
    moved = mremap(moved, 32 * PAGE, 48 * PAGE, MREMAP_MAYMOVE);
    sc_ready();
    sc_wait();
    mem_check("shared", whole, 64 * PAGE, 1);
    mem_check("moved", moved, 32 * PAGE, 3);
    mem_check("memfd", twice, 16 * PAGE, 4);
    for (size_t i = 16; i < 64; i++) {
        if (i < 24 || i >= 32) {
            const uint32_t *word = (const uint32_t *)(part + i * PAGE);
            if (*word != ((uint32_t)(i * PAGE * 2654435761U) ^ (2 * 40503U)))
                sc_fail("a part of shared memory has changed at page %zu", i);
        }
    }
    twice[5 * PAGE] = 'x';
    if (again[1 * PAGE] != 'x')
        sc_fail("two places of one object have become two objects");
    if (fork() == 0) {
        whole[0] = 'c';
        _exit(0);
    }
    for (int i = 0; i < 5000 && *(volatile char *)whole != 'c'; i++)
        usleep(1000);
    if (whole[0] != 'c')
        sc_fail("shared memory is not shared with a child");
    sc_pass();
}
