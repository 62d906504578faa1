/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. The record behind an MPI_File. Upper FS. */
#ifndef CR_FILE_H
#define CR_FILE_H

#include "cr_object.h"

struct cr_info_pair;

/* What the real MPI says of a file when an image is about to be written. */
struct cr_file_saved {
    MPI_Offset disp, position, shared;
    int has_position, has_shared; /* the real MPI tells them */
    int atomic;
    uint64_t size; /* bytes, of a regular file */
    char datarep[MPI_MAX_DATAREP_STRING];
    struct cr_info_pair *hints;
};

struct cr_file {
    struct cr_keyed keyed;
    int amode; /* as the application gave it */
    int outside;
    int reopened; /* after a restart: what its closing deletes is deleted here */
    int relaxed;  /* shared writes are kept in other files until the closing */
    int32_t size; /* ranks */
    uint32_t *world_ranks;
    uint64_t id_high, id_low; /* the same on all ranks that have it open */
    char *name;               /* for MPI_File_open: a prefix such as "ufs:", and an absolute path */
    size_t prefix;            /* bytes of it */
    size_t name_size;
    int regular;
    uint64_t device, inode;
    MPI_Datatype etype, filetype; /* of the view, with a reference; NULL: never set */
    /* A split collective is in progress: its request, or NULL and its end. */
    int splitting, split_code;
    struct cr_request *split;
    MPI_Status split_status;
    struct cr_file_saved saved;
};

/* The files that are open, newest first, linked by keyed.next. */
struct cr_keyed *cr_file_list(void);

static inline const char *cr_file_path(const struct cr_file *file)
{
    return file->name + file->prefix;
}

/* PATH becomes the name under which FILE is opened again; it may be part of the old one. */
void cr_file_name(struct cr_file *file, const char *prefix, size_t prefix_size, const char *path);

/* 1 if this rank is the one that does for FILE what must be done once. */
int cr_file_first(const struct cr_file *file);

#endif
