/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The C library waits for children of its own: a command of system(), and one behind popen(). */
#include "sc_family.h"

#include <stdlib.h>

static void expect(const char *call, int status)
{
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
        sc_fail("%s gives %#x: %s", call, status, strerror(errno));
}

int main(int argc, char **argv)
{
    char command[700];
    FILE *stream;

    sc_init(argc, argv, "system() and popen() while a command runs");
    snprintf(command, sizeof(command), "until test -e %s/go; do sleep 0.01; done; exit 7",
             sc_directory);
    stream = popen(command, "r");
    if (stream == NULL)
        sc_fail("popen: %s", strerror(errno));
    sc_ready();
    expect("system()", system(command));
    expect("pclose()", pclose(stream));
    sc_pass();
}
