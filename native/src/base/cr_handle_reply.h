/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. How a command that works for a request of a program (libcr.h) tells the end of it: one packet on the
 * SOCK_SEQPACKET descriptor whose number stands in the environment.
 */
#ifndef CR_HANDLE_REPLY_H
#define CR_HANDLE_REPLY_H

#include <stdint.h>

#define CR_REPLY_VARIABLE "QUIESCE_REPLY_FD"

#define CR_HANDLE_MAGIC 0x484c5151U
#define CR_HANDLE_TEXT_MAX 4000

/* TEXT is as long as the packet says. */
struct cr_handle_reply {
    uint32_t magic;
    int32_t error; /* positive; 0: success */
    int32_t value; /* a pid, for restarts */
    uint32_t reserved;
    char text[CR_HANDLE_TEXT_MAX];
};

#endif
