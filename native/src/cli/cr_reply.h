/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Commands that work for a request of a program: see cr_handle_reply.h. */
#ifndef CR_REPLY_H
#define CR_REPLY_H

/* Takes the descriptor out of the environment, so that nothing that the command starts has it. Returns 1 if there is one. */
int cr_reply_init(void);

/* Tells the end: ERROR 0 is success. Does nothing if nobody waits for it. */
void cr_reply_send(int error, int value, const char *text);

#endif
