/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. System V objects of the processes that come back. One that is still there, and that nobody uses, is
 * used again; what is gone is made anew, with the old id where that is permitted. The processes know each by its old id.
 */
#include "cr_restore_sysv.h"

#include "cr_fmt.h"
#include "cr_sys.h"
#include "cr_sysv.h"

#include <errno.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define LARGEST_MESSAGE 65536
#define OWNER_ATTEMPTS 250 /* of 4 ms */

struct object {
    quiesce_image_SysvObject note;
    const struct cr_restore *image; /* that has its messages */
    int id;                         /* now */
    int made;
};

struct objects {
    struct object *list;
    size_t count;
    int in_use; /* 1: the processes of the images still run here */
    char owner[64];
};

static const char *const KIND_WORDS[] = {"segment", "semaphore set", "queue"};
static const char *const NEXT_IDS[] = {
    "/proc/sys/kernel/shm_next_id", "/proc/sys/kernel/sem_next_id", "/proc/sys/kernel/msg_next_id"};
static const char *const REMOVERS[] = {"-m", "-s", "-q"};

static const char *words(const struct object *o)
{
    return KIND_WORDS[o->note.kind];
}

static struct object *find(const struct objects *all, uint32_t kind, int id)
{
    for (size_t i = 0; i < all->count; i++)
        if ((uint32_t)all->list[i].note.kind == kind && all->list[i].note.id == id)
            return &all->list[i];
    return NULL;
}

/* Calls EACH for all objects of an image. */
static int each_note(struct cr_restore *r, struct objects *all,
                     int (*each)(struct cr_restore *r, struct objects *all,
                                 const quiesce_image_SysvObject *note, struct cr_error *err),
                     struct cr_error *err)
{
    static quiesce_image_SysvObject note;
    const void *data;
    size_t size;
    size_t at = 0;
    int rc = 0;

    while (rc == 0 &&
           cr_image_next_note(&r->reader, quiesce_image_NoteType_NOTE_SYSV, &at, &data, &size)) {
        pb_istream_t stream = pb_istream_from_buffer(data, size);

        memset(&note, 0, sizeof(note));
        if (!pb_decode(&stream, quiesce_image_SysvObject_fields, &note) ||
            (size_t)note.kind >= sizeof(KIND_WORDS) / sizeof(*KIND_WORDS))
            return cr_fail(err, CR_EDAMAGED, "%s: the note of a System V object is wrong", r->path);
        rc = each(r, all, &note, err);
    }
    return rc;
}

static int list_object(struct cr_restore *r, struct objects *all,
                       const quiesce_image_SysvObject *note, struct cr_error *err)
{
    struct object *o = find(all, note->kind, note->id);

    if (o != NULL) {
        o->note.attached |= note->attached;
        return 0;
    }
    o = realloc(all->list, (all->count + 1) * sizeof(*o));
    if (o == NULL)
        return cr_fail(err, ENOMEM, "no memory for the System V objects of %s", r->path);
    all->list = o;
    all->list[all->count++] = (struct object){.note = *note, .image = r, .id = -1};
    return 0;
}

/* A process with this id and name that is not dead. */
static int is_running(int pid, const char *name)
{
    char path[64];
    char text[1024];
    char *end;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    if (cr_sys_read_file(path, text, sizeof(text)) <= 0)
        return 0;
    end = strrchr(text, ')');
    if (end == NULL || strchr(text, '(') == NULL || end[1] != ' ' || end[2] == 'Z' || end[2] == 'X')
        return 0;
    *end = '\0';
    return strcmp(strchr(text, '(') + 1, name) == 0;
}

/* The process of the image runs on here: what it uses is not to be touched. */
static void look_for_original(const struct cr_restore *r, struct objects *all)
{
    const struct timespec step = {0, 4000000};
    int pid = (int)r->header->pid;

    /* One that was killed a moment ago is on its way out. */
    for (int i = 0; i < OWNER_ATTEMPTS && is_running(pid, r->header->command); i++)
        nanosleep(&step, NULL);
    if (all->in_use || !is_running(pid, r->header->command))
        return;
    all->in_use = 1;
    snprintf(all->owner, sizeof(all->owner), "process %d (%s)", pid, r->header->command);
}

static int fail_used(const struct objects *all, const struct object *o, struct cr_error *err)
{
    return cr_fail(err, CR_ECOLLISION, "System V %s %d (key 0x%x) is in use by %s; end that first",
                   words(o), o->note.id, (unsigned)o->note.key,
                   all->in_use ? all->owner : "another process that has it attached");
}

/* 1: the old object is there and may be taken; 0: make a new one; negative: neither. */
static int may_reuse(const struct objects *all, const struct object *o, const struct ipc_perm *perm,
                     int same, int attached, struct cr_error *err)
{
    if (perm->__key != o->note.key || !same)
        return 0;
    if (!attached && !all->in_use)
        return 1;
    return o->note.key == IPC_PRIVATE ? 0 : fail_used(all, o, err);
}

static void wish_id(const struct object *o, int id)
{
    char text[24];
    int fd = open(NEXT_IDS[o->note.kind], O_WRONLY | O_CLOEXEC);
    int length = snprintf(text, sizeof(text), "%d", id);

    if (fd < 0)
        return;
    /* Another id does as well: the process is told. */
    if (write(fd, text, (size_t)length) < 0)
        errno = 0;
    close(fd);
}

static int get(const struct object *o)
{
    int flags = IPC_CREAT | IPC_EXCL | (int)(o->note.mode & 0777);

    switch (o->note.kind) {
    case quiesce_image_SysvKind_SYSV_SEGMENT:
        return shmget(o->note.key, o->note.size, flags);
    case quiesce_image_SysvKind_SYSV_SEMAPHORES:
        return semget(o->note.key, (int)o->note.size, flags);
    default:
        return msgget(o->note.key, flags);
    }
}

static int create(struct object *o, struct cr_error *err)
{
    int code;

    wish_id(o, o->note.id);
    o->id = get(o);
    code = errno;
    wish_id(o, -1);
    if (o->id < 0 && code == EEXIST)
        return cr_fail(err, CR_ECOLLISION,
                       "another System V %s has key 0x%x; remove it (ipcrm %s ID, see ipcs) and "
                       "restart",
                       words(o), (unsigned)o->note.key, REMOVERS[o->note.kind]);
    if (o->id < 0)
        return cr_fail(err, code, "cannot make a System V %s of size %lu: %s", words(o),
                       (unsigned long)o->note.size, strerror(code));
    o->made = 1;
    return 0;
}

static int make_segment(const struct objects *all, struct object *o, struct cr_error *err)
{
    struct shmid_ds status;
    int there = shmctl(o->note.id, IPC_STAT, &status) == 0;
    int same = there && status.shm_segsz == o->note.size &&
               (status.shm_perm.mode & SHM_DEST) == 0 && !o->note.removed;
    int rc = 0;

    if (!o->note.attached && same && status.shm_perm.__key == o->note.key) {
        o->id = o->note.id;
        return 0;
    }
    if (!o->note.attached)
        return cr_fail(err, CR_EFILEMISSING,
                       "System V segment %d (key 0x%x) is gone; no process had it attached at the "
                       "checkpoint, so its contents are not in the image",
                       o->note.id, (unsigned)o->note.key);
    if (there)
        rc = may_reuse(all, o, &status.shm_perm, same, status.shm_nattch != 0, err);
    if (rc > 0)
        o->id = o->note.id;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = create(o, err);
    if (rc == 0 && geteuid() == 0 && shmctl(o->id, IPC_STAT, &status) == 0) {
        status.shm_perm.uid = o->note.uid;
        status.shm_perm.gid = o->note.gid;
        shmctl(o->id, IPC_SET, &status);
    }
    return rc;
}

static int make_semaphores(const struct objects *all, struct object *o, struct cr_error *err)
{
    struct semid_ds status;
    int rc = 0;

    if (o->note.values.size != o->note.size * sizeof(uint16_t))
        return cr_fail(err, CR_EDAMAGED, "the image has not all values of semaphore set %d",
                       o->note.id);
    if (semctl(o->note.id, 0, IPC_STAT, &status) == 0)
        rc = may_reuse(all, o, &status.sem_perm, status.sem_nsems == o->note.size, 0, err);
    if (rc > 0)
        o->id = o->note.id;
    else if (rc == 0)
        rc = create(o, err);
    if (rc < 0)
        return rc;
    if (o->made && geteuid() == 0 && semctl(o->id, 0, IPC_STAT, &status) == 0) {
        status.sem_perm.uid = o->note.uid;
        status.sem_perm.gid = o->note.gid;
        semctl(o->id, 0, IPC_SET, &status);
    }
    if (semctl(o->id, 0, SETALL, o->note.values.bytes) < 0)
        return cr_fail(err, errno, "cannot set the values of semaphore set %d: %s", o->id,
                       strerror(errno));
    return 0;
}

static int send_message(const struct object *o, const quiesce_image_SysvMessage *m,
                        struct cr_error *err)
{
    static struct {
        long type;
        uint8_t text[sizeof(m->text.bytes)];
    } buffer;

    buffer.type = m->type;
    memcpy(buffer.text, m->text.bytes, m->text.size);
    if (msgsnd(o->id, &buffer, m->text.size, IPC_NOWAIT) == 0)
        return 0;
    return cr_fail(err, errno, "cannot put a message back into System V queue %d: %s%s", o->id,
                   strerror(errno), errno == EAGAIN ? " (sysctl kernel.msgmnb)" : "");
}

static int send_messages(const struct object *o, struct cr_error *err)
{
    static quiesce_image_SysvMessage message;
    const struct cr_restore *r = o->image;
    const void *data;
    size_t size;
    size_t at = 0;
    int rc = 0;

    while (rc == 0 && cr_image_next_note(&r->reader, quiesce_image_NoteType_NOTE_SYSV_MESSAGE, &at,
                                         &data, &size)) {
        pb_istream_t stream = pb_istream_from_buffer(data, size);

        memset(&message, 0, sizeof(message));
        if (!pb_decode(&stream, quiesce_image_SysvMessage_fields, &message))
            return cr_fail(err, CR_EDAMAGED, "%s: the note of a message is wrong", r->path);
        if (message.queue == o->note.id)
            rc = send_message(o, &message, err);
    }
    return rc;
}

static void empty_queue(int id)
{
    static struct {
        long type;
        char text[LARGEST_MESSAGE];
    } buffer;

    while (msgrcv(id, &buffer, sizeof(buffer.text), 0, IPC_NOWAIT | MSG_NOERROR) >= 0)
        continue;
}

static int make_queue(const struct objects *all, struct object *o, struct cr_error *err)
{
    struct msqid_ds status;
    int rc = 0;

    if (msgctl(o->note.id, IPC_STAT, &status) == 0)
        rc = may_reuse(all, o, &status.msg_perm, 1, 0, err);
    if (rc > 0)
        o->id = o->note.id;
    else if (rc == 0)
        rc = create(o, err);
    if (rc < 0)
        return rc;
    empty_queue(o->id);
    if (msgctl(o->id, IPC_STAT, &status) == 0 &&
        (status.msg_qbytes != o->note.size || (o->made && geteuid() == 0))) {
        status.msg_qbytes = o->note.size;
        status.msg_perm.uid = o->note.uid;
        status.msg_perm.gid = o->note.gid;
        msgctl(o->id, IPC_SET, &status);
    }
    return send_messages(o, err);
}

static int make(const struct objects *all, struct object *o, struct cr_error *err)
{
    switch (o->note.kind) {
    case quiesce_image_SysvKind_SYSV_SEGMENT:
        return make_segment(all, o, err);
    case quiesce_image_SysvKind_SYSV_SEMAPHORES:
        return make_semaphores(all, o, err);
    default:
        return make_queue(all, o, err);
    }
}

/* What was made here goes again. */
static void undo(const struct objects *all)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct object *o = &all->list[i];

        if (!o->made)
            continue;
        if (o->note.kind == quiesce_image_SysvKind_SYSV_SEGMENT)
            shmctl(o->id, IPC_RMID, NULL);
        else if (o->note.kind == quiesce_image_SysvKind_SYSV_SEMAPHORES)
            semctl(o->id, 0, IPC_RMID);
        else
            msgctl(o->id, IPC_RMID, NULL);
    }
}

static int is_writable_memory(const struct cr_restore *r, uint64_t address, size_t size)
{
    for (size_t i = 0; i < r->area_count; i++) {
        const struct cr_plan_area *a = &r->areas[i];

        if (a->start <= address && address + size <= a->end && address + size > address)
            return (a->protection & PROT_WRITE) != 0 && a->filled;
    }
    return 0;
}

/* Tells the process where its objects are now. */
static int tell(struct cr_restore *r, struct objects *all, const quiesce_image_SysvObject *note,
                struct cr_error *err)
{
    const struct object *o = find(all, note->kind, note->id);

    if (!is_writable_memory(r, note->entry, sizeof(struct cr_sysv_entry)))
        return cr_fail(err, CR_EDAMAGED, "%s: the note of a System V object is wrong", r->path);
    r->ids[r->id_count++] =
        (struct cr_plan_id){note->entry + offsetof(struct cr_sysv_entry, kernel_id), o->id, 0};
    for (size_t i = 0; i < r->file_count; i++)
        if (note->kind == quiesce_image_SysvKind_SYSV_SEGMENT &&
            r->files[i].sysv_then == (uint32_t)note->id + 1)
            r->files[i].sysv = (uint32_t)o->id + 1;
    return 0;
}

static int tell_all(struct cr_restore *r, struct objects *all, struct cr_error *err)
{
    int rc;

    r->ids = cr_restore_alloc(r, (all->count + 1) * sizeof(*r->ids), err);
    r->id_count = 0;
    rc = r->ids != NULL ? each_note(r, all, tell, err) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < r->file_count; i++)
        if (r->files[i].sysv_then != 0 && r->files[i].sysv == 0)
            rc =
                cr_fail(err, CR_EDAMAGED, "%s: the note of a System V segment is missing", r->path);
    return rc;
}

static struct objects made;

void cr_restore_drop_sysv(void)
{
    undo(&made);
    free(made.list);
    made = (struct objects){0};
}

int cr_restore_make_sysv(struct cr_restore *const *images, size_t count, struct cr_error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        size_t before = made.count;

        rc = each_note(images[i], &made, list_object, err);
        if (made.count > before)
            look_for_original(images[i], &made);
    }
    for (size_t i = 0; rc == 0 && i < made.count; i++)
        rc = make(&made, &made.list[i], err);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = tell_all(images[i], &made, err);
    if (rc < 0)
        cr_restore_drop_sysv();
    return rc;
}
