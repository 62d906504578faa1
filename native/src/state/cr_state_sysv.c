/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: frozen. System V objects in the image: segments (their contents are memory of the process), semaphores with
 * their values and what is to be undone for this process, queues with their messages, which stay in the queue.
 * cr_restart makes the objects; the restored process puts back what belongs to it.
 */
#include "cr_state_memory_parts.h"

#include "cr_fmt.h"
#include "cr_sys.h"
#include "cr_sysv.h"

#include <errno.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/shm.h>

#define MESSAGE_COPY 040000 /* MSG_COPY */
#define MESSAGE_MAX sizeof(((quiesce_image_SysvMessage *)0)->text.bytes)
#define VALUES_MAX (sizeof(((quiesce_image_SysvObject *)0)->values.bytes) / sizeof(uint16_t))

struct work {
    struct cr_state *state;
    struct cr_refusals refusals;
    quiesce_image_SysvObject object;
    quiesce_image_SysvMessage message;
    struct {
        long type;
        uint8_t text[MESSAGE_MAX];
    } received;
};

static int add_object(struct work *w, struct cr_error *err)
{
    return cr_state_add(w->state, quiesce_image_NoteType_NOTE_SYSV, quiesce_image_SysvObject_fields,
                        &w->object, err);
}

static void describe(struct work *w, const struct cr_sysv_entry *e, const struct ipc_perm *perm)
{
    memset(&w->object, 0, sizeof(w->object));
    w->object.kind = (quiesce_image_SysvKind)(e->kind - 1);
    w->object.id = e->kernel_id;
    w->object.known_id = e->known_id;
    w->object.entry = (uint64_t)e;
    w->object.key = perm->__key;
    w->object.mode = perm->mode & 0777;
    w->object.uid = perm->uid;
    w->object.gid = perm->gid;
}

static int is_segment(const struct cr_area *area)
{
    return cr_str_starts(area->name, "/SYSV") && area->kind == quiesce_image_AreaKind_AREA_SHARED;
}

static unsigned long own_attachments(const struct cr_memory *memory, int id)
{
    unsigned long own = 0;

    for (size_t i = 0; i < memory->area_count; i++)
        own += is_segment(&memory->areas[i]) && (int)memory->areas[i].inode == id;
    return own;
}

static int is_huge(const struct cr_memory *memory, int id)
{
    for (size_t i = 0; i < memory->area_count; i++) {
        if (is_segment(&memory->areas[i]) && (int)memory->areas[i].inode == id &&
            (memory->areas[i].vm_flags & CR_ADVICE_HUGETLB))
            return 1;
    }
    return 0;
}

static int has_segments(const struct cr_memory *memory)
{
    for (size_t i = 0; i < memory->area_count; i++) {
        if (is_segment(&memory->areas[i]))
            return 1;
    }
    return 0;
}

static int collect_segment(struct work *w, const struct cr_sysv_entry *e,
                           const struct cr_memory *memory, struct cr_error *err)
{
    unsigned long own = own_attachments(memory, e->kernel_id);
    struct shmid_ds status;

    if (cr_sys(SYS_shmctl, e->kernel_id, IPC_STAT, &status) < 0) {
        if (own > 0)
            cr_refuse(&w->refusals,
                      "System V segment %d may not be looked at; give its mode read "
                      "permission (shmctl)",
                      e->kernel_id);
        return 0;
    }
    if (own > 0 && status.shm_nattch > own && !cr_policy_is_group())
        cr_refuse(&w->refusals,
                  "System V segment %d (key 0x%x) is attached by another process too; save that "
                  "process with this one (cr_checkpoint --tree), or let it detach",
                  e->kernel_id, (unsigned)status.shm_perm.__key);
    if (is_huge(memory, e->kernel_id))
        cr_refuse(&w->refusals,
                  "System V segment %d is of huge pages (SHM_HUGETLB); detach it "
                  "before the checkpoint",
                  e->kernel_id);
    describe(w, e, &status.shm_perm);
    w->object.size = status.shm_segsz;
    w->object.removed = (status.shm_perm.mode & SHM_DEST) != 0;
    w->object.attached = own > 0;
    return add_object(w, err);
}

static int add_undo(struct work *w, const struct cr_sysv_undo *undo)
{
    size_t at = w->object.undo.size;
    const int16_t adjustment = (int16_t)undo->adjustment;

    if (at + 4 > sizeof(w->object.undo.bytes) || undo->adjustment != adjustment)
        return 0;
    memcpy(w->object.undo.bytes + at, &undo->number, sizeof(undo->number));
    memcpy(w->object.undo.bytes + at + 2, &adjustment, sizeof(adjustment));
    w->object.undo.size = (pb_size_t)(at + 4);
    return 1;
}

static void collect_undo(struct work *w, const struct cr_sysv_entry *e, int64_t changed)
{
    struct cr_sysv_undo undo;
    size_t at = 0;

    if (cr_sysv_undo_is_unknown())
        cr_refuse(&w->refusals, "semaphores were changed with SEM_UNDO by calls too many or too "
                                "large to be counted; use smaller calls of semop()");
    while (cr_sysv_undo_next(&at, &undo)) {
        if (undo.known_id != e->known_id)
            continue;
        if (changed > undo.since)
            cr_refuse(&w->refusals,
                      "another process has set values of semaphore set %d, and what is to be "
                      "undone (SEM_UNDO) is not known any more; release the semaphores before the "
                      "checkpoint",
                      e->kernel_id);
        else if (!add_undo(w, &undo))
            cr_refuse(&w->refusals, "semaphore set %d has too much to be undone (SEM_UNDO)",
                      e->kernel_id);
    }
}

static int collect_semaphores(struct work *w, const struct cr_sysv_entry *e, struct cr_error *err)
{
    struct semid_ds status;
    long rc = cr_sys(SYS_semctl, e->kernel_id, 0, IPC_STAT, &status);

    if (rc == -EINVAL || rc == -EIDRM)
        return 0;
    if (rc < 0 || status.sem_nsems > VALUES_MAX) {
        cr_refuse(&w->refusals, "semaphore set %d %s", e->kernel_id,
                  rc < 0 ? "may not be read; give its mode read permission (semctl)"
                         : "has more than 4096 semaphores");
        return 0;
    }
    describe(w, e, &status.sem_perm);
    w->object.size = status.sem_nsems;
    w->object.values.size = (pb_size_t)(status.sem_nsems * sizeof(uint16_t));
    rc = cr_sys(SYS_semctl, e->kernel_id, 0, GETALL, w->object.values.bytes);
    if (rc < 0)
        return cr_fail(err, (int)-rc, "cannot read semaphore set %d: %s", e->kernel_id,
                       cr_error_words((int)-rc));
    collect_undo(w, e, status.sem_ctime);
    return add_object(w, err);
}

/* Copies of the messages; -ENOMSG: that was the last one. */
static int collect_message(struct work *w, int queue, long index, struct cr_error *err)
{
    long n = cr_sys(SYS_msgrcv, queue, &w->received, MESSAGE_MAX, index, MESSAGE_COPY | IPC_NOWAIT);

    if (n == -ENOMSG)
        return (int)n;
    if (n < 0) {
        cr_refuse(&w->refusals,
                  "message %ld of System V queue %d cannot be copied (%s); receive "
                  "it before the checkpoint",
                  index, queue, cr_error_words((int)-n));
        return -ENOMSG;
    }
    w->message.queue = queue;
    w->message.type = w->received.type;
    w->message.text.size = (pb_size_t)n;
    memcpy(w->message.text.bytes, w->received.text, (size_t)n);
    return cr_state_add(w->state, quiesce_image_NoteType_NOTE_SYSV_MESSAGE,
                        quiesce_image_SysvMessage_fields, &w->message, err);
}

static int collect_queue(struct work *w, const struct cr_sysv_entry *e, struct cr_error *err)
{
    struct msqid_ds status;
    long rc = cr_sys(SYS_msgctl, e->kernel_id, IPC_STAT, &status);

    if (rc == -EINVAL || rc == -EIDRM)
        return 0;
    if (rc < 0) {
        cr_refuse(&w->refusals,
                  "System V queue %d may not be read; give its mode read permission "
                  "(msgctl)",
                  e->kernel_id);
        return 0;
    }
    describe(w, e, &status.msg_perm);
    w->object.size = status.msg_qbytes;
    rc = add_object(w, err);
    for (long i = 0; rc == 0; i++)
        rc = collect_message(w, e->kernel_id, i, err);
    return rc == -ENOMSG ? 0 : (int)rc;
}

/* Segments may have been attached by calls that no wrapper saw. */
static int note_segments(const struct cr_memory *memory, struct cr_error *err)
{
    for (size_t i = 0; i < memory->area_count; i++) {
        if (is_segment(&memory->areas[i]) &&
            cr_sysv_note(CR_SYSV_SEGMENT, (int)memory->areas[i].inode) == NULL)
            return cr_fail(err, CR_EREFUSED,
                           "the process has to do with more than 512 System V objects");
    }
    return 0;
}

static int collect(struct work *w, const struct cr_memory *memory, struct cr_error *err)
{
    const struct cr_sysv_entry *e;
    size_t at = 0;
    int rc = note_segments(memory, err);

    while (rc == 0 && (e = cr_sysv_next(&at)) != NULL) {
        if (e->kind == CR_SYSV_SEGMENT)
            rc = collect_segment(w, e, memory, err);
        else if (e->kind == CR_SYSV_SEMAPHORES)
            rc = collect_semaphores(w, e, err);
        else
            rc = collect_queue(w, e, err);
    }
    return rc < 0 ? rc : cr_refusals_end(&w->refusals, err);
}

int cr_sysv_collect(struct cr_state *state, const struct cr_memory *memory, struct cr_error *err)
{
    struct cr_scratch scratch;
    struct work *w;
    size_t at = 0;
    int rc;

    if (cr_sysv_next(&at) == NULL && !has_segments(memory))
        return 0;
    cr_scratch_begin(&scratch, state->arena);
    w = cr_arena_alloc(&scratch.arena, sizeof(*w));
    rc = w != NULL ? 0 : cr_fail_memory(err);
    if (rc == 0) {
        w->state = state;
        rc = collect(w, memory, err);
    }
    cr_scratch_end(&scratch);
    return rc;
}

/* One call that changes nothing but what the kernel undoes when this process ends. */
static int undo_again(int id, uint16_t number, int16_t adjustment, struct cr_error *err)
{
    struct sembuf operations[3];
    size_t n = 0;
    long rc;

    if (adjustment > 0)
        operations[n++] = (struct sembuf){number, adjustment, IPC_NOWAIT};
    operations[n++] = (struct sembuf){number, (short)-adjustment, SEM_UNDO | IPC_NOWAIT};
    if (adjustment < 0)
        operations[n++] = (struct sembuf){number, adjustment, IPC_NOWAIT};
    rc = cr_sys(SYS_semtimedop, id, operations, n, 0);
    if (rc < 0)
        return cr_fail(err, (int)-rc,
                       "cannot have the kernel undo operations on semaphore %u of set %d at the "
                       "end of the process: %s",
                       (unsigned)number, id, cr_error_words((int)-rc));
    return 0;
}

static int put_back_object(const quiesce_image_SysvObject *object, struct cr_error *err)
{
    int id = ((const struct cr_sysv_entry *)object->entry)->kernel_id;
    int rc = 0;

    if (object->kind == quiesce_image_SysvKind_SYSV_SEGMENT && object->removed)
        cr_sys(SYS_shmctl, id, IPC_RMID, 0);
    for (pb_size_t at = 0; rc == 0 && at + 4 <= object->undo.size; at += 4) {
        uint16_t number;
        int16_t adjustment;

        memcpy(&number, object->undo.bytes + at, sizeof(number));
        memcpy(&adjustment, object->undo.bytes + at + 2, sizeof(adjustment));
        rc = undo_again(id, number, adjustment, err);
    }
    return rc;
}

int cr_sysv_put_back(struct cr_state *state, struct cr_error *err)
{
    quiesce_image_SysvObject *object;
    struct cr_scratch scratch;
    int rc;

    /* The objects of a rank are not made anew: an id may be another object's by now. */
    if (state->foreign->range_count > 0)
        return 0;
    cr_scratch_begin(&scratch, state->arena);
    object = cr_arena_alloc(&scratch.arena, sizeof(*object));
    rc = object != NULL ? 0 : cr_fail_memory(err);
    for (const struct cr_note *note = state->first; rc == 0 && note != NULL; note = note->next) {
        if (note->type != quiesce_image_NoteType_NOTE_SYSV)
            continue;
        rc = cr_state_decode(note, quiesce_image_SysvObject_fields, object, err);
        if (rc == 0)
            rc = put_back_object(object, err);
    }
    cr_sysv_undo_restored();
    cr_scratch_end(&scratch);
    return rc;
}
