/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Refused by name, and the program goes on. refused: is an io_uring instance */
#include "scenario.h"

int main(int argc, char **argv)
{
    int fd = (int)syscall(SYS_io_uring_setup, 8, (unsigned char[120]){0});

    sc_init(argc, argv, "io_uring is refused");
    if (fd < 0)
        sc_skip("this machine does not give us io_uring");
    sc_ready();
    sc_wait();
    if (close(fd) != 0)
        sc_fail("the descriptor is gone");
    sc_pass();
}
