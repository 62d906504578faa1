/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that is killed with its checkpoint has not run on after it: what it has in memory and what it has written to a file
 * are the same. (A database that was killed in a tree came back with pages that were newer than its memory.) The second restart
 * from one image finds the file as the first has left it.
 * modes: continue restart generation2
 */
#include "scenario.h"

#include <fcntl.h>
#include <stdint.h>

int main(int argc, char **argv)
{
    volatile uint64_t counter = 0;
    uint64_t written = 0;
    char path[600];
    struct stat st;
    int fd;

    sc_init(argc, argv, "memory and file agree");
    snprintf(path, sizeof(path), "%s/counter", sc_directory);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    pwrite(fd, &written, sizeof(written), 0);
    sc_ready();
    snprintf(path, sizeof(path), "%s/go", sc_directory);
    for (int round = 0; round < 2000 || stat(path, &st) != 0; round++) {
        uint64_t next = counter + 1;

        if (pread(fd, &written, sizeof(written), 0) != (ssize_t)sizeof(written) ||
            written != counter)
            sc_fail("the file says %lu and memory %lu", written, (unsigned long)counter);
        if (pwrite(fd, &next, sizeof(next), 0) != (ssize_t)sizeof(next))
            sc_fail("cannot write");
        counter = next;
    }
    sc_pass();
}
