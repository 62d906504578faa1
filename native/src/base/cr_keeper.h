/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. Between a checkpoint with --tcp=restore and the restart, a process of cr_checkpoint holds the connections to
 * the outside: the keeper. It listens at a name for each, and gives the connection itself to whoever comes and may have it.
 */
#ifndef CR_KEEPER_H
#define CR_KEEPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

/* The name for the socket with NUMBER (SO_COOKIE: unique while the host runs). Returns its length. */
size_t cr_keeper_name(uint64_t number, struct sockaddr_un *ret_name);

/* Gives FD to who has connected at SOCKET. Returns 0 or -errno. */
int cr_keeper_give(int socket, int fd);

/* Takes the connection NUMBER over. Returns a descriptor, or -errno: nobody keeps it. */
int cr_keeper_take(uint64_t number);

#endif
