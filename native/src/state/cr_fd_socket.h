/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What sockets of all families have in common. At a restart each socket is first made by itself or with its
 * other end, and kept in the pool as a struct cr_socket; when all of them stand, they are connected, filled and shut down.
 */
#ifndef CR_FD_SOCKET_H
#define CR_FD_SOCKET_H

#include "cr_state_descriptors_parts.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union cr_socket_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* A socket of an image while it is made again. */
struct cr_socket {
    quiesce_image_Socket *note;
    const struct cr_state *state; /* with the notes of its process */
    uint64_t device, inode;       /* as in the image */
    uint32_t status_flags;        /* F_GETFL */
    int fd;                       /* the pool's own descriptor of it */
    int other;                    /* its other end, where that is nobody's; -1 */
    int is_bound;
    int is_pair; /* made with its partner */
    int is_done; /* connected */
};

/* An integer option of the socket, -1: it has none. */
int cr_socket_option(int fd, int level, int name);
int cr_socket_set(int fd, int level, int name, int value);

/* What every family's note has: fd, family, type, protocol, names, options. Refuses a socket with a packet filter. */
int cr_socket_collect(struct cr_fd_collect *c, const struct cr_open_file *file,
                      quiesce_image_Socket *s);

/* The options into S, whose family and type are known. */
void cr_socket_options_collect(int fd, quiesce_image_Socket *s);
/* Gives FD those of S that differ. */
int cr_socket_options_put_back(int fd, const quiesce_image_Socket *s, struct cr_error *err);
/* Room for all that is going to be sent through FD, until the options are put back. */
void cr_socket_make_room(int fd, uint64_t size);
/* Room for all that FD is going to receive. */
void cr_socket_make_room_here(int fd, uint64_t size);
/* Those that decide who may have an address. */
void cr_socket_options_before_bind(int fd, const quiesce_image_Socket *s);

/* The multicast groups that FD is in, into S; and joins them again. */
int cr_groups_collect(struct cr_fd_collect *c, int fd, quiesce_image_Socket *s);
int cr_groups_put_back(int fd, const quiesce_image_Socket *s, struct cr_error *err);

/* Adds the note. */
int cr_socket_add(struct cr_fd_collect *c, const quiesce_image_Socket *s, struct cr_error *err);

/*
 * The note of D in the pool's memory, as a new entry of the pool (fd -1). Returns 0 or a negative code. Other entries with
 * the same inode have no note: they were made with their other end.
 */
int cr_socket_enter(struct cr_fd_create *c, const quiesce_image_Descriptor *d,
                    struct cr_socket **ret_socket, struct cr_error *err);
/* The note of descriptor FD, in ARENA; NULL with ERR if there is none. */
quiesce_image_Socket *cr_socket_note(const struct cr_state *state, int fd, struct cr_arena *arena,
                                     struct cr_error *err);
/* The entry of DEVICE and INODE, or NULL. */
struct cr_socket *cr_socket_find(const struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                 uint64_t inode);
/* A new entry without a note for a socket FD (which the pool closes), or NULL. */
struct cr_socket *cr_socket_keep(struct cr_fd_pool *pool, uint32_t kind, uint64_t device,
                                 uint64_t inode, int fd);
/* FD is from now on the pool's descriptor of S. */
void cr_socket_hold(struct cr_fd_pool *pool, uint32_t kind, struct cr_socket *s, int fd);
/* Closes it. */
void cr_socket_release(struct cr_fd_pool *pool, uint32_t kind, struct cr_socket *s);
/* Another descriptor of S for the process, from FLOOR on. */
int cr_socket_give(const struct cr_fd_create *c, const struct cr_socket *s, struct cr_error *err);

/* Calls EACH for the sockets of KIND in the pool that have notes. */
typedef int cr_socket_each_fn(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err);
int cr_socket_each(struct cr_fd_pool *pool, uint32_t kind, cr_socket_each_fn *each,
                   struct cr_error *err);

/*
 * Where several processes of a request have an object that is changed by looking into it, they look one after the other. The
 * lock is a name that only one can have at a time. Returns a descriptor to close, -1: nobody else looks.
 */
int cr_look_lock(const struct cr_fd_collect *c, const char *what, uint64_t number);

/* ADDRESS in words, for errors. */
void cr_socket_address_text(const void *address, size_t size, char *out, size_t out_size);

#endif
