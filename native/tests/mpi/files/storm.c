/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes and reads files in every way for a given number of steps, while checkpoints are taken at random times and the job is
 * killed some time after them. What each step does depends on its number only, so a restarted job does it again; nothing that
 * is read is overwritten afterwards. Run by files.sh.
 */
#include "files.h"

#define WORDS 64

enum { OWN, STRIDED, SHARED, ORDERED, SPLIT, LATER, GROWING, FILES };
static const char *const names[FILES] = {"own",   "strided", "shared", "ordered",
                                         "split", "later",   "growing"};
static MPI_File file[FILES];
static unsigned random_state;

static unsigned next_random(void)
{
    random_state = random_state * 1103515245u + 12345u;
    return random_state >> 16;
}

static void fill(int *words, int count, int step)
{
    for (int i = 0; i < count; i++)
        words[i] = step * 100000 + qt_rank * 1000 + i;
}

static void check(const int *words, int count, int step, const char *what)
{
    for (int i = 0; i < count; i++)
        QT_CHECK(words[i] == step * 100000 + qt_rank * 1000 + i, "step %d, %s: word %d is %d", step,
                 what, i, words[i]);
}

static void open_all(void)
{
    MPI_Datatype block, strided;

    for (int i = 0; i < FILES; i++)
        QT_CHECK(MPI_File_open(MPI_COMM_WORLD, in_folder(names[i]), MPI_MODE_CREATE | MPI_MODE_RDWR,
                               MPI_INFO_NULL, &file[i]) == MPI_SUCCESS,
                 "open %s", names[i]);
    MPI_Type_vector(1, 4, 4, MPI_INT, &block);
    MPI_Type_create_resized(block, 0, 16 * qt_size, &strided);
    MPI_Type_commit(&strided);
    MPI_File_set_view(file[STRIDED], 16 * qt_rank, MPI_INT, strided, "native", MPI_INFO_NULL);
    MPI_Type_free(&block);
    MPI_Type_free(&strided);
}

/* Individual pointers: each rank its part of a file, and what it wrote is there. */
static void individual(int step, int *words, int *back)
{
    MPI_File_seek(file[OWN], (MPI_Offset)(step * qt_size + qt_rank) * WORDS * 4, MPI_SEEK_SET);
    MPI_File_write(file[OWN], words, WORDS / 2, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write(file[OWN], words + WORDS / 2, WORDS / 2, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_seek(file[OWN], -WORDS * 4, MPI_SEEK_CUR);
    MPI_File_read(file[OWN], back, WORDS, MPI_INT, MPI_STATUS_IGNORE);
    check(back, WORDS, step, "individual");
    MPI_File_write_all(file[STRIDED], words, 8, MPI_INT, MPI_STATUS_IGNORE);
}

/* Shared pointers; the order of ranks is open in the first file, so its records carry their names. */
static void shared(int step, int *words)
{
    int record[4] = {step, qt_rank, words[2], words[3]};

    MPI_File_write_shared(file[SHARED], record, 4, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_write_ordered(file[ORDERED], words, 1 + (step + qt_rank) % 5, MPI_INT,
                           MPI_STATUS_IGNORE);
}

static void in_progress(int step, int *words, int *back)
{
    MPI_Offset at = (MPI_Offset)(step * qt_size + qt_rank) * WORDS * 4;
    MPI_Request requests[2];
    MPI_Status status;
    int count;

    MPI_File_write_at_all_begin(file[SPLIT], at, words, WORDS, MPI_INT);
    MPI_File_iwrite_at(file[LATER], at, words, WORDS / 2, MPI_INT, &requests[0]);
    MPI_File_iwrite_at(file[LATER], at + WORDS * 2, words + WORDS / 2, WORDS / 2, MPI_INT,
                       &requests[1]);
    qt_compute((next_random() % 3) * 0.001);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    MPI_File_iread_at(file[LATER], at, back, WORDS, MPI_INT, &requests[0]);
    qt_compute((next_random() % 3) * 0.001);
    MPI_File_write_at_all_end(file[SPLIT], words, &status);
    MPI_Get_count(&status, MPI_INT, &count);
    QT_CHECK(count == WORDS, "step %d: %d words written", step, count);
    MPI_Wait(&requests[0], &status);
    MPI_Get_count(&status, MPI_INT, &count);
    QT_CHECK(count == WORDS, "step %d: %d words read", step, count);
    check(back, WORDS, step, "in progress");
}

/* A file whose size is known, and one that is open for a moment. */
static void sizes(int step)
{
    MPI_Offset size;
    MPI_File moment;
    char name[40];

    MPI_File_set_size(file[GROWING], 10 * step);
    MPI_File_get_size(file[GROWING], &size);
    QT_CHECK(size == 10 * step, "step %d: %lld bytes", step, (long long)size);
    snprintf(name, sizeof(name), "moment-%d", step % 3);
    QT_CHECK(MPI_File_open(MPI_COMM_WORLD, in_folder(name), MPI_MODE_CREATE | MPI_MODE_RDWR,
                           MPI_INFO_NULL, &moment) == MPI_SUCCESS,
             "step %d: open", step);
    MPI_File_write_at(moment, 4 * qt_rank, &step, 1, MPI_INT, MPI_STATUS_IGNORE);
    MPI_File_close(&moment);
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

/* Each record must be there once; in order, the file can be compared. */
static void sort_records(int steps)
{
    size_t count = (size_t)steps * (size_t)qt_size, got;
    int(*records)[4] = calloc(count + 1, sizeof(*records));
    FILE *f = fopen(in_folder(names[SHARED]), "r+");

    got = fread(records, sizeof(*records), count + 1, f);
    QT_CHECK(got == count, "%zu records instead of %zu", got, count);
    qsort(records, got, sizeof(*records), compare);
    rewind(f);
    fwrite(records, sizeof(*records), got, f);
    fclose(f);
    free(records);
}

int main(int argc, char **argv)
{
    int words[WORDS], back[WORDS], steps;

    begin(&argc, &argv);
    steps = argc > 2 ? atoi(argv[2]) : 100;
    open_all();
    if (qt_rank == 0)
        qt_make("running", 0);
    for (int step = 0; step < steps; step++) {
        random_state = (unsigned)(step * 7 + qt_rank);
        fill(words, WORDS, step);
        individual(step, words, back);
        shared(step, words);
        in_progress(step, words, back);
        if (step % 4 == 0)
            sizes(step);
    }
    for (int i = 0; i < FILES; i++)
        MPI_File_close(&file[i]);
    MPI_Barrier(MPI_COMM_WORLD);
    if (qt_rank == 0)
        sort_records(steps);
    note("%d steps, wrong: %d", steps, qt_wrong);
    return finish();
}
