/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Messages can only be seen by taking them. refused: receive them before the checkpoint */
#include "scenario.h"

#include <fcntl.h>
#include <mqueue.h>

int main(int argc, char **argv)
{
    char name[64], buffer[8192];
    mqd_t queue;

    sc_init(argc, argv, "a message queue with messages is refused");
    snprintf(name, sizeof(name), "/quiesce-refused-%d", getpid());
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
    if (queue < 0)
        sc_skip("this machine has no POSIX message queues");
    mq_unlink(name);
    mq_send(queue, "kept", 4, 1);
    sc_ready();
    sc_wait();
    if (mq_receive(queue, buffer, sizeof(buffer), NULL) != 4 || memcmp(buffer, "kept", 4) != 0)
        sc_fail("the message is lost");
    sc_pass();
}
