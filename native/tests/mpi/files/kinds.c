/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of all kinds are open, with operations in progress, when a checkpoint is asked for; then each is written on. Run by
 * files.sh: the folder must hold the same files as after an undisturbed run, and the reports of the ranks must be the same.
 */
#include "files.h"

#define WORDS 8

enum {
    EXPLICIT,
    VIEW,
    BLOCKS,
    SHARED,
    ORDERED,
    ORDERED_SPLIT,
    IWRITE,
    IREAD,
    WRITE_SPLIT,
    READ_SPLIT,
    APPEND,
    EXCLUSIVE,
    SCRATCH,
    ATOMIC,
    HALF,
    OWN,
    SIZES,
    SEQUENTIAL,
    RENAMED,
    HINTS,
    DEVICE,
    KINDS
};
static const char *const names[KINDS] = {
    "explicit", "view",   "blocks",      "shared",     "ordered", "ordered-split",
    "iwrite",   "iread",  "write-split", "read-split", "append",  "exclusive",
    "scratch",  "atomic", "half",        "own",        "sizes",   "sequential",
    "renamed",  "hints",  "/dev/null"};

static MPI_File file[KINDS];
static MPI_Request requests[6];
static int sent[6][WORDS], got[6][WORDS], split_sent[2][WORDS], split_got[2][WORDS];
static int handled, handler_code;
static MPI_File handler_file;

/* It has no non-blocking collectives, and does not tell the position in sequential files. */
static int is_romio(void)
{
    const char *io = getenv("OMPI_MCA_io");

    return io != NULL && strstr(io, "romio") != NULL;
}

static void fill(int *words, int tag)
{
    for (int i = 0; i < WORDS; i++)
        words[i] = tag * 1000 + qt_rank * 100 + i;
}

static void handler(MPI_File *f, int *rc, ...)
{
    handled++;
    handler_file = *f;
    handler_code = *rc;
}

/* A file with WORDS * qt_size * 4 words, the I-th of them I. */
static void prefill(const char *name)
{
    FILE *f = qt_rank == 0 ? fopen(in_folder(name), "w") : NULL;

    for (int i = 0; f != NULL && i < WORDS * qt_size * 4; i++)
        fwrite(&i, sizeof(i), 1, f);
    if (f != NULL)
        fclose(f);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void open_file(int kind, MPI_Comm comm, int amode, MPI_Info info)
{
    int rc = MPI_File_open(comm, kind == DEVICE ? names[kind] : in_folder(names[kind]), amode, info,
                           &file[kind]);

    QT_CHECK(rc == MPI_SUCCESS, "open %s: %d", names[kind], rc);
}

/* Every rank does it, one after the other. */
static void by_turns(void (*act)(int tag), int tag)
{
    for (int i = 0; i < qt_size; i++) {
        if (i == qt_rank)
            act(tag);
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

static void set_view(int kind, MPI_Offset disp, MPI_Datatype etype, MPI_Datatype filetype)
{
    int rc = MPI_File_set_view(file[kind], disp, etype, filetype, "native", MPI_INFO_NULL);

    QT_CHECK(rc == MPI_SUCCESS, "view of %s: %d", names[kind], rc);
}

/* Every rank has every qt_size-th pair of integers; the type is freed at once. */
static void set_strided_view(int kind)
{
    MPI_Datatype pair, strided, placed;

    MPI_Type_contiguous(2, MPI_INT, &pair);
    MPI_Type_commit(&pair);
    MPI_Type_create_resized(pair, 0, 8 * qt_size, &strided);
    MPI_Type_create_hindexed(1, (int[]){1}, (MPI_Aint[]){0}, strided, &placed);
    MPI_Type_commit(&placed);
    set_view(kind, 24 + 8 * qt_rank, pair, placed);
    MPI_Type_free(&pair);
    MPI_Type_free(&strided);
    MPI_Type_free(&placed);
}

static void set_block_view(int kind)
{
    MPI_Datatype block;

    MPI_Type_create_subarray(2, (int[]){6, 4 * qt_size}, (int[]){6, 4}, (int[]){0, 4 * qt_rank},
                             MPI_ORDER_C, MPI_INT, &block);
    MPI_Type_commit(&block);
    set_view(kind, 0, MPI_INT, block);
    MPI_Type_free(&block);
}

static void open_simple(void)
{
    static const int plain[] = {EXPLICIT, VIEW,        BLOCKS, SHARED, ORDERED, ORDERED_SPLIT,
                                IWRITE,   WRITE_SPLIT, ATOMIC, SIZES,  RENAMED};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        open_file(plain[i], MPI_COMM_WORLD, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL);
    prefill(names[IREAD]);
    open_file(IREAD, MPI_COMM_WORLD, MPI_MODE_RDONLY, MPI_INFO_NULL);
    prefill(names[READ_SPLIT]);
    open_file(READ_SPLIT, MPI_COMM_WORLD, MPI_MODE_RDONLY | MPI_MODE_UNIQUE_OPEN, MPI_INFO_NULL);
    prefill(names[APPEND]);
    open_file(APPEND, MPI_COMM_WORLD, MPI_MODE_WRONLY | MPI_MODE_APPEND, MPI_INFO_NULL);
    open_file(EXCLUSIVE, MPI_COMM_WORLD, MPI_MODE_CREATE | MPI_MODE_EXCL | MPI_MODE_RDWR,
              MPI_INFO_NULL);
    open_file(SCRATCH, MPI_COMM_WORLD, MPI_MODE_CREATE | MPI_MODE_RDWR | MPI_MODE_DELETE_ON_CLOSE,
              MPI_INFO_NULL);
    open_file(SEQUENTIAL, MPI_COMM_WORLD,
              MPI_MODE_CREATE | MPI_MODE_WRONLY | (is_romio() ? 0 : MPI_MODE_SEQUENTIAL),
              MPI_INFO_NULL);
    open_file(DEVICE, MPI_COMM_SELF, MPI_MODE_RDWR, MPI_INFO_NULL);
}

/* On communicators that are gone before the checkpoint; in another order on odd ranks. */
static void open_on_others(void)
{
    static char own[40], half[40];
    MPI_Comm comm;
    MPI_Info info;

    MPI_Comm_split(MPI_COMM_WORLD, qt_rank % 2, -qt_rank, &comm);
    snprintf(own, sizeof(own), "own-%d", qt_rank);
    snprintf(half, sizeof(half), "half-%d", qt_rank % 2);
    for (int i = 0; i < 2; i++) {
        if (i == qt_rank % 2)
            MPI_File_open(comm, in_folder(half), MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL,
                          &file[HALF]);
        else
            MPI_File_open(MPI_COMM_SELF, in_folder(own), MPI_MODE_CREATE | MPI_MODE_RDWR,
                          MPI_INFO_NULL, &file[OWN]);
    }
    MPI_Comm_free(&comm);
    MPI_Info_create(&info);
    MPI_Info_set(info, "cb_buffer_size", "1048576");
    MPI_Info_set(info, "own_hint", "is kept");
    open_file(HINTS, MPI_COMM_WORLD, MPI_MODE_CREATE | MPI_MODE_RDWR, info);
    MPI_Info_free(&info);
}

static void set_up(void)
{
    MPI_Errhandler own;
    char to[300];

    set_strided_view(VIEW);
    set_block_view(BLOCKS);
    set_view(SHARED, 12, MPI_INT, MPI_INT);
    MPI_File_set_atomicity(file[ATOMIC], 1);
    MPI_File_create_errhandler(handler, &own);
    MPI_File_set_errhandler(file[ATOMIC], own);
    MPI_Errhandler_free(&own);
    snprintf(to, sizeof(to), "%s/renamed-to", files_folder);
    if (qt_rank == 0)
        QT_CHECK(rename(in_folder(names[RENAMED]), to) == 0, "rename");
    MPI_File_set_size(file[SIZES], 1000);
    MPI_File_preallocate(file[SIZES], 5000);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void write_shared(int tag)
{
    int words[WORDS];

    fill(words, tag);
    MPI_File_write_shared(file[SHARED], words, 3, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_shared(file[SEQUENTIAL], words, 5, MPI_BYTE, MPI_STATUS_IGNORE);
    MPI_File_write_shared(file[HALF], words, tag % 3 + 1, MPI_INT, MPI_STATUS_IGNORE);
}

/* What writes the same number of words each time, at the next place. */
static void write_on(int tag)
{
    MPI_Offset at = (MPI_Offset)((tag * qt_size + qt_rank) * WORDS) * 4;
    int words[WORDS];

    fill(words, tag);
    MPI_File_write_at(file[EXPLICIT], at, words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write(file[VIEW], words, 4, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_all(file[BLOCKS], words, 6, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_ordered(file[ORDERED], words, 1 + qt_rank, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_at_all(file[ATOMIC], at, words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_at(file[EXCLUSIVE], at, words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_at(file[SCRATCH], at, words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_at(file[RENAMED], at, words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_at_all(file[HINTS], at, words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write(file[OWN], words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write(file[DEVICE], words, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    by_turns(write_shared, tag);
    if (qt_rank == 0)
        MPI_File_write(file[APPEND], words, 3, MPI_INT, MPI_STATUS_IGNORE);
}

static void start_ishared(int tag)
{
    fill(sent[2], tag);
    MPI_File_iwrite_shared(file[IWRITE], sent[2], 4, MPI_INT, &requests[2]);
}

/* Operations that are in progress at the checkpoint. */
static void start(void)
{
    MPI_Offset at = 4000 + qt_rank * 200;
    int rc;

    fill(sent[0], 20);
    MPI_File_iwrite_at(file[IWRITE], at, sent[0], WORDS, MPI_INT, &requests[0]);
    fill(sent[1], 21);
    MPI_File_seek(file[IWRITE], at + 100, MPI_SEEK_SET);
    MPI_File_iwrite(file[IWRITE], sent[1], WORDS, MPI_INT, &requests[1]);
    by_turns(start_ishared, 22);
    MPI_File_seek(file[IREAD], (WORDS * qt_size * 4 - WORDS) * 4, MPI_SEEK_SET);
    MPI_File_iread(file[IREAD], got[3], WORDS, MPI_INT, &requests[3]);
    MPI_File_iread_at(file[IREAD], 4 * qt_rank, got[4], WORDS, MPI_INT, &requests[4]);
    if (is_romio())
        MPI_File_iread_at(file[IREAD], 200, got[5], WORDS, MPI_INT, &requests[5]);
    else
        MPI_File_iread_at_all(file[IREAD], 200, got[5], WORDS, MPI_INT, &requests[5]);
    fill(split_sent[0], 23);
    MPI_File_seek(file[WRITE_SPLIT], at, MPI_SEEK_SET);
    rc = MPI_File_write_all_begin(file[WRITE_SPLIT], split_sent[0], WORDS, MPI_INT);
    note_code("a split write begins", rc);
    rc = MPI_File_read_at_all_begin(file[READ_SPLIT], 8 * qt_rank, split_got[0], WORDS, MPI_INT);
    note_code("a split read begins", rc);
    fill(split_sent[1], 24);
    MPI_File_write_ordered_begin(file[ORDERED_SPLIT], split_sent[1], 2 + qt_rank, MPI_INT);
}

static void note_words(const char *label, const int *words)
{
    note("%s: %d %d %d %d %d %d %d %d", label, words[0], words[1], words[2], words[3], words[4],
         words[5], words[6], words[7]);
}

static void complete(void)
{
    MPI_Status status;
    char label[40];

    for (int i = 0; i < 6; i++) {
        QT_CHECK(MPI_Wait(&requests[i], &status) == MPI_SUCCESS && requests[i] == MPI_REQUEST_NULL,
                 "request %d", i);
        snprintf(label, sizeof(label), "request %d", i);
        note_status(label, &status);
        note_words(label, got[i]);
    }
    note_code("split write", MPI_File_write_all_end(file[WRITE_SPLIT], split_sent[0], &status));
    note_status("split write", &status);
    note_code("split read", MPI_File_read_at_all_end(file[READ_SPLIT], split_got[0], &status));
    note_status("split read", &status);
    note_words("split read", split_got[0]);
    note_code("split ordered",
              MPI_File_write_ordered_end(file[ORDERED_SPLIT], split_sent[1], &status));
    note_status("split ordered", &status);
}

static void note_hints(MPI_File f)
{
    char key[MPI_MAX_INFO_KEY + 1], value[MPI_MAX_INFO_VAL + 1];
    int count, flag;
    MPI_Info info;

    MPI_File_get_info(f, &info);
    MPI_Info_get_nkeys(info, &count);
    for (int i = 0; i < count; i++) {
        MPI_Info_get_nthkey(info, i, key);
        MPI_Info_get(info, key, MPI_MAX_INFO_VAL, value, &flag);
        note("  hint %d: %s=%s", i, key, value);
    }
    MPI_Info_free(&info);
}

static void note_type(const char *label, MPI_Datatype type)
{
    int integers, addresses, types, combiner, bytes;
    MPI_Aint low, extent;

    MPI_Type_get_envelope(type, &integers, &addresses, &types, &combiner);
    MPI_Type_size(type, &bytes);
    MPI_Type_get_extent(type, &low, &extent);
    note("  %s: combiner %d, size %d, lower bound %ld, extent %ld%s", label, combiner, bytes,
         (long)low, (long)extent, type == MPI_INT ? ", MPI_INT" : "");
    if (combiner != MPI_COMBINER_NAMED)
        MPI_Type_free(&type);
}

/* Everything that a file can be asked for. */
static void note_file(int kind)
{
    MPI_Offset position = -1, shared = -1, disp = -1, size = -1, byte = -1;
    int amode, atomic, ranks;
    MPI_Datatype etype, filetype;
    char rep[MPI_MAX_DATAREP_STRING] = "";
    MPI_Group group;
    MPI_Aint extent;

    MPI_File_get_amode(file[kind], &amode);
    MPI_File_get_position(file[kind], &position);
    MPI_File_get_byte_offset(file[kind], position, &byte);
    MPI_File_get_position_shared(file[kind], &shared);
    MPI_File_get_size(file[kind], &size);
    MPI_File_get_atomicity(file[kind], &atomic);
    MPI_File_get_view(file[kind], &disp, &etype, &filetype, rep);
    MPI_File_get_group(file[kind], &group);
    MPI_Group_size(group, &ranks);
    MPI_Group_free(&group);
    MPI_File_get_type_extent(file[kind], MPI_DOUBLE, &extent);
    note("%s: amode %d, position %lld (byte %lld), shared %lld, size %lld, atomic %d, disp %lld, "
         "%s, %d ranks, double %ld",
         names[kind], amode, (long long)position, (long long)byte, (long long)shared,
         (long long)size, atomic, (long long)disp, rep, ranks, (long)extent);
    note_type("etype", etype);
    note_type("filetype", filetype);
    note_hints(file[kind]);
}

static void note_files(const char *when)
{
    MPI_Barrier(MPI_COMM_WORLD);
    note("-- %s", when);
    for (int kind = 0; kind < KINDS; kind++)
        note_file(kind);
    MPI_Barrier(MPI_COMM_WORLD);
}

static void read_back(void)
{
    int words[WORDS] = {0};
    MPI_Status status;

    MPI_File_seek(file[VIEW], -2, MPI_SEEK_CUR);
    note_code("read through the view", MPI_File_read(file[VIEW], words, 4, MPI_INT, &status));
    note_status("read through the view", &status);
    note_words("read through the view", words);
    note_code("read",
              MPI_File_read_at(file[SCRATCH], qt_rank * WORDS * 4, words, WORDS, MPI_INT, &status));
    note_words("read", words);
    MPI_File_seek_shared(file[ORDERED], 0, MPI_SEEK_SET);
    note_code("read ordered", MPI_File_read_ordered(file[ORDERED], words, 2, MPI_INT, &status));
    note_words("read ordered", words);
    MPI_File_seek_shared(file[ORDERED], 0, MPI_SEEK_END);
    MPI_File_call_errhandler(file[ATOMIC], MPI_ERR_IO);
    note("handler: %d calls, the file %d, code %d", handled, handler_file == file[ATOMIC],
         handler_code);
}

static void close_all(void)
{
    struct {
        MPI_Fint index;
    } f = {MPI_File_c2f(file[EXPLICIT])};

    QT_CHECK(MPI_File_f2c(f.index) == file[EXPLICIT], "the Fortran handle");
    MPI_File_set_size(file[SIZES], 100);
    for (int kind = 0; kind < KINDS; kind++) {
        int rc = MPI_File_close(&file[kind]);

        QT_CHECK(rc == MPI_SUCCESS && file[kind] == MPI_FILE_NULL, "close %s: %d", names[kind], rc);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    note("the scratch file is %s", access(in_folder(names[SCRATCH]), F_OK) == 0 ? "there" : "gone");
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    open_simple();
    open_on_others();
    set_up();
    for (int tag = 0; tag < 2; tag++)
        write_on(tag);
    if (!is_romio())
        MPI_File_set_view(file[SEQUENTIAL], MPI_DISPLACEMENT_CURRENT, MPI_BYTE, MPI_BYTE, "native",
                          MPI_INFO_NULL);
    note_files("before");
    start();
    if (qt_rank == 0)
        qt_make("want", 0);
    qt_until("done", 0);
    complete();
    note_files("after");
    for (int tag = 2; tag < 5; tag++)
        write_on(tag);
    MPI_File_set_size(file[SIZES], 9000);
    MPI_Barrier(MPI_COMM_WORLD);
    if (qt_rank == 0)
        qt_make("written", 0);
    qt_until("gone", 0);
    note_files("at the end");
    read_back();
    close_all();
    return finish();
}
