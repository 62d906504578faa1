/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Pseudoterminals whose master a process of the request has. */
#ifndef CR_FD_PTY_H
#define CR_FD_PTY_H

#include "cr_state_fd.h"

/* As the kernel has them; the C library's are others. */
struct cr_termios {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line;
    uint8_t cc[19];
    uint32_t ispeed, ospeed;
};

/* The number of a pseudoterminal's slave by the device number of /proc/PID/stat; -1: it is none. */
int cr_pty_index_of(uint32_t tty);

/*
 * Among the objects that other processes have open, a master is known by this device and inode, for all masters are one file.
 */
#define CR_PTY_MASTER_DEVICE UINT64_MAX

/* A descriptor of the slave with this number, which the pool made; -1: there is none. */
int cr_pty_slave_of(const struct cr_fd_pool *pool, int index);

int cr_pty_create(struct cr_fd_create *c, const quiesce_image_Descriptor *d, struct cr_error *err);
int cr_pty_complete(struct cr_fd_pool *pool, struct cr_error *err);

/* Puts BYTES into the pseudoterminal as if they had been typed (INPUT) or written, and leaves its modes as they are. Returns 0 or -errno. */
int cr_pty_put(int master, int slave, int input, const void *bytes, size_t size);

/* Reads what the master (or, when NOT canonical, the slave) has to give, at most SIZE bytes. Returns how many. */
size_t cr_pty_take(int fd, void *bytes, size_t size);

#endif
