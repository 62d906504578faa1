/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The event loop of crnode: one thread, one epoll, one event at a time. */
#ifndef CR_LOOP_H
#define CR_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct cr_watch;

/* EVENTS: of epoll. The function may close any watch, its own too. */
typedef void (*cr_watch_fn)(struct cr_watch *watch, uint32_t events);

/* Lies inside the thing that is watched; cr_watch_of() leads back to it. */
struct cr_watch {
    int fd; /* -1: not watched */
    cr_watch_fn ready;
};

#define cr_watch_of(watch, type, member) ((type *)((char *)(watch)-offsetof(type, member)))

struct cr_loop {
    int epoll;
};

/* Returns 0 or -errno. */
int cr_loop_create(struct cr_loop *ret_loop);

/* Calls READY whenever FD has one of EVENTS, until cr_loop_close(). Returns 0 or -errno; FD stays the caller's on failure. */
int cr_loop_add(struct cr_loop *loop, struct cr_watch *watch, int fd, uint32_t events,
                cr_watch_fn ready);

/* Waits for EVENTS instead of those before. */
void cr_loop_change(struct cr_loop *loop, struct cr_watch *watch, uint32_t events);

/* Stops watching and closes the descriptor; nothing if it is not watched. */
void cr_loop_close(struct cr_loop *loop, struct cr_watch *watch);

/* Stops watching. Returns the descriptor, which is the caller's again. */
int cr_loop_release(struct cr_loop *loop, struct cr_watch *watch);

/* Waits for one event, at most until DEADLINE (of cr_loop_now_ms(), INT64_MAX: for ever), and handles it. Returns 0 or -errno. */
int cr_loop_step(struct cr_loop *loop, int64_t deadline);

/* Milliseconds of the monotonic clock. */
int64_t cr_loop_now_ms(void);

#endif
