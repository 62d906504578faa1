/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation on files. The argument is a folder. */
#include "cover.h"

enum { PLAIN, SHARED, OTHERS, FILES, WORDS = 4, REQUESTS = 10 };

static MPI_File files[PASSES][FILES];
static MPI_Errhandler handlers[PASSES];
static const char *folder;
static int handled, out[WORDS], in[WORDS], sent[PASSES][WORDS], got[PASSES][5][WORDS];
static MPI_Request requests[PASSES][REQUESTS];
static struct {
    MPI_Group group;
    MPI_Info info[2];
    MPI_Errhandler seen;
} asked[PASSES];

static void handler(MPI_File *file, int *rc, ...)
{
    int class;

    (void)file;
    MPI_Error_class(*rc, &class);
    handled += class;
}

static void fill(int salt)
{
    for (int i = 0; i < WORDS; i++) {
        out[i] = salt * 100 + rank * 10 + i;
        in[i] = -1;
    }
}

static void note(const char *label, const MPI_Status *status)
{
    int count;

    MPI_Get_count(status, MPI_INT, &count);
    line("%s: %d: %d %d %d %d", label, count, in[0], in[1], in[2], in[3]);
}

static void make(int p)
{
    char path[400];

    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof(path), "%s/file-%d-%d", folder, p, i);
        MPI_File_open(MPI_COMM_WORLD, path, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL,
                      &files[p][i]);
    }
    MPI_File_set_view(files[p][OTHERS], 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL);
    MPI_File_create_errhandler(handler, &handlers[p]);
    MPI_File_set_size(files[p][PLAIN], 4000);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void forget(int p)
{
    MPI_Group_free(&asked[p].group);
    MPI_Info_free(&asked[p].info[0]);
    MPI_Info_free(&asked[p].info[1]);
    MPI_Errhandler_free(&asked[p].seen);
}

static void describe(int p)
{
    MPI_File f = files[p][PLAIN];
    MPI_Offset size_of, position, disp, at, shared;
    MPI_Datatype etype, filetype;
    MPI_Aint extent;
    int amode, atomic, n;
    char rep[MPI_MAX_DATAREP_STRING];

    MPI_File_set_view(f, 8, MPI_INT, MPI_INT, "native", MPI_INFO_NULL);
    MPI_File_get_view(f, &disp, &etype, &filetype, rep);
    MPI_File_seek(f, 5, MPI_SEEK_SET);
    MPI_File_get_position(f, &position);
    MPI_File_get_byte_offset(f, 3, &at);
    MPI_File_get_size(f, &size_of);
    MPI_File_get_amode(f, &amode);
    MPI_File_set_atomicity(f, 0);
    MPI_File_get_atomicity(f, &atomic);
    MPI_File_get_group(f, &asked[p].group);
    MPI_Group_size(asked[p].group, &n);
    MPI_File_get_type_extent(f, MPI_INT, &extent);
    line("%lld %s %d, at %lld %lld of %lld, amode %d %d, %d ranks, %ld", (long long)disp, rep,
         etype == MPI_INT && filetype == MPI_INT, (long long)position, (long long)at,
         (long long)size_of, amode, atomic, n, (long)extent);
    MPI_File_seek_shared(files[p][SHARED], 0, MPI_SEEK_SET);
    MPI_File_get_position_shared(files[p][SHARED], &shared);
    MPI_Info_create(&asked[p].info[0]);
    MPI_Info_set(asked[p].info[0], "own_hint", "is kept");
    MPI_File_set_info(f, asked[p].info[0]);
    MPI_File_get_info(f, &asked[p].info[1]);
    MPI_File_set_errhandler(f, handlers[p]);
    MPI_File_get_errhandler(f, &asked[p].seen);
    handled = 0;
    MPI_File_call_errhandler(f, MPI_ERR_ARG);
    line("shared %lld, handler %d, handled %d, %d", (long long)shared, asked[p].seen == handlers[p],
         handled, MPI_File_f2c(MPI_File_c2f(f)) == f);
    MPI_File_set_view(f, 0, MPI_INT, MPI_INT, "native", MPI_INFO_NULL);
}

static void blocking(int p)
{
    MPI_File f = files[p][PLAIN];
    MPI_Offset at = rank * WORDS;
    MPI_Status s;

    fill(1 + p);
    MPI_File_write_at(f, at, out, WORDS, MPI_INT, &s);
    MPI_File_read_at(f, at, in, WORDS, MPI_INT, &s);
    note("at", &s);
    fill(3 + p);
    MPI_File_write_at_all(f, at, out, WORDS, MPI_INT, &s);
    MPI_File_read_at_all(f, at, in, WORDS, MPI_INT, &s);
    note("at all", &s);
    fill(5 + p);
    MPI_File_seek(f, 20 + at, MPI_SEEK_SET);
    MPI_File_write(f, out, WORDS, MPI_INT, &s);
    MPI_File_seek(f, 20 + at, MPI_SEEK_SET);
    MPI_File_read(f, in, WORDS, MPI_INT, &s);
    note("individual", &s);
    fill(7 + p);
    MPI_File_seek(f, 40 + at, MPI_SEEK_SET);
    MPI_File_write_all(f, out, WORDS, MPI_INT, &s);
    MPI_File_seek(f, 40 + at, MPI_SEEK_SET);
    MPI_File_read_all(f, in, WORDS, MPI_INT, &s);
    note("individual all", &s);
    MPI_File_sync(f);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* Operations that are in progress until the next pass, or its end. */
static void start(int p)
{
    MPI_File f = files[p][PLAIN], own = files[p][OTHERS];
    MPI_Request *r = requests[p];
    MPI_Offset at = 100 + 4 * rank;

    fill(9 + p);
    memcpy(sent[p], out, sizeof(out));
    MPI_File_iwrite_at(own, at, sent[p], WORDS, MPI_INT, &r[0]);
    MPI_File_iwrite_at_all(own, at + 20, sent[p], WORDS, MPI_INT, &r[1]);
    MPI_File_seek(own, at + 40, MPI_SEEK_SET);
    MPI_File_iwrite(own, sent[p], WORDS, MPI_INT, &r[2]);
    MPI_File_seek(own, at + 60, MPI_SEEK_SET);
    MPI_File_iwrite_all(own, sent[p], WORDS, MPI_INT, &r[3]);
    MPI_File_iread_at(f, 4 * rank, got[p][0], WORDS, MPI_INT, &r[4]);
    MPI_File_iread_at_all(f, 4 * rank, got[p][1], WORDS, MPI_INT, &r[5]);
    MPI_File_seek(f, 4 * rank, MPI_SEEK_SET);
    MPI_File_iread(f, got[p][2], WORDS, MPI_INT, &r[6]);
    MPI_File_seek(f, 4 * rank, MPI_SEEK_SET);
    MPI_File_iread_all(f, got[p][3], WORDS, MPI_INT, &r[7]);
    for (int i = 0; i < size; i++) {
        if (i == rank)
            MPI_File_iread_shared(files[p][SHARED], got[p][4], WORDS, MPI_INT, &r[8]);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    for (int i = 0; i < size; i++) {
        if (i == rank)
            MPI_File_iwrite_shared(files[p][SHARED], sent[p], WORDS, MPI_INT, &r[9]);
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

static void complete(int p)
{
    MPI_Status s[REQUESTS];

    MPI_Waitall(REQUESTS, requests[p], s);
    for (int i = 0; i < REQUESTS; i++) {
        memcpy(in, got[p][i < 4 || i == 9 ? 0 : i - 4], sizeof(in));
        note("completed", &s[i]);
    }
    MPI_File_read_at(files[p][OTHERS], 140 + 4 * rank, in, WORDS, MPI_INT, &s[0]);
    note("written", &s[0]);
}

static void split(int p)
{
    MPI_File f = files[p][OTHERS];
    MPI_Offset at = rank * WORDS;
    MPI_Status s;

    fill(11 + p);
    MPI_File_write_at_all_begin(f, at, out, WORDS, MPI_INT);
    before_rank_0();
    MPI_File_write_at_all_end(f, out, &s);
    after_rank_0();
    MPI_File_read_at_all_begin(f, at, in, WORDS, MPI_INT);
    before_rank_0();
    MPI_File_read_at_all_end(f, in, &s);
    after_rank_0();
    note("split at", &s);
    fill(13 + p);
    MPI_File_seek(f, at + 20, MPI_SEEK_SET);
    MPI_File_write_all_begin(f, out, WORDS, MPI_INT);
    before_rank_0();
    MPI_File_write_all_end(f, out, &s);
    after_rank_0();
    MPI_File_seek(f, at + 20, MPI_SEEK_SET);
    MPI_File_read_all_begin(f, in, WORDS, MPI_INT);
    before_rank_0();
    MPI_File_read_all_end(f, in, &s);
    after_rank_0();
    note("split", &s);
    MPI_Barrier(MPI_COMM_WORLD);
}

/* In turns: whose shared access comes first is then always the same. */
static void shared_in_turns(MPI_File f)
{
    MPI_Status s;

    for (int i = 0; i < size; i++) {
        if (i == rank)
            MPI_File_write_shared(f, out, WORDS, MPI_INT, &s);
        MPI_Barrier(MPI_COMM_WORLD);
    }
    MPI_File_seek_shared(f, 0, MPI_SEEK_SET);
    for (int i = 0; i < size; i++) {
        if (i == rank) {
            MPI_File_read_shared(f, in, WORDS, MPI_INT, &s);
            note("shared", &s);
        }
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

static void shared(int p)
{
    MPI_File f = files[p][SHARED];
    MPI_Status s;

    fill(15 + p);
    shared_in_turns(f);
    MPI_File_seek_shared(f, 0, MPI_SEEK_SET);
    fill(17 + p);
    MPI_File_write_ordered(f, out, WORDS, MPI_INT, &s);
    MPI_File_write_ordered_begin(f, out, WORDS, MPI_INT);
    before_rank_0();
    MPI_File_write_ordered_end(f, out, &s);
    after_rank_0();
    MPI_File_seek_shared(f, 0, MPI_SEEK_SET);
    MPI_File_read_ordered(f, in, WORDS, MPI_INT, &s);
    note("ordered", &s);
    MPI_File_read_ordered_begin(f, in, WORDS, MPI_INT);
    before_rank_0();
    MPI_File_read_ordered_end(f, in, &s);
    after_rank_0();
    note("split ordered", &s);
    MPI_File_seek_shared(f, 0, MPI_SEEK_SET);
    MPI_Barrier(MPI_COMM_WORLD);
}

static int extent_of(MPI_Datatype type, MPI_Aint *extent, void *extra)
{
    (void)type, (void)extra;
    *extent = 4;
    return MPI_SUCCESS;
}

static void pass(int p)
{
    char path[400], name[20];
    MPI_File gone;
    MPI_Errhandler none;

    make(p);
    for (int q = 0; q <= p; q++) {
        if (q < p)
            forget(q);
        describe(q);
        blocking(q);
        split(q);
        shared(q);
    }
    if (p > 0)
        complete(p - 1);
    start(p);
    snprintf(name, sizeof(name), "quiesce-%d", p);
    MPI_File_set_errhandler(MPI_FILE_NULL, MPI_ERRORS_RETURN);
    code("datarep", MPI_Register_datarep(name, MPI_CONVERSION_FN_NULL, MPI_CONVERSION_FN_NULL,
                                         extent_of, NULL));
    snprintf(path, sizeof(path), "%s/gone-%d", folder, rank);
    MPI_File_open(MPI_COMM_SELF, path, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &gone);
    MPI_File_close(&gone);
    code("delete", MPI_File_delete(path, MPI_INFO_NULL));
    snprintf(path, sizeof(path), "%s/closed-%d", folder, p);
    MPI_File_open(MPI_COMM_WORLD, path, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &gone);
    MPI_File_preallocate(gone, 8000); /* Open MPI 4.1 hangs in collective writes to such a file */
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_File_close(&gone);
    MPI_File_create_errhandler(handler, &none);
    MPI_Errhandler_free(&none);
    if (p == PASSES - 1)
        complete(p);
    for (int q = 0; p == PASSES - 1 && q < PASSES; q++) {
        for (int i = 0; i < FILES; i++)
            MPI_File_close(&files[q][i]);
        MPI_Errhandler_free(&handlers[q]);
    }
}

int main(int argc, char **argv)
{
    folder = argc > 1 ? argv[1] : ".";
    return cover_main(argc, argv, pass);
}
