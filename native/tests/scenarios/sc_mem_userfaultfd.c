/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that a userfaultfd watches cannot be saved: its faults belong to somebody else. refused: userfaultfd */
#include "memory.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register watch = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    char *memory;
    int fd;

    sc_init(argc, argv, "memory watched by a userfaultfd is refused by name");
    memory = mem_private(8 * PAGE);
    watch.range.start = (unsigned long)memory;
    watch.range.len = 8 * PAGE;
    fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &watch) != 0)
        sc_skip("no userfaultfd here");
    sc_ready();
    sc_wait();
    sc_pass();
}
