/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Handles of requests, for checkpoints and restarts alike; as the functions of libcr.h. */
#ifndef CR_API_HANDLE_H
#define CR_API_HANDLE_H

#include <sys/time.h>

int cr_handle_wait(const unsigned long *handle, const struct timeval *timeout);
int cr_handle_log(const unsigned long *handle, unsigned int length, char *buffer);
int cr_handle_reap(unsigned long *handle);
int cr_handle_poll(unsigned long *handle, const struct timeval *timeout, char **message);

#endif
