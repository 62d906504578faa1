/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of this folder share: lines that are kept until the end and compared with those of an undisturbed run. */
#ifndef FILES_H
#define FILES_H

#include "../quiesce/qt.h"

#include <stdarg.h>

static char files_folder[256], files_text[1 << 17];
static size_t files_used;

/* One line of the report of this rank. */
__attribute__((format(printf, 1, 2))) static inline void note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    files_used += (size_t)vsnprintf(files_text + files_used, sizeof(files_text) - files_used - 2,
                                    format, args);
    va_end(args);
    files_text[files_used++] = '\n';
    files_text[files_used] = '\0';
}

static inline void note_code(const char *label, int rc)
{
    int class = rc;

    if (rc != MPI_SUCCESS)
        MPI_Error_class(rc, &class);
    note("%s: class %d", label, class);
}

static inline void note_status(const char *label, const MPI_Status *status)
{
    int count, elements;

    MPI_Get_count(status, MPI_INT, &count);
    MPI_Get_elements(status, MPI_BYTE, &elements);
    note("%s: %d ints, %d bytes", label, count, elements);
}

static inline const char *in_folder(const char *name)
{
    static char path[400];

    snprintf(path, sizeof(path), "%s/%s", files_folder, name);
    return path;
}

static inline void begin(int *argc, char ***argv)
{
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &qt_rank);
    MPI_Comm_size(MPI_COMM_WORLD, &qt_size);
    snprintf(files_folder, sizeof(files_folder), "%s", *argc > 1 ? (*argv)[1] : ".");
}

/* The report goes into a file of its own. */
static inline int finish(void)
{
    char name[40];
    FILE *f;

    snprintf(name, sizeof(name), "report-%d", qt_rank);
    f = fopen(in_folder(name), "w");
    if (f == NULL || fputs(files_text, f) < 0 || fclose(f) != 0)
        qt_wrong++;
    MPI_Barrier(MPI_COMM_WORLD);
    printf("%s %d - files\n", qt_wrong ? "not ok" : "ok", qt_rank);
    MPI_Finalize();
    return qt_wrong != 0;
}

#endif
