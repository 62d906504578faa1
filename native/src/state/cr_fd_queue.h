/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. What a socket has received and the program has not read, as a note of its own: a struct cr_queue_head, then
 * COUNT messages, each a struct cr_queue_message with its name and its descriptors (both filled up to a multiple of 8 bytes) and
 * its data behind it, the whole filled up to a multiple of 16. Numbers are little-endian, as everywhere in an image.
 */
#ifndef CR_FD_QUEUE_H
#define CR_FD_QUEUE_H

#include "cr_state_fd.h"

struct cr_queue_head {
    int32_t fd;
    uint32_t count;
    uint64_t size; /* of the data of all messages */
};

enum {
    CR_QUEUE_HAS_CREDENTIALS = 1,
    CR_QUEUE_OWN = 2, /* sent by the process itself */
};

struct cr_queue_message {
    uint32_t size;
    uint16_t name_size; /* of the sender */
    uint16_t rights;    /* descriptors in flight: their numbers, int32_t */
    int32_t pid;
    uint32_t uid;
    uint32_t gid;
    uint32_t flags;
};

/* A message where it lies in the note. */
struct cr_queued {
    struct cr_queue_message head;
    const void *name;
    const int32_t *rights;
    const void *data;
};

struct cr_queue_reader {
    const char *at;
    const char *end;
    uint32_t left;
    uint64_t size; /* as the head says; used only to make room */
};

/* The queue of descriptor FD, or an empty one. */
int cr_queue_open(const struct cr_state *state, int fd, struct cr_queue_reader *ret_reader,
                  struct cr_error *err);
/* Of one note. */
int cr_queue_read_note(const struct cr_note *note, struct cr_queue_reader *ret_reader,
                       struct cr_error *err);
/* Returns 1 with the next message, 0 at the end, or -CR_EDAMAGED. */
int cr_queue_next(struct cr_queue_reader *reader, struct cr_queued *ret_message,
                  struct cr_error *err);
/* For datagrams: all of them, however long they are. */
#define CR_QUEUE_ALL UINT64_MAX
/* For connections that keep the borders of messages: all of them, up to the end of a connection that has ended. */
#define CR_QUEUE_UNTIL_END (UINT64_MAX - 1)

/*
 * Looking from a place (SO_PEEK_OFF) marks an empty message, and a marked one is passed over from then on, unless it is the first.
 * That there are such ones is kept in the socket, so that whoever looks next knows: below zero, the kernel does not use the place.
 */
#define CR_QUEUE_NO_PLACE (-1)
#define CR_QUEUE_HIDES_EMPTY (-2)

/*
 * Looks at what FD has received, SIZE bytes of a stream, and adds the note if there is something. Nothing is taken away.
 * What cannot be saved is refused.
 */
int cr_queue_collect(struct cr_fd_collect *c, const struct cr_open_file *file, uint64_t size,
                     struct cr_error *err);

/*
 * The same for a Unix socket that has received descriptors, which become FLIGHT's: what was seen is left at the end of OUT,
 * from RET_NOTE on. Only cr_fd_flight.c calls this.
 */
struct cr_flight;
int cr_queue_gather(struct cr_fd_collect *c, const struct cr_open_file *file, uint64_t size,
                    struct cr_flight *flight, const struct cr_queue_head **ret_note,
                    struct cr_error *err);

#endif
