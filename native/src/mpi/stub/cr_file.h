/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; usable while threads are parked. The record behind an MPI_File. Upper FS. */
#ifndef CR_FILE_H
#define CR_FILE_H

#include "cr_object.h"

struct cr_info_pair;
struct cr_file_helper;

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
    char *opened;             /* absolute path when it was opened */
    size_t opened_size;
    char *name;    /* for MPI_File_open: a prefix such as "ufs:", and an absolute path */
    size_t prefix; /* bytes of it */
    size_t name_size;
    int regular;
    uint64_t device, inode;
    MPI_Datatype etype, filetype; /* of the view, with a reference; NULL: never set */
    int shares;                   /* this rank has used the shared pointer */
    struct cr_file_helper *helpers;
    int splitting;            /* between begin and end of a split collective */
    struct cr_request *split; /* NULL: done, with this status */
    MPI_Status split_status;
    struct cr_file_saved saved;
};

/* The files that are open, newest first, linked by keyed.next. */
extern struct cr_keyed_list cr_files;
struct cr_keyed *cr_file_list(void);

static inline const char *cr_file_path(const struct cr_file *file)
{
    return file->name + file->prefix;
}

/* PATH becomes the name under which FILE is opened again; it may be part of the old one. */
void cr_file_name(struct cr_file *file, const char *prefix, size_t prefix_size, const char *path);

/* It has been opened under its present path. */
void cr_file_opened(struct cr_file *file);

/* Calls VISIT with what each descriptor of the lower half leads to, until one returns 1: then 1. */
int cr_file_each_descriptor(int (*visit)(const char *path, void *context), void *context);

/* Files beside FILE that its closing would remove: found, and removed after a restart. */
void cr_file_helpers_note(struct cr_file *file);
void cr_file_helpers_remove(const struct cr_file *file);
void cr_file_helpers_free(struct cr_file *file);

/* 1 if this rank is the one that does for FILE what must be done once. */
int cr_file_first(const struct cr_file *file);

#endif
