/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; the _rebuild and _check functions run while threads are parked. The kinds of MPI
 * objects: for each, how the application's handle is made, and how the object is made again in a
 * new lower half. Unless stated otherwise functions are called with the upper FS, inside a wrapper.
 */
#ifndef CR_OBJECT_H
#define CR_OBJECT_H

#include "cr_error.h"
#include "cr_stub.h"

/* ---- groups: sorted by nothing, as the application ordered them ---- */
struct cr_group_handle {
    struct cr_handle handle;
    struct cr_group_handle *next, **link;
    int32_t size;
    int32_t outside; /* 1: has members that are not in MPI_COMM_WORLD */
    uint32_t *world_ranks;
};
MPI_Group cr_group_new(MPI_Group real, const char *made_by);
int cr_group_check(struct cr_error *err);
void cr_group_rebuild(void);
/* A new real group of the world ranks; freed by the caller. Real handles; upper FS. */
MPI_Group cr_group_real_of(const uint32_t *world_ranks, int32_t count);

/* ---- communicators ---- */
void cr_communicator_init(void);
/* A spawned job is connected to its parent, whether or not the application asks for it. */
void cr_communicator_find_parent(void);
int cr_communicator_check(struct cr_error *err);
/* Copies what only the real communicators know: names and hints. */
void cr_communicator_snapshot(void);
int cr_communicator_rebuild(struct cr_error *err);
/* Fills in rank, size, world_ranks from the real communicator. */
void cr_communicator_describe(struct cr_communicator *comm);

/* ---- datatypes ---- */
MPI_Datatype cr_datatype_new(MPI_Datatype real, const char *made_by);
/* The handle for REAL: predefined, known, or new. */
MPI_Datatype cr_datatype_known(MPI_Datatype real, const char *made_by);
int cr_datatype_rebuild(struct cr_error *err);

/* How to make a datatype again: what MPI_Type_get_contents gives, with our handles. */
struct cr_type_recipe {
    int combiner;
    int integers, addresses, types;
    int *integer;
    MPI_Aint *address;
    struct cr_datatype **type;
    size_t size; /* bytes of the whole recipe, for the pool */
};
/* Makes the real type of RECIPE; all its parts exist. A code of MPI. */
int cr_recipe_make(const struct cr_type_recipe *recipe, MPI_Datatype *ret_real);

/* ---- operations ---- */
int cr_op_rebuild(struct cr_error *err);

/* ---- infos ---- */
MPI_Info cr_info_new(MPI_Info real, const char *made_by);
/* Copies keys and values of all live ones, so that they can be made again. */
void cr_info_snapshot(void);
void cr_info_rebuild(void);
/* Keys and values of a real info object in their order; free makes the list empty. */
struct cr_info_pair;
struct cr_info_pair *cr_info_pairs_read(MPI_Info real);
MPI_Info cr_info_pairs_make(const struct cr_info_pair *pairs);
void cr_info_pairs_free(struct cr_info_pair **pairs);

/* ---- windows ---- */
/* The value of MPI_WIN_BASE and its like: an address, of the value except for the base. */
void *cr_window_attribute(void *window, int key);
/* Threads parked: completes all operations on all windows, at their targets too. */
int cr_window_flush(struct cr_error *err);
int cr_window_rebuild(struct cr_error *err);

/* ---- files ---- */
/* A call that uses the shared pointer of FILE. */
void cr_file_uses_shared(MPI_File file);
int cr_file_check(struct cr_error *err);
/*
 * Finds the files of before the restart and cuts off what was written since. Before anything that
 * is collective.
 */
int cr_file_prepare(struct cr_error *err);
int cr_file_rebuild(struct cr_error *err);

/* ---- error handlers and error codes ---- */
/* Errors of the real MPI on its predefined objects come back as codes. */
void cr_errhandler_init(void);
/* NEW gets the error handler of PARENT (NULL: the default of its kind). */
void cr_errhandler_inherit(struct cr_keyed *made, const struct cr_keyed *parent);
void cr_errhandler_drop(struct cr_keyed *object);
void cr_error_class_rebuild(void);

/* ---- attributes ---- */
void cr_attribute_init(void);
void cr_attribute_refresh(void);
/* The place where a communicator, datatype or window keeps its attributes. */
struct cr_attributes **cr_attributes_of(void *object);
/* Calls the copy functions of FROM's attributes for TO. A code of MPI. */
int cr_attributes_copy(void *from, void *to);
/* Calls the delete functions; stops at the first that fails. A code of MPI. */
int cr_attributes_delete(void *object);
/* An (empty) set for a new window, so that Fortran's getters find the window. */
void cr_attributes_make(void *object);

/*
 * ---- the clock: MPI_Wtime continues after a restart where it was when the threads were parked
 * ----
 */
void cr_wtime_hold(void);
void cr_wtime_continue(void);

/* ---- MPI_Get_processor_name: kept at a checkpoint; after a restart one rank of REAL says if names
 * have changed. A code of MPI. ---- */
void cr_processor_hold(void);
int cr_processor_compare(MPI_Comm real, int rank, int size);

/* ---- environment: after a restart the new launcher's variables take the place of the old ones ---- */
void cr_environment_init(void);
void cr_environment_refresh(void);

/* ---- Fortran ---- */
void cr_fortran_init(void);

/* ---- callbacks of the lower half ---- */
extern int cr_tool_datareps; /* data representations registered */
/* Data representations and the tools interface: refused while in use. */
int cr_tool_check(struct cr_error *err);

#endif
