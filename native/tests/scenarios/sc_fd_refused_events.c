/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Events of inotify can only be seen by taking them. refused: events that nobody has read */
#include "scenario.h"

#include <sys/inotify.h>

int main(int argc, char **argv)
{
    char buffer[1024];
    int fd = inotify_init1(IN_NONBLOCK);

    sc_init(argc, argv, "inotify events that nobody has read are refused");
    if (inotify_add_watch(fd, sc_directory, IN_CREATE) < 0)
        sc_fail("inotify_add_watch");
    sc_ready(); /* makes a file */
    sc_wait();
    if (read(fd, buffer, sizeof(buffer)) <= 0)
        sc_fail("the events are lost");
    sc_pass();
}
