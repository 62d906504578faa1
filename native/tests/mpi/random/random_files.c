/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random files of MPI. One of blocks belongs to its ranks block by block: what one has written it may read at once, others
 * after a sync. Reads stay within what was written: Open MPI 4.1 never completes a non-blocking one that does not.
 */
#include "random.h"

#include <sys/stat.h>

enum where { AT, AT_ALL, POINTER, POINTER_ALL, NOW_AT, NOW_AT_ALL, SPLIT, SYNC, VIEW, WHERES };

/* What one rank moves. */
struct part {
    int block, write, type, count, slot;
};

struct rn_file rn_files[FILES];
static char folder[400];
static int files; /* that were made in this program */

static int rank_in(const struct rn_file *f)
{
    return rn_comm_rank(f->comm, qt_rank);
}

static int of(const struct rn_file *f)
{
    return OF_FILE + (int)(f - rn_files);
}

int rn_files_use(int comm)
{
    int i;

    for (i = 0; i < FILES; i++)
        if (rn_files[i].live && rn_files[i].comm == comm)
            return 1;
    return 0;
}

/* ---- the plan ---- */

/* The first blocks are those of a split operation. */
static int is_settled(const struct rn_file *f, int rank, int block)
{
    return (block > 0 || f->split == RN_WHOLE) &&
           !rn_slot_holds(rn_comms[f->comm].world[rank], f->slot[rank][block],
                          f->serial[rank][block]);
}

/* Something for RANK to do with its block AT, or any that is settled. Returns 0 if there is none. */
static int draw_part(struct rn_file *f, int rank, int at, struct part *p)
{
    int size, tries, block = at < 0 ? rn_dice(BLOCKS) : at;

    for (tries = 0; at < 0 && tries < BLOCKS && !is_settled(f, rank, block); tries++)
        block = (block + 1) % BLOCKS;
    p->block = block;
    p->write = rn_dice(2) || f->length[rank][block] == 0;
    p->type = rn_type_draw();
    p->slot = -1;
    MPI_Type_size(rn_types[p->type].handle, &size);
    if (size > (p->write ? BLOCK : f->length[rank][block])) {
        p->type = 1;
        size = 1;
    }
    p->count = 1 + rn_dice((p->write ? BLOCK : f->length[rank][block]) / size);
    return is_settled(f, rank, block);
}

/* As it will be when this part is done. */
static void plan_write(struct rn_file *f, int rank, const struct part *p)
{
    int size;

    MPI_Type_size(rn_types[p->type].handle, &size);
    if (p->write && f->length[rank][p->block] < size * p->count)
        f->length[rank][p->block] = size * p->count;
}

static int take_slot(struct rn_file *f, int rank, struct part *p)
{
    int who = rn_comms[f->comm].world[rank];

    p->slot = rn_slot_take(who, p->write ? RN_SEND : RN_COLLECTIVE, f->comm, 1);
    if (p->slot < 0)
        return 0;
    rn_slots[who][p->slot].of = of(f);
    f->slot[rank][p->block] = p->slot;
    f->serial[rank][p->block] = rn_slots[who][p->slot].serial;
    return 1;
}

/* ---- what a rank does ---- */

/* In the view that is set. */
static MPI_Offset offset_of(const struct rn_file *f, int rank, int block)
{
    return (MPI_Offset)BLOCK * (f->view ? block : block * rn_comms[f->comm].size + rank);
}

static void *buffer_of(const struct part *p, int rank, int event)
{
    size_t bytes = rn_type_bytes(p->type, p->count);
    void *buffer = rn_take(bytes);

    if (p->write)
        rn_fill(buffer, bytes, rn_mix((uint64_t)event, (uint64_t)rank));
    return buffer;
}

static void received(const struct part *p, void *buffer, MPI_Status *status, int event)
{
    int count, got, size;

    MPI_Type_size(rn_types[p->type].handle, &size);
    MPI_Get_count(status, rn_types[p->type].handle, &got);
    MPI_Get_elements(status, MPI_BYTE, &count);
    QT_CHECK(got == p->count, "event %d: %d of %d elements of a file, %d bytes", event, got,
             p->count, count);
    rn_received(buffer, rn_type_bytes(p->type, p->count), MPI_STATUS_IGNORE, -1, event);
    rn_give(buffer);
}

static void play_now(const struct rn_file *f, int rank, const struct part *p, int together,
                     int event)
{
    struct rn_slot *s = &rn_slots[qt_rank][p->slot];
    MPI_Offset at = offset_of(f, rank, p->block);
    MPI_Datatype type = rn_types[p->type].handle;
    void *buffer = buffer_of(p, rank, event);

    s->buffer = buffer;
    s->bytes = rn_type_bytes(p->type, p->count);
    s->event = event;
    if (p->write)
        (together ? MPI_File_iwrite_at_all : MPI_File_iwrite_at)(f->handle, at, buffer, p->count,
                                                                 type, &s->request);
    else
        (together ? MPI_File_iread_at_all : MPI_File_iread_at)(f->handle, at, buffer, p->count,
                                                               type, &s->request);
}

static void play_at(const struct rn_file *f, int rank, const struct part *p, int together,
                    int event)
{
    MPI_Offset at = offset_of(f, rank, p->block);
    MPI_Datatype type = rn_types[p->type].handle;
    void *buffer = buffer_of(p, rank, event);
    MPI_Status status;

    if (p->write)
        (together ? MPI_File_write_at_all : MPI_File_write_at)(f->handle, at, buffer, p->count,
                                                               type, &status);
    else
        (together ? MPI_File_read_at_all : MPI_File_read_at)(f->handle, at, buffer, p->count, type,
                                                             &status);
    received(p, buffer, &status, event);
}

/* A whole block where the individual pointer stands, which goes on to the next one of this rank. */
static void play_pointer(const struct rn_file *f, int rank, const struct part *p, int together,
                         int event)
{
    void *buffer = buffer_of(p, rank, event);
    MPI_Offset before, after;
    MPI_Status status;

    MPI_File_get_position(f->handle, &before);
    QT_CHECK(before == offset_of(f, rank, p->block), "pointer at %lld", (long long)before);
    if (p->write)
        (together ? MPI_File_write_all : MPI_File_write)(f->handle, buffer, BLOCK, MPI_BYTE,
                                                         &status);
    else
        (together ? MPI_File_read_all : MPI_File_read)(f->handle, buffer, BLOCK, MPI_BYTE, &status);
    MPI_File_get_position(f->handle, &after);
    QT_CHECK(after == before + BLOCK, "pointer at %lld, then at %lld", (long long)before,
             (long long)after);
    if (p->block + 1 == BLOCKS)
        MPI_File_seek(f->handle, offset_of(f, rank, 0), MPI_SEEK_SET);
    else if (!f->view)
        MPI_File_seek(f->handle, (MPI_Offset)BLOCK * (rn_comms[f->comm].size - 1), MPI_SEEK_CUR);
    received(p, buffer, &status, event);
}

/* ---- collective or not ---- */

static void at_pointer(struct rn_file *f, int rank, int together, int event)
{
    struct part p = {.block = f->at[rank], .type = 1, .count = BLOCK, .slot = -1};

    p.write = rn_dice(2) || f->length[rank][p.block] < BLOCK;
    if (!is_settled(f, rank, p.block))
        return;
    plan_write(f, rank, &p);
    if (rank == rank_in(f))
        play_pointer(f, rank, &p, together, event);
    f->at[rank] = (f->at[rank] + 1) % BLOCKS;
}

static void alone(struct rn_file *f, enum where where, int event)
{
    int rank = rn_dice(rn_comms[f->comm].size);
    struct part p;

    if (where == POINTER) {
        at_pointer(f, rank, 0, event);
        return;
    }
    if (!draw_part(f, rank, -1, &p) || (where == NOW_AT && !take_slot(f, rank, &p)))
        return;
    plan_write(f, rank, &p);
    if (rank != rank_in(f))
        return;
    if (where == NOW_AT)
        play_now(f, rank, &p, 0, event);
    else
        play_at(f, rank, &p, 0, event);
}

/* All write, or all read what they have written before. */
static void together(struct rn_file *f, enum where where, int event)
{
    int size = rn_comms[f->comm].size, write = 0, rank;
    struct part parts[RANKS];

    rn_complete_of(of(f));
    for (rank = 0; rank < size; rank++) {
        draw_part(f, rank, where == POINTER_ALL ? f->at[rank] : -1, &parts[rank]);
        if (where == POINTER_ALL && f->length[rank][parts[rank].block] < BLOCK)
            parts[rank].write = 1;
        write |= parts[rank].write;
    }
    for (rank = 0; rank < size; rank++) {
        struct part *p = &parts[rank];

        p->write = write;
        p->type = write || where == POINTER_ALL ? 1 : p->type;
        p->count = where == POINTER_ALL ? BLOCK : write ? 1 + p->count % BLOCK : p->count;
        plan_write(f, rank, p);
        if (where == NOW_AT_ALL && !take_slot(f, rank, p))
            where = AT_ALL;
    }
    for (rank = 0; rank < size; rank++) {
        struct part *p = &parts[rank];

        if (where == AT_ALL && p->slot >= 0) /* not all have a slot */
            rn_slots[rn_comms[f->comm].world[rank]][p->slot].used = 0;
        if (where == POINTER_ALL)
            f->at[rank] = (f->at[rank] + 1) % BLOCKS;
    }
    rank = rank_in(f);
    if (rank < 0)
        return;
    if (where == NOW_AT_ALL)
        play_now(f, rank, &parts[rank], 1, event);
    else if (where == AT_ALL)
        play_at(f, rank, &parts[rank], 1, event);
    else
        play_pointer(f, rank, &parts[rank], 1, event);
}

/* ---- split, views, sync ---- */

/* All ranks' first blocks. */
static void split_begin(struct rn_file *f, int event)
{
    int size = rn_comms[f->comm].size, rank, read = 1, me = rank_in(f);

    rn_complete_of(of(f));
    for (rank = 0; rank < size; rank++) {
        read &= f->length[rank][0] == BLOCK;
        f->length[rank][0] = BLOCK;
    }
    f->split = read && rn_dice(2) ? RN_READING : RN_WRITING;
    if (me < 0)
        return;
    f->buffer = rn_take(BLOCK);
    if (f->split == RN_READING) {
        MPI_File_read_at_all_begin(f->handle, offset_of(f, me, 0), f->buffer, BLOCK, MPI_BYTE);
        return;
    }
    rn_fill(f->buffer, BLOCK, rn_mix((uint64_t)event, (uint64_t)me));
    MPI_File_write_at_all_begin(f->handle, offset_of(f, me, 0), f->buffer, BLOCK, MPI_BYTE);
}

static void split_end(struct rn_file *f, int event)
{
    struct part all = {.type = 1, .count = BLOCK};
    MPI_Status status;

    if (rank_in(f) >= 0) {
        if (f->split == RN_READING)
            MPI_File_read_at_all_end(f->handle, f->buffer, &status);
        else
            MPI_File_write_at_all_end(f->handle, f->buffer, &status);
        received(&all, f->buffer, &status, event);
    }
    f->split = RN_WHOLE;
}

/* What one file has under way lets Open MPI 4.1 refuse to sync another one, on the ranks where it is so. */
void rn_files_settle(void)
{
    int i;

    for (i = 0; i < FILES; i++) {
        struct rn_file *f = &rn_files[i];

        if (f->live && f->kind != RN_BLOCKS)
            rn_records_settle(f);
        else if (f->live && f->split != RN_WHOLE)
            split_end(f, rn_tag());
        if (f->live)
            rn_complete_of(of(f));
    }
}

/* The blocks of this rank alone, or the bytes of the file. */
static void set_view(struct rn_file *f)
{
    int rank = rank_in(f), size = rn_comms[f->comm].size;
    MPI_Datatype block, own;

    rn_complete_of(of(f));
    f->view = !f->view;
    memset(f->at, 0, sizeof(f->at));
    if (rank < 0)
        return;
    if (f->view) {
        MPI_Type_contiguous(BLOCK, MPI_BYTE, &block);
        MPI_Type_create_resized(block, 0, BLOCK * size, &own);
        MPI_Type_commit(&own);
        MPI_File_set_view(f->handle, (MPI_Offset)BLOCK * rank, MPI_BYTE, own, "native",
                          MPI_INFO_NULL);
        MPI_Type_free(&block);
        MPI_Type_free(&own);
    } else {
        MPI_File_set_view(f->handle, 0, MPI_BYTE, MPI_BYTE, "native", MPI_INFO_NULL);
        MPI_File_seek(f->handle, offset_of(f, rank, 0), MPI_SEEK_SET);
    }
}

/* Then each reads a block of the next one. */
static void sync_all(struct rn_file *f, int event)
{
    int size = rn_comms[f->comm].size, me = rank_in(f), block = rn_dice(BLOCKS),
        next = (me + 1) % size;
    struct part p = {.type = 1};
    MPI_Offset bytes;
    MPI_Status status;

    rn_files_settle();
    if (me < 0)
        return;
    MPI_File_sync(f->handle);
    MPI_Barrier(rn_comms[f->comm].handle);
    MPI_File_sync(f->handle);
    MPI_File_get_size(f->handle, &bytes);
    rn_note(rn_mix((uint64_t)bytes, (uint64_t)event));
    p.count = f->length[next][block];
    if (p.count > 0 && !f->view) {
        void *buffer = rn_take((size_t)p.count);

        MPI_File_read_at(f->handle, offset_of(f, next, block), buffer, p.count, MPI_BYTE, &status);
        received(&p, buffer, &status, event);
    }
    MPI_Barrier(rn_comms[f->comm].handle);
}

/* ---- events ---- */

void rn_file(void)
{
    int i = rn_dice(FILES), event = rn_tag();
    enum where where = (enum where)rn_dice(WHERES);
    struct rn_file *f = &rn_files[i];

    if (!f->live)
        return;
    rn_trace("file %d, kind %d, how %d, event %d", i, (int)f->kind, (int)where, event);
    if (f->kind != RN_BLOCKS) {
        rn_records(f, event);
        return;
    }
    if (f->split != RN_WHOLE && where != AT) {
        split_end(f, event);
        return;
    }
    if (where == SYNC)
        sync_all(f, event);
    else if (where == VIEW)
        set_view(f);
    else if (where == SPLIT)
        split_begin(f, event);
    else if (where == AT || where == POINTER || where == NOW_AT)
        alone(f, where, event);
    else
        together(f, where, event);
}

void rn_file_make(void)
{
    int comm = rn_comm_draw(0), i;
    struct rn_file *f;

    for (i = 0; i < FILES && rn_files[i].live; i++)
        ;
    if (i == FILES || comm < 0)
        return;
    f = &rn_files[i];
    memset(f, 0, sizeof(*f));
    memset(f->slot, -1, sizeof(f->slot));
    f->live = 1;
    f->comm = comm;
    f->kind = (enum rn_file_kind)rn_dice(RN_FILE_KINDS);
    snprintf(f->path, sizeof(f->path), "%s/file-%d", folder, files++);
    if (rank_in(f) < 0)
        return;
    i = MPI_File_open(rn_comms[comm].handle, f->path, MPI_MODE_CREATE | MPI_MODE_RDWR,
                      MPI_INFO_NULL, &f->handle);
    QT_CHECK(i == MPI_SUCCESS, "%s is not opened: %d", f->path, i);
    if (f->kind == RN_BLOCKS)
        MPI_File_seek(f->handle, offset_of(f, rank_in(f), 0), MPI_SEEK_SET);
}

static void close_one(struct rn_file *f)
{
    int event = rn_tag();

    if (f->split != RN_WHOLE && f->kind == RN_BLOCKS)
        split_end(f, event);
    rn_files_settle();
    if (f->kind != RN_BLOCKS)
        rn_records_end(f);
    else
        sync_all(f, event);
    f->live = 0;
    if (rank_in(f) < 0)
        return;
    MPI_File_close(&f->handle);
    if (rank_in(f) == 0)
        MPI_File_delete(f->path, MPI_INFO_NULL);
}

void rn_file_close(void)
{
    int i = rn_dice(FILES);

    if (rn_files[i].live)
        close_one(&rn_files[i]);
}

void rn_files_begin(unsigned long seed)
{
    const char *test = getenv("QUIESCE_TEST_DIR"), *own = getenv("QUIESCE_RANDOM_FILES");
    int i;

    memset(rn_files, 0, sizeof(rn_files));
    files = 0;
    snprintf(folder, sizeof(folder), "%s/seed-%lu",
             test != NULL  ? test
             : own != NULL ? own
                           : ".",
             seed);
    mkdir(folder, 0700);
    MPI_Barrier(MPI_COMM_WORLD);
    for (i = rn_dice(3); i > 0 && !rn_without("file_make"); i--)
        rn_file_make();
}

void rn_files_end(void)
{
    int i;

    for (i = 0; i < FILES; i++)
        if (rn_files[i].live)
            close_one(&rn_files[i]);
    MPI_Barrier(MPI_COMM_WORLD);
    rmdir(folder);
}
