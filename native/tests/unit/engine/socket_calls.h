/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocking calls on sockets, for test_blocking_calls.c. Each returns 0 if it ended as it should: those with a timeout after 1.2 s,
 * the others after socket_calls_satisfy().
 */
#ifndef SOCKET_CALLS_H
#define SOCKET_CALLS_H

/* Before any of the calls; exits on failure. */
void socket_calls_make_objects(void);

/* Lets those end that wait for something; exits on failure. */
void socket_calls_satisfy(void);

long call_recv(void);
long call_recv_timed(void);
long call_read_timed(void);
long call_recvmsg_inside(void);
long call_accept_timed(void);
long call_send_timed(void);
long call_recv_in_time(void);
long call_accept(void);

#endif
