/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Terabytes of address space that are reserved cost nothing, and the few pages in them are kept. */
#include "memory.h"

#define TERA (1UL << 40)

int main(int argc, char **argv)
{
    char *reserve, *none;

    sc_init(argc, argv, "reservations of terabytes are kept");
    reserve =
        mem_map(8 * TERA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    none = mem_map(4 * TERA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    for (size_t i = 0; i < 8; i++)
        mem_fill(reserve + i * TERA + 12345 * PAGE, PAGE, (unsigned)i);
    mprotect(none + TERA, PAGE, PROT_READ | PROT_WRITE);
    mem_fill(none + TERA, PAGE, 9);
    sc_ready();
    sc_wait();
    for (size_t i = 0; i < 8; i++)
        mem_check("reservation", reserve + i * TERA + 12345 * PAGE, PAGE, (unsigned)i);
    mem_check("inside a reservation", none + TERA, PAGE, 9);
    mem_check_zero("untouched", reserve + 3 * TERA, PAGE);
    mem_want_flag("reservation", reserve, "nr");
    reserve[8 * TERA - 1] = 1;
    sc_pass();
}
