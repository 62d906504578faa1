/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_reply.h"

#include "cr_handle_reply.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int reply_fd = -1;

int cr_reply_init(void)
{
    const char *text = getenv(CR_REPLY_VARIABLE);

    if (text == NULL)
        return 0;
    reply_fd = atoi(text);
    unsetenv(CR_REPLY_VARIABLE);
    return fcntl(reply_fd, F_SETFD, FD_CLOEXEC) == 0;
}

void cr_reply_send(int error, int value, const char *text)
{
    struct cr_handle_reply reply = {.magic = CR_HANDLE_MAGIC, .error = error, .value = value};

    if (reply_fd < 0)
        return;
    snprintf(reply.text, sizeof(reply.text), "%s", text);
    send(reply_fd, &reply, offsetof(struct cr_handle_reply, text) + strlen(reply.text),
         MSG_NOSIGNAL);
}
