/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. What the kernel tells about sockets that no call on a descriptor does (sock_diag). */
#ifndef CR_FD_DIAG_H
#define CR_FD_DIAG_H

#include "cr_arena.h"
#include "cr_error.h"

#include <stddef.h>
#include <stdint.h>

/* As in the kernel: TCP's names are used for all families. */
enum {
    CR_DIAG_ESTABLISHED = 1,
    CR_DIAG_SYN_SENT = 2,
    CR_DIAG_SYN_RECEIVED = 3,
    CR_DIAG_FIN_WAIT1 = 4,
    CR_DIAG_FIN_WAIT2 = 5,
    CR_DIAG_TIME_WAIT = 6,
    CR_DIAG_CLOSED = 7,
    CR_DIAG_CLOSE_WAIT = 8,
    CR_DIAG_LAST_ACK = 9,
    CR_DIAG_LISTENING = 10,
    CR_DIAG_CLOSING = 11,
};

struct cr_diag_unix {
    int state;
    int shutdown;      /* 1: receives nothing more; 2: sends nothing more */
    int has_peer;      /* its inode may be 0: not accepted yet, or closed */
    uint32_t peer;     /* inode */
    uint32_t received; /* bytes; a listening socket: connections that wait */
    uint32_t backlog;  /* of a listening socket */
    int has_file;
    uint32_t file_inode;
    const uint32_t *waiting; /* inodes of the clients that wait */
    size_t waiting_count;
};

/* About the Unix socket with this inode. Returns 0, -ENOENT if there is none in this network namespace, or a negative code. */
int cr_diag_unix(struct cr_arena *arena, uint32_t inode, struct cr_diag_unix *ret_info,
                 struct cr_error *err);

/* The listening Unix socket at which the client INODE waits, 0: none. Or a negative code. */
int64_t cr_diag_unix_listener(struct cr_arena *arena, uint32_t inode, struct cr_error *err);

/* Of a TCP socket. */
struct cr_diag_tcp {
    int family;
    int state;
    int shutdown;
    uint32_t inode; /* 0: nobody has it: not accepted yet, or closed */
    uint32_t unread;
    uint32_t unacknowledged; /* sent, or waiting to be sent; the end of the stream counts as one */
    uint8_t local[28];       /* struct sockaddr_in or sockaddr_in6 */
    uint8_t remote[28];
    size_t address_size;
};

/*
 * About the TCP socket with these two addresses (or the one that listens at LOCAL). Returns 0, -ENOENT if there is none in
 * this network namespace, or a negative code.
 */
union cr_socket_address;
int cr_diag_tcp(struct cr_arena *arena, const union cr_socket_address *local,
                const union cr_socket_address *remote, struct cr_diag_tcp *ret_info,
                struct cr_error *err);

/* Calls EACH for all TCP sockets of FAMILY in one of STATES (bits) with local PORT (network order; 0: any). */
typedef void cr_diag_tcp_fn(const struct cr_diag_tcp *info, void *argument);
int cr_diag_tcp_each(struct cr_arena *arena, int family, uint32_t states, uint16_t port,
                     cr_diag_tcp_fn *each, void *argument, struct cr_error *err);

/*
 * Ends the old connections at a local PORT that nobody has any more and that only linger. Does nothing without the right
 * to do so (CAP_NET_ADMIN), or where the kernel cannot.
 */
void cr_diag_tcp_clear(struct cr_arena *arena, int family, uint16_t port);

#endif
