/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Reading queues of sockets from an image. */
#include "cr_fd_queue.h"

#include <string.h>

#define UP(x, to) (((x) + (to)-1) & ~(size_t)((to)-1))

static int fail(struct cr_error *err)
{
    return cr_fail(err, CR_EDAMAGED, "what a socket had received is cut short in the image");
}

int cr_queue_read_note(const struct cr_note *note, struct cr_queue_reader *ret_reader,
                       struct cr_error *err)
{
    struct cr_queue_head head;

    if (note->size < sizeof(head))
        return fail(err);
    memcpy(&head, note->data, sizeof(head));
    ret_reader->at = (const char *)note->data + sizeof(head);
    ret_reader->end = (const char *)note->data + note->size;
    ret_reader->left = head.count;
    ret_reader->size = head.size;
    return 0;
}

static int is_of(const struct cr_note *note, int fd)
{
    struct cr_queue_head head;

    if (note->type != quiesce_image_NoteType_NOTE_SOCKET_QUEUE || note->size < sizeof(head))
        return 0;
    memcpy(&head, note->data, sizeof(head));
    return head.fd == fd;
}

int cr_queue_open(const struct cr_state *state, int fd, struct cr_queue_reader *ret_reader,
                  struct cr_error *err)
{
    const struct cr_note *note = state->first;

    *ret_reader = (struct cr_queue_reader){0};
    while (note != NULL && !is_of(note, fd))
        note = note->next;
    return note != NULL ? cr_queue_read_note(note, ret_reader, err) : 0;
}

int cr_queue_next(struct cr_queue_reader *reader, struct cr_queued *ret_message,
                  struct cr_error *err)
{
    size_t left = (size_t)(reader->end - reader->at);
    size_t name;
    size_t rights;
    size_t total;

    if (reader->left == 0)
        return 0;
    if (left < sizeof(ret_message->head))
        return fail(err);
    memcpy(&ret_message->head, reader->at, sizeof(ret_message->head));
    name = UP((size_t)ret_message->head.name_size, 8);
    rights = UP((size_t)ret_message->head.rights * sizeof(int32_t), 8);
    total = sizeof(ret_message->head) + name + rights + ret_message->head.size;
    if (total > left || ret_message->head.name_size > 128)
        return fail(err);
    ret_message->name = reader->at + sizeof(ret_message->head);
    ret_message->rights = (const void *)(reader->at + sizeof(ret_message->head) + name);
    ret_message->data = reader->at + sizeof(ret_message->head) + name + rights;
    total = UP(total, 16);
    reader->at += total < left ? total : left;
    reader->left--;
    return 1;
}
