/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from outside: the kernel's list of areas, ELF headers in a program's memory, and the notes of an image. The first
 * byte chooses which; of a note, it is the type.
 */
#include "cr_fd_epoll.h"
#include "cr_fd_inotify.h"
#include "cr_fd_pipe.h"
#include "cr_fd_queue.h"
#include "cr_state_mapped.h"
#include "cr_state_memory_parts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define IS_MAPS 100
#define IS_ELF 101
#define IS_EPOLL 102
#define IS_INOTIFY 103

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static union {
    quiesce_image_Areas areas;
    quiesce_image_Guards guards;
    quiesce_image_MappedFiles files;
    quiesce_image_Mm mm;
    quiesce_image_Descriptors descriptors;
    quiesce_image_Signals signals;
    quiesce_image_Timers timers;
    quiesce_image_Process process;
    quiesce_image_Socket socket;
    quiesce_image_Pty pty;
    quiesce_image_Pipe pipe;
    quiesce_image_EventFd event;
    quiesce_image_SignalFd signal;
    quiesce_image_TimerFd timer;
    quiesce_image_Epoll epoll;
    quiesce_image_Content content;
    quiesce_image_PidFd pidfd;
    quiesce_image_FileOwner owner;
    quiesce_image_Locks locks;
    quiesce_image_Queue queue;
    quiesce_image_Inotify inotify;
} message;

/* A buffer of just this size, so that a read behind its end is seen. */
static void take_maps(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    char *at = text;
    struct cr_maps_line line;
    int rc;

    if (text == NULL)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    while ((rc = cr_maps_next(&at, &line)) > 0) {
        if (line.start >= line.end || at > text + size || line.name > at)
            abort();
    }
    free(text);
}

static void take_elf(const uint8_t *data, size_t size)
{
    uint8_t id[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, data, size) == (ssize_t)size &&
        cr_mapped_build_id(fd, 0, id, sizeof(id)) > sizeof(id))
        abort();
    if (fd >= 0)
        close(fd);
}

static const pb_msgdesc_t *descriptor_fields_of(uint8_t type)
{
    switch (type) {
    case quiesce_image_NoteType_NOTE_PIPE:
        return quiesce_image_Pipe_fields;
    case quiesce_image_NoteType_NOTE_EVENTFD:
        return quiesce_image_EventFd_fields;
    case quiesce_image_NoteType_NOTE_SIGNALFD:
        return quiesce_image_SignalFd_fields;
    case quiesce_image_NoteType_NOTE_TIMERFD:
        return quiesce_image_TimerFd_fields;
    case quiesce_image_NoteType_NOTE_EPOLL:
        return quiesce_image_Epoll_fields;
    case quiesce_image_NoteType_NOTE_CONTENT:
        return quiesce_image_Content_fields;
    case quiesce_image_NoteType_NOTE_PIDFD:
        return quiesce_image_PidFd_fields;
    case quiesce_image_NoteType_NOTE_FILE_OWNER:
        return quiesce_image_FileOwner_fields;
    case quiesce_image_NoteType_NOTE_LOCKS:
        return quiesce_image_Locks_fields;
    case quiesce_image_NoteType_NOTE_QUEUE:
        return quiesce_image_Queue_fields;
    case quiesce_image_NoteType_NOTE_INOTIFY:
        return quiesce_image_Inotify_fields;
    default:
        return NULL;
    }
}

static const pb_msgdesc_t *fields_of(uint8_t type)
{
    switch (type) {
    case quiesce_image_NoteType_NOTE_AREAS:
        return quiesce_image_Areas_fields;
    case quiesce_image_NoteType_NOTE_GUARDS:
        return quiesce_image_Guards_fields;
    case quiesce_image_NoteType_NOTE_MAPPED_FILES:
        return quiesce_image_MappedFiles_fields;
    case quiesce_image_NoteType_NOTE_MM:
        return quiesce_image_Mm_fields;
    case quiesce_image_NoteType_NOTE_DESCRIPTORS:
        return quiesce_image_Descriptors_fields;
    case quiesce_image_NoteType_NOTE_SIGNALS:
        return quiesce_image_Signals_fields;
    case quiesce_image_NoteType_NOTE_TIMERS:
        return quiesce_image_Timers_fields;
    case quiesce_image_NoteType_NOTE_PROCESS:
        return quiesce_image_Process_fields;
    case quiesce_image_NoteType_NOTE_SOCKET:
        return quiesce_image_Socket_fields;
    case quiesce_image_NoteType_NOTE_LIMITS:
        return quiesce_image_Limits_fields;
    case quiesce_image_NoteType_NOTE_CREDENTIALS:
        return quiesce_image_Credentials_fields;
    case quiesce_image_NoteType_NOTE_PENDING:
        return quiesce_image_PendingSignals_fields;
    case quiesce_image_NoteType_NOTE_PTY:
        return quiesce_image_Pty_fields;
    default:
        return descriptor_fields_of(type);
    }
}

/* In memory of just this size. */
static void take_queue(const struct cr_note *note)
{
    char *copy = malloc(note->size + 1);
    struct cr_note exact = {note->type, note->size, copy, NULL};
    struct cr_queue_reader reader;
    struct cr_queued m;
    volatile char last;
    struct cr_error err;

    if (copy == NULL)
        return;
    memcpy(copy, note->data, note->size);
    if (cr_queue_read_note(&exact, &reader, &err) == 0) {
        while (cr_queue_next(&reader, &m, &err) > 0) {
            if (m.head.size > 0)
                last = ((const char *)m.data)[m.head.size - 1];
            if (m.head.name_size > 0)
                last = ((const char *)m.name)[m.head.name_size - 1];
        }
    }
    (void)last;
    free(copy);
}

/* What a pipe held: whatever the counts say, they are in the note. */
static void take_pipe_data(const struct cr_note *note)
{
    void *copy = malloc(note->size + 1);
    struct cr_note exact = {note->type, note->size, copy, NULL};
    const struct cr_pipe_data *pipe;
    const uint8_t *end = (const uint8_t *)copy + note->size;

    if (copy == NULL)
        return;
    memcpy(copy, note->data, note->size);
    pipe = cr_pipe_data_of(&exact);
    if (pipe != NULL && cr_pipe_data_bytes(pipe) + pipe->bytes != end)
        abort();
    free(copy);
}

static void take_fdinfo(const uint8_t *data, size_t size, uint8_t kind)
{
    char *text = malloc(size + 1);
    const char *at = text;
    struct cr_inotify_line watch;
    struct cr_epoll_line member;

    if (text == NULL)
        return;
    memcpy(text, data, size);
    text[size] = '\0';
    while (kind == IS_EPOLL ? cr_epoll_next(&at, &member) > 0 : cr_inotify_next(&at, &watch) > 0) {
        if (at > text + size)
            abort();
    }
    free(text);
}

static void take_note(const uint8_t *data, size_t size, uint8_t type)
{
    const pb_msgdesc_t *fields = fields_of(type);
    struct cr_note note = {type, (uint32_t)size, data, NULL};
    struct cr_error err;

    if (type == quiesce_image_NoteType_NOTE_SOCKET_QUEUE)
        take_queue(&note);
    if (type == quiesce_image_NoteType_NOTE_PIPE_DATA)
        take_pipe_data(&note);
    if (fields != NULL)
        cr_state_decode(&note, fields, &message, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == IS_MAPS)
        take_maps(data + 1, size - 1);
    else if (data[0] == IS_ELF)
        take_elf(data + 1, size - 1);
    else if (data[0] == IS_EPOLL || data[0] == IS_INOTIFY)
        take_fdinfo(data + 1, size - 1, data[0]);
    else
        take_note(data + 1, size - 1, data[0]);
    return 0;
}
