/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random files of MPI with a shared pointer: records in the order of the ranks, or in any. */
#include "random.h"

enum { MOST_RECORDS = 200 };

static int rank_in(const struct rn_file *f)
{
    return rn_comm_rank(f->comm, qt_rank);
}

static void check_count(MPI_Status *status)
{
    int count;

    MPI_Get_count(status, MPI_BYTE, &count);
    QT_CHECK(count == RECORD, "%d bytes of a record", count);
}

/* One rank's, now or with a request; in no order with others. */
static void write_one(struct rn_file *f, int event)
{
    const struct rn_comm *c = &rn_comms[f->comm];
    int rank = rn_dice(c->size), who = c->world[rank];
    int slot = rn_dice(2) ? rn_slot_take(who, RN_SEND, f->comm, 1) : -1;
    MPI_Status status;
    void *record;

    f->records++;
    if (slot >= 0)
        rn_slots[who][slot].of = OF_FILE + (int)(f - rn_files);
    rn_trace("record of file %d, rank %d, slot %d", (int)(f - rn_files), who, slot);
    if (who != qt_rank)
        return;
    record = rn_take(RECORD);
    rn_fill(record, RECORD, (uint64_t)event);
    if (slot >= 0) {
        rn_slots[who][slot].buffer = record;
        rn_slots[who][slot].event = event;
        MPI_File_iwrite_shared(f->handle, record, RECORD, MPI_BYTE, &rn_slots[who][slot].request);
        return;
    }
    MPI_File_write_shared(f->handle, record, RECORD, MPI_BYTE, &status);
    check_count(&status);
    rn_give(record);
}

static void write_ordered(struct rn_file *f, int event, int split)
{
    int me = rank_in(f);
    MPI_Status status;

    f->records += rn_comms[f->comm].size;
    f->split = split ? RN_WRITING : RN_WHOLE;
    rn_trace("records of file %d, split %d", (int)(f - rn_files), split);
    if (me < 0)
        return;
    f->buffer = rn_take(RECORD);
    rn_fill(f->buffer, RECORD, rn_mix((uint64_t)event, (uint64_t)me));
    if (split) {
        MPI_File_write_ordered_begin(f->handle, f->buffer, RECORD, MPI_BYTE);
        return;
    }
    MPI_File_write_ordered(f->handle, f->buffer, RECORD, MPI_BYTE, &status);
    check_count(&status);
    rn_give(f->buffer);
}

void rn_records_settle(struct rn_file *f)
{
    MPI_Status status;

    if (f->split == RN_WHOLE)
        return;
    f->split = RN_WHOLE;
    if (rank_in(f) < 0)
        return;
    MPI_File_write_ordered_end(f->handle, f->buffer, &status);
    check_count(&status);
    rn_give(f->buffer);
}

/* From the beginning, and the pointer is at the end again. */
static void read_ordered(struct rn_file *f, int event)
{
    MPI_Comm comm = rn_comms[f->comm].handle;
    char record[RECORD];
    MPI_Offset before, after;
    MPI_Status status;

    rn_files_settle();
    if (rank_in(f) < 0 || f->records == 0)
        return;
    MPI_File_sync(f->handle);
    MPI_Barrier(comm);
    MPI_File_get_position_shared(f->handle, &before);
    QT_CHECK(before == (MPI_Offset)f->records * RECORD, "shared pointer at %lld",
             (long long)before);
    MPI_Barrier(comm);
    MPI_File_seek_shared(f->handle, 0, MPI_SEEK_SET);
    MPI_File_read_ordered(f->handle, record, RECORD, MPI_BYTE, &status);
    rn_received(record, RECORD, MPI_STATUS_IGNORE, -1, event);
    MPI_Barrier(comm);
    MPI_File_seek_shared(f->handle, before, MPI_SEEK_SET);
    MPI_File_get_position_shared(f->handle, &after);
    QT_CHECK(after == before, "shared pointer at %lld", (long long)after);
    MPI_Barrier(comm);
}

void rn_records(struct rn_file *f, int event)
{
    int how = rn_dice(4);

    if (f->split != RN_WHOLE)
        rn_records_settle(f);
    else if (f->records >= MOST_RECORDS)
        return;
    else if (f->kind == RN_ANY_ORDER && how < 3)
        write_one(f, event);
    else if (how < 3 || f->kind == RN_ANY_ORDER)
        write_ordered(f, event, how == 1);
    else
        read_ordered(f, event);
}

/* Each record must be in the file once. The sum of their hashes does not depend on the order. */
void rn_records_end(struct rn_file *f)
{
    char record[RECORD];
    MPI_Status status;
    MPI_Offset bytes;
    int i;

    rn_records_settle(f);
    if (rank_in(f) < 0)
        return;
    MPI_File_sync(f->handle);
    MPI_Barrier(rn_comms[f->comm].handle);
    MPI_File_sync(f->handle);
    MPI_File_get_size(f->handle, &bytes);
    QT_CHECK(bytes == (MPI_Offset)f->records * RECORD, "%lld bytes of %d records", (long long)bytes,
             f->records);
    for (i = 0; rank_in(f) == 0 && i < f->records; i++) {
        MPI_File_read_at(f->handle, (MPI_Offset)i * RECORD, record, RECORD, MPI_BYTE, &status);
        check_count(&status);
        rn_received(record, RECORD, MPI_STATUS_IGNORE, -1, f->kind == RN_ORDERED ? i : 0);
    }
}
