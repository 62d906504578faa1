/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The parts of Unix sockets; private to cr_fd_unix*.c. */
#ifndef CR_FD_UNIX_H
#define CR_FD_UNIX_H

#include "cr_fd_socket.h"

enum { CR_UNIX_NO_RECEIVING = 1, CR_UNIX_NO_SENDING = 2 };

#define CR_UNIX_PATH_SIZE 128

/* Is the address a path (not abstract, not empty)? */
int cr_unix_is_path(const uint8_t *name, size_t size);
void cr_unix_path(const uint8_t *name, size_t size, char out[CR_UNIX_PATH_SIZE]);

/*
 * Gives FD the address NAME of S; a file that a socket left behind which is no more is replaced. Relative paths are those of
 * S's directory.
 */
int cr_unix_bind(int fd, const quiesce_image_Socket *s, const void *name, size_t size,
                 struct cr_error *err);
/* connect() of FD and sendmsg() with NAME, a relative path being of S's directory. Return what the calls return. */
long cr_unix_connect(int fd, const quiesce_image_Socket *s, const void *name, size_t size);
long cr_unix_send(int fd, const quiesce_image_Socket *s, const struct msghdr *message);
/* Removes the file of NAME if it is a path. */
void cr_unix_unlink(const quiesce_image_Socket *s, const void *name, size_t size);
/* Gives the file of S its mode and owner again, or removes it if it had none. */
int cr_unix_file_put_back(const quiesce_image_Socket *s, struct cr_error *err);

int cr_unix_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err);
int cr_unix_complete(struct cr_fd_pool *pool, struct cr_error *err);

int cr_unix_finish(struct cr_state *state, const quiesce_image_Descriptor *d, struct cr_error *err);

/* Sends what S had received, so that it has received it again. */
int cr_unix_fill(struct cr_fd_pool *pool, struct cr_socket *s, struct cr_error *err);

#endif
