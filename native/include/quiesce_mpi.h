/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an MPI program may ask of Quiesce: Open MPI's extension "cr" (1.7 and later). Link with -lquiesce_mpi. Functions
 * return MPI_SUCCESS or an error code, for which MPI_Error_string() has the reason; they call no error handler, and the
 * program goes on. In a program that does not run under Quiesce they return a code of the class
 * MPI_ERR_UNSUPPORTED_OPERATION.
 */
#ifndef QUIESCE_MPI_H
#define QUIESCE_MPI_H

#include <mpi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OMPI_HAVE_MPI_EXT_CR 1

/* Most bytes of a handle, with its NUL. */
#define OMPI_CR_MAX_HANDLE 256

/*
 * Takes a checkpoint of the job. Collective over MPI_COMM_WORLD; returns when the checkpoint is committed, and in the
 * restarted job. HANDLE and SEQ, the same on all ranks, are what `quiesce restart HANDLE -s SEQ` takes; the caller frees
 * *HANDLE. Both may be NULL. INFO is not looked at.
 */
int OMPI_CR_Checkpoint(char **handle, int *seq, MPI_Info *info);

/* Refused: a running job is ended and restarted from outside. */
int OMPI_CR_Restart(char *handle, int seq, MPI_Info *info);

/* Refused: single ranks do not move. */
int OMPI_CR_Migrate(MPI_Comm comm, char *hostname, int rank, MPI_Info *info);

/*
 * Between start and end the ranks agree to be quiet, and may take checkpoints with all of them at one known place. Collective
 * over COMM, which must be MPI_COMM_WORLD.
 */
int OMPI_CR_Quiesce_start(MPI_Comm comm, MPI_Info *info);
int OMPI_CR_Quiesce_checkpoint(MPI_Comm comm, char **handle, int *seq, MPI_Info *info);
int OMPI_CR_Quiesce_end(MPI_Comm comm, MPI_Info *info);

/* ---- what this rank does around each checkpoint, whoever asks for it ---- */

/* In this order: the first three before the checkpoint, the others after it, or after the restart. */
typedef enum {
    OMPI_CR_INC_PRE_CRS_PRE_MPI = 0,
    OMPI_CR_INC_PRE_CRS_POST_MPI = 1,
    OMPI_CR_INC_CRS_PRE_CKPT = 2,
    OMPI_CR_INC_CRS_POST_CKPT = 3,
    OMPI_CR_INC_POST_CRS_PRE_MPI = 4,
    OMPI_CR_INC_POST_CRS_POST_MPI = 5,
    OMPI_CR_INC_MAX = 6
} OMPI_CR_INC_callback_event_t;

typedef enum {
    OMPI_CR_INC_STATE_PREPARE = 0,
    OMPI_CR_INC_STATE_CONTINUE = 1,
    OMPI_CR_INC_STATE_RESTART = 2,
    OMPI_CR_INC_STATE_ERROR = 3 /* there is no checkpoint */
} OMPI_CR_INC_callback_state_t;

/* Not 0 in the state PREPARE: no checkpoint now. */
typedef int (*OMPI_CR_INC_callback_function)(OMPI_CR_INC_callback_event_t event,
                                             OMPI_CR_INC_callback_state_t state);

/* FUNCTION takes the place of *PREV_FUNCTION, and calls it if that shall run as well. */
int OMPI_CR_INC_register_callback(OMPI_CR_INC_callback_event_t event,
                                  OMPI_CR_INC_callback_function function,
                                  OMPI_CR_INC_callback_function *prev_function);

/*
 * The functions of the self checkpointer: right before the image, and right after it or after the restart. Without
 * registration PREFIX_checkpoint, PREFIX_continue and PREFIX_restart of the program are taken, PREFIX being
 * OMPI_MCA_crs_self_prefix or else opal_crs_self_user. RESTART_CMD may be set and is not used: Quiesce restarts from an image.
 */
typedef int (*OMPI_CR_self_checkpoint_fn)(char **restart_cmd);
typedef int (*OMPI_CR_self_restart_fn)(void);
typedef int (*OMPI_CR_self_continue_fn)(void);

int OMPI_CR_self_register_checkpoint_callback(OMPI_CR_self_checkpoint_fn function);
int OMPI_CR_self_register_restart_callback(OMPI_CR_self_restart_fn function);
int OMPI_CR_self_register_continue_callback(OMPI_CR_self_continue_fn function);

#ifdef __cplusplus
}
#endif

#endif
