/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Refused by name, and the program goes on. refused: is a BPF object */
#include "scenario.h"

#include <linux/bpf.h>

int main(int argc, char **argv)
{
    int fd = (int)syscall(
        SYS_bpf, BPF_MAP_CREATE,
        &(union bpf_attr){
            .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1},
        sizeof(union bpf_attr));

    sc_init(argc, argv, "a BPF map is refused");
    if (fd < 0)
        sc_skip("this machine does not give us a BPF map");
    sc_ready();
    sc_wait();
    if (close(fd) != 0)
        sc_fail("the descriptor is gone");
    sc_pass();
}
