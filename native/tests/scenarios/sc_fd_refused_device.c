/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Refused by name, and the program goes on. refused: is a device */
#include "scenario.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
    int fd = (int)open("/dev/kmsg", O_RDONLY);

    sc_init(argc, argv, "a device is refused");
    if (fd < 0)
        sc_skip("this machine does not give us a device");
    sc_ready();
    sc_wait();
    if (close(fd) != 0)
        sc_fail("the descriptor is gone");
    sc_pass();
}
