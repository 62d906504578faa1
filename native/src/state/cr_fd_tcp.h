/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The parts of TCP sockets; private to cr_fd_tcp*.c. */
#ifndef CR_FD_TCP_H
#define CR_FD_TCP_H

#include "cr_fd_socket.h"

/* As in --tcp of the commands and quiesce_wire_TcpPolicy. */
enum { CR_TCP_CLOSE, CR_TCP_ERROR, CR_TCP_RESTORE };

int cr_tcp_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err);
int cr_tcp_complete(struct cr_fd_pool *pool, struct cr_error *err);

/*
 * Both ends of the connection of OWN, with their addresses where these are on this host. RET_FDS: the own end and the other.
 */
int cr_tcp_make_ends(struct cr_arena *scratch, const struct cr_socket *own, int ret_fds[2],
                     struct cr_error *err);

/* Gives FD an address of its own, though old connections may linger at the port. */
long cr_tcp_bind(struct cr_arena *scratch, int fd, const void *address, size_t size);

/*
 * Connects FD from an address (NULL: any) to another one; goes on trying for a while where an old connection between both is in
 * the way.
 */
long cr_tcp_connect(struct cr_arena *scratch, int fd, const void *from, size_t from_size,
                    const void *to, size_t to_size);

#endif
