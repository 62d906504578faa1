/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. What generated wrappers (and the handwritten ones here) use besides cr_stub.h.
 */
#ifndef CR_STUB_WRAP_H
#define CR_STUB_WRAP_H

#include "cr_dynamic.h"
#include "cr_object.h"
#include "cr_persistent.h"
#include "cr_quiesce.h"
#include "cr_stub.h"

/* An MPIX_ function with its PMPIX_ twin. */
#define CR_MPIX(ret, name, sig)                                                                    \
    __attribute__((visibility("default"))) ret P##name sig;                                        \
    __attribute__((visibility("default"), weak, alias("P" #name))) ret name sig;                   \
    __attribute__((visibility("default"))) ret P##name sig

/* 1 if HANDLE is one of ours, of KIND, and not the null handle. */
static inline int cr_wrap_is(const void *handle, enum cr_kind kind)
{
    const struct cr_handle *h = handle;

    return (uintptr_t)handle >= 4096 && h->magic == CR_HANDLE_MAGIC && h->kind == kind &&
           !(h->flags & CR_HANDLE_NULL);
}

/*
 * Opens the bracket of a collective call. For a wrong handle, which the real MPI is about to
 * refuse, one without a clock.
 */
static inline void cr_wrap_begin_comm(MPI_Comm comm)
{
    if (cr_wrap_is(comm, CR_KIND_COMM) && ((struct cr_communicator *)comm)->state != NULL)
        cr_collective_begin(comm);
    else
        cr_collective_begin_unclocked();
}

static inline void cr_wrap_begin_group(MPI_Group group)
{
    if (cr_wrap_is(group, CR_KIND_GROUP))
        cr_collective_begin_group(group);
    else
        cr_collective_begin_unclocked();
}

static inline void cr_wrap_begin_keyed(const void *handle, enum cr_kind kind)
{
    const struct cr_keyed *keyed = handle;

    if (cr_wrap_is(handle, kind) && keyed->clock != NULL) {
        cr_gate_call.object = handle;
        cr_collective_begin_clock(keyed->clock);
    } else {
        cr_collective_begin_unclocked();
    }
}

static inline void cr_wrap_begin_win(MPI_Win win)
{
    cr_wrap_begin_keyed(win, CR_KIND_WIN);
}

static inline void cr_wrap_begin_file(MPI_File file)
{
    cr_wrap_begin_keyed(file, CR_KIND_FILE);
}

/* Translated arrays of handles: room for all of one call. */
struct cr_wrap_arrays {
    void **memory; /* NULL if there are none */
    size_t size;   /* bytes */
    size_t used;   /* entries */
};

void cr_wrap_arrays_begin(struct cr_wrap_arrays *arrays, int count);
/* COUNT real handles for HANDLES (NULL stays NULL). */
void *cr_wrap_array(struct cr_wrap_arrays *arrays, const void *handles, int count);
void cr_wrap_arrays_free(struct cr_wrap_arrays *arrays);

/*
 * How many ranks a rank of COMM exchanges data with: size of the (remote) group, or neighbours of
 * the topology.
 */
int cr_peer_count(MPI_Comm comm);
/* The same on the root of a collective, 0 on the others, for which the root's arguments are not significant. */
int cr_root_count(MPI_Comm comm, int root);
/* Size of the local group. */
int cr_local_count(MPI_Comm comm);
int cr_neighbors_in(MPI_Comm comm);
int cr_neighbors_out(MPI_Comm comm);

/* The real object behind *HANDLE is gone: *HANDLE becomes the null handle. */
void cr_wrap_freed(void **handle, enum cr_kind kind);

static inline int cr_raise_win(MPI_Win win, int rc, const char *name)
{
    return __builtin_expect(rc == MPI_SUCCESS, 1) ? rc : cr_raise((struct cr_keyed *)win, rc, name);
}

static inline int cr_raise_file(MPI_File file, int rc, const char *name)
{
    return __builtin_expect(rc == MPI_SUCCESS, 1) ? rc
                                                  : cr_raise((struct cr_keyed *)file, rc, name);
}

#endif
