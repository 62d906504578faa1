/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Refused by name, and the program goes on. refused: is a performance counter */
#include "scenario.h"

#include <linux/perf_event.h>

int main(int argc, char **argv)
{
    int fd = (int)syscall(SYS_perf_event_open,
                          &(struct perf_event_attr){.type = PERF_TYPE_SOFTWARE,
                                                    .size = sizeof(struct perf_event_attr),
                                                    .config = PERF_COUNT_SW_TASK_CLOCK,
                                                    .exclude_kernel = 1},
                          0, -1, -1, 0);

    sc_init(argc, argv, "a performance counter is refused");
    if (fd < 0)
        sc_skip("this machine does not give us a performance counter");
    sc_ready();
    sc_wait();
    if (close(fd) != 0)
        sc_fail("the descriptor is gone");
    sc_pass();
}
