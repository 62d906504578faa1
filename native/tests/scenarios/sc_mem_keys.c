/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with a protection key is refused. refused: protection key */
#include "memory.h"

int main(int argc, char **argv)
{
    char *memory;
    int key;

    sc_init(argc, argv, "memory with a protection key is refused by name");
    memory = mem_private(8 * PAGE);
    key = pkey_alloc(0, 0);
    if (key < 0 || pkey_mprotect(memory, 8 * PAGE, PROT_READ | PROT_WRITE, key) != 0)
        sc_skip("this CPU has no protection keys");
    sc_ready();
    sc_wait();
    sc_pass();
}
