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
enum { CR_DIAG_ESTABLISHED = 1, CR_DIAG_CLOSED = 7, CR_DIAG_LISTENING = 10 };

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

#endif
