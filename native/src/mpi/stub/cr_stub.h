/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked (no malloc, no stdio). How the stub libmpi.so.40
 * enters the lower half, and what the parts of the stub (generated wrappers, handwritten wrappers
 * here and in ../quiesce) share.
 *
 * A wrapper looks like this:
 *
 *     CR_MPI(int, Send, (const void *buf, int count, ...))
 *     {
 *         cr_gate_enter();
 *         uint64_t fs = cr_lower_enter();
 *         int rc = CR_REAL(Send)(buf, count, CR_REAL_DATATYPE(type), ...);
 *         cr_lower_leave(fs);
 *         rc = cr_raise_comm(comm, rc, "MPI_Send");
 *         cr_gate_leave();
 *         return rc;
 *     }
 *
 * Between cr_lower_enter() and cr_lower_leave() no thread-local variable, no errno and no function
 * of the upper libc may be used; plain memory, cr_handle_real() and cr_gate_word may. Files with
 * such code are built without stack protector.
 */
#ifndef CR_STUB_H
#define CR_STUB_H

#include "cr_error.h"
#include "cr_functions.h" /* generated: cr_fn_X types, CR_FN_X numbers */
#include "cr_gate.h"      /* ../quiesce: gate word, safe points */
#include "cr_handle.h"
#include "cr_lower.h"
#include "cr_mpi.h" /* mpi.h with the functions of MPI-1 */

/* ---- calling the real MPI ---- */

/*
 * Addresses in the lower half, by CR_FN_x. Filled at the first call and again after each restart.
 */
extern void *cr_real_functions[];

#define CR_REAL(name) ((cr_fn_##name *)cr_real_functions[CR_FN_##name])
#define CR_REAL_COMM(h) ((MPI_Comm)cr_handle_real(h))
#define CR_REAL_DATATYPE(h) ((MPI_Datatype)cr_handle_real(h))
#define CR_REAL_OP(h) ((MPI_Op)cr_handle_real(h))
#define CR_REAL_GROUP(h) ((MPI_Group)cr_handle_real(h))
#define CR_REAL_WIN(h) ((MPI_Win)cr_handle_real(h))
#define CR_REAL_FILE(h) ((MPI_File)cr_handle_real(h))
#define CR_REAL_INFO(h) ((MPI_Info)cr_handle_real(h))
#define CR_REAL_REQUEST(h) ((MPI_Request)cr_handle_real(h))
#define CR_REAL_MESSAGE(h) ((MPI_Message)cr_handle_real(h))

/*
 * Defines PMPI_name (strong) and MPI_name (weak), as Open MPI does. SIG in parentheses, with
 * parameter names.
 */
#define CR_MPI(ret, name, sig)                                                                     \
    __attribute__((visibility("default"))) ret PMPI_##name sig;                                    \
    __attribute__((visibility("default"), weak, alias("PMPI_" #name))) ret MPI_##name sig;         \
    __attribute__((visibility("default"))) ret PMPI_##name sig

/* ---- the calling thread ---- */

struct cr_self {
    uint64_t lower_fs;       /* FS base of the shadow that this thread borrows; 0: none yet */
    uint64_t *upper_fs_word; /* where the shadow keeps the borrower's FS base */
    uint64_t generation;     /* of the lower half for which the two above are right */
    void *requests;          /* ../quiesce: free list of this thread */
    void *quiesce;           /* ../quiesce: anything else */
};
extern __thread struct cr_self cr_self
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* ---- crossing over ---- */

extern int cr_stub_fsgsbase __attribute__((visibility("hidden"))); /* 1: wrfsbase may be used */

/*
 * Borrows a shadow for this thread, binds to the lower half if it is a new one. Called by
 * cr_lower_enter().
 */
void cr_stub_attach(void);

/* arch_prctl(ARCH_SET_FS), for processors or kernels without wrfsbase. */
void cr_stub_set_fs(uint64_t fs);

static inline __attribute__((always_inline)) void cr_lower_set_fs(uint64_t fs)
{
    if (__builtin_expect(cr_stub_fsgsbase, 1))
        __asm__ volatile("wrfsbase %0" ::"r"(fs) : "memory");
    else
        cr_stub_set_fs(fs);
}

/* Switches to the lower half's TCB. Returns the FS base to give to cr_lower_leave(). */
static inline __attribute__((always_inline)) uint64_t cr_lower_enter(void)
{
    uint64_t upper, lower;

    if (__builtin_expect(cr_self.generation != cr_lower->generation, 0))
        cr_stub_attach();
    __asm__ volatile("mov %%fs:0x10, %0" : "=r"(upper));
    lower = cr_self.lower_fs;
    *cr_self.upper_fs_word = upper;
    cr_lower_set_fs(lower);
    return upper;
}

static inline __attribute__((always_inline)) void cr_lower_leave(uint64_t upper)
{
    cr_lower_set_fs(upper);
}

/*
 * The agent acts as the main thread (which is parked): its calls use the main thread's shadow until
 * the matching return, and functions of the application that the lower half calls then have the main
 * thread's thread-local storage.
 */
void cr_stub_borrow_main(struct cr_self *ret_saved);
void cr_stub_return_main(const struct cr_self *saved);

/*
 * VISIT is called with the FS base of each thread of the upper half that has called MPI and lives;
 * none of them ends meanwhile. Not while threads are parked.
 */
void cr_stub_each_thread(void (*visit)(uint64_t upper_fs));

/*
 * In a signal handler: if FS is the base of a shadow, the FS base of the upper thread that borrows
 * it, otherwise 0.
 */
uint64_t cr_stub_upper_fs(void);

/* ---- handles made and freed ---- */

/*
 * For MPI_Init (REQUIRED -1) and MPI_Init_thread: calls the real one, makes errors return to the
 * stub, fills in MPI_COMM_WORLD and MPI_COMM_SELF and hands both to cr_quiesce_comm_added().
 * Returns an MPI error code.
 */
int cr_stub_init(int *argc, char ***argv, int required, int *ret_provided);

/*
 * For MPI_Finalize, after the barrier of ../quiesce: deletes the attributes of MPI_COMM_SELF, calls
 * the real one.
 */
int cr_stub_finalize(void);

/*
 * Wraps a communicator that the real MPI has just made. PARENT gives error handler and id;
 * attributes are copied by the caller. MPI_COMM_NULL for a null REAL. Inside the clock bracket of
 * the creating collective.
 */
MPI_Comm cr_communicator_new(MPI_Comm real, MPI_Comm parent, const char *made_by);

/*
 * The request of MPI_Comm_idup is complete: COMM, whose handle the application has had since the
 * call, becomes usable.
 */
void cr_communicator_idup_done(MPI_Comm comm);

/*
 * A request refers to COMM (so that it outlives MPI_Comm_free in the upper half) / does so no more.
 * Nothing happens for predefined ones, which are never freed.
 */
void cr_communicator_retain(MPI_Comm comm);
void cr_communicator_release(MPI_Comm comm);

/*
 * A request refers to TYPE, which must exist again after a restart even if the application frees it
 * meanwhile. Nothing happens for predefined types.
 */
void cr_datatype_retain(MPI_Datatype type);
void cr_datatype_release(MPI_Datatype type);
/* The same for an operation. */
void cr_op_retain(MPI_Op op);
void cr_op_release(MPI_Op op);
/* 1 once the application has made an operation. */
extern int cr_op_made __attribute__((visibility("hidden")));

/*
 * All communicators that have a state, predefined ones first: VISIT is called with each; stops at a
 * nonzero result.
 */
int cr_communicator_each(int (*visit)(struct cr_communicator *comm, void *context), void *context);

/* ---- errors ---- */

/*
 * RC of a call on an object, through the object's error handler: MPI_SUCCESS comes back at once.
 * NAME: "MPI_Send".
 */
int cr_raise(struct cr_keyed *object, int rc, const char *name);

static inline int cr_raise_comm(MPI_Comm comm, int rc, const char *name)
{
    return __builtin_expect(rc == MPI_SUCCESS, 1) ? rc
                                                  : cr_raise((struct cr_keyed *)comm, rc, name);
}

/* Text to standard error by write(2): never stdio. Conversions of cr_fmt.h. */
void cr_stub_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- checkpoint: called by ../quiesce ---- */

/*
 * Lets the lower half serve operations of other ranks on windows of this one. Returns 0 without
 * doing anything if there are no windows.
 */
int cr_window_progress(void);

/* All threads parked: refuses objects that cannot be rebuilt yet, by name. 0 or -CR_E.... */
int cr_stub_check(struct cr_error *err);

/*
 * In the drain, on the agent's thread after cr_stub_borrow_main(): what this rank has written to
 * open files goes to the disk, before the ranks agree that nothing is on its way any more ...
 */
void cr_file_sync(void);
/* ... and after that positions and sizes are noted. 0 or -CR_E... */
int cr_file_save(struct cr_error *err);

/*
 * In the restored process, on the agent's thread after cr_stub_borrow_main(), all others parked:
 * binds to the new lower half and makes operations, datatypes, groups, communicators and error
 * handling again. Afterwards each communicator's handle.real is right. Collective over all ranks.
 */
int cr_stub_rebuild(struct cr_error *err);

#endif
