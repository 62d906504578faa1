/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Refused by name, and the program goes on. refused: is a Landlock ruleset */
#include "scenario.h"

#include <stdint.h>

int main(int argc, char **argv)
{
    int fd = (int)syscall(444 /* landlock_create_ruleset */, &(uint64_t){1}, 8, 0);

    sc_init(argc, argv, "a Landlock ruleset is refused");
    if (fd < 0)
        sc_skip("this machine does not give us a Landlock ruleset");
    sc_ready();
    sc_wait();
    if (close(fd) != 0)
        sc_fail("the descriptor is gone");
    sc_pass();
}
