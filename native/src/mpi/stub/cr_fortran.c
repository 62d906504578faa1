/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The integers by which Fortran names MPI objects: an index per kind, owned by the
 * upper half, so that it is the same after a restart. Predefined objects have the indices of
 * mpif.h, which the real MPI tells.
 */
#include "cr_stub_bind.h"
#include "cr_stub_wrap.h"

#include <string.h>

#define PER_BLOCK 1024
#define BLOCKS 4096

struct table {
    struct cr_handle **blocks[BLOCKS];
    int used;  /* entries that have ever been used */
    int first; /* no free entry below */
};

static struct table tables[CR_KIND_COUNT];
static struct cr_lock tables_lock;

static struct cr_handle **entry(struct table *t, int index)
{
    struct cr_handle ***block = &t->blocks[index / PER_BLOCK];

    if (*block == NULL)
        *block = cr_pool_alloc(PER_BLOCK * sizeof(**block));
    return &(*block)[index % PER_BLOCK];
}

static void enter(struct cr_handle *handle, int index)
{
    struct table *t = &tables[handle->kind];

    *entry(t, index) = handle;
    handle->fortran = index + 1;
    if (index >= t->used)
        t->used = index + 1;
    if (handle->kind == CR_KIND_REQUEST)
        memcpy((char *)handle + CR_REQUEST_FORTRAN_INDEX, &index, sizeof(index));
}

/* Lowest free index, as the real MPI gives them. */
static int add(struct cr_handle *handle)
{
    struct table *t = &tables[handle->kind];
    int index;

    cr_lock_take(&tables_lock);
    index = t->first;
    while (index < t->used && *entry(t, index) != NULL)
        index++;
    if (index < PER_BLOCK * BLOCKS) {
        enter(handle, index);
        t->first = index + 1;
    } else {
        index = -1;
    }
    cr_lock_give(&tables_lock);
    return index;
}

void cr_fortran_forget(struct cr_handle *handle)
{
    struct table *t = &tables[handle->kind];
    int index = handle->fortran - 1;

    if (index < 0)
        return;
    cr_lock_take(&tables_lock);
    *entry(t, index) = NULL;
    if (index < t->first)
        t->first = index;
    cr_lock_give(&tables_lock);
    handle->fortran = 0;
}

static int c2f(void *object, enum cr_kind kind)
{
    struct cr_handle *handle = object;

    if ((uintptr_t)object < 4096 || handle->magic != CR_HANDLE_MAGIC || handle->kind != kind)
        return -1;
    return handle->fortran != 0 ? handle->fortran - 1 : add(handle);
}

static void *f2c(int index, enum cr_kind kind)
{
    struct table *t = &tables[kind];

    if (index < 0 || index >= t->used)
        return NULL;
    return *entry(t, index);
}

#define CONVERT(type, kind)                                                                        \
    CR_MPI(MPI_Fint, type##_c2f, (CR_C_##type object))                                             \
    {                                                                                              \
        return c2f(object, kind);                                                                  \
    }                                                                                              \
    CR_MPI(CR_C_##type, type##_f2c, (MPI_Fint index))                                              \
    {                                                                                              \
        return (CR_C_##type)f2c(index, kind);                                                      \
    }

#define CR_C_Comm MPI_Comm
#define CR_C_Type MPI_Datatype
#define CR_C_Group MPI_Group
#define CR_C_Op MPI_Op
#define CR_C_Request MPI_Request
#define CR_C_Win MPI_Win
#define CR_C_Info MPI_Info
#define CR_C_Errhandler MPI_Errhandler
#define CR_C_Message MPI_Message
#define CR_C_File MPI_File

CONVERT(Comm, CR_KIND_COMM)
CONVERT(Type, CR_KIND_DATATYPE)
CONVERT(Group, CR_KIND_GROUP)
CONVERT(Op, CR_KIND_OP)
CONVERT(Request, CR_KIND_REQUEST)
CONVERT(Win, CR_KIND_WIN)
CONVERT(Info, CR_KIND_INFO)
CONVERT(Errhandler, CR_KIND_ERRHANDLER)
CONVERT(Message, CR_KIND_MESSAGE)
CONVERT(File, CR_KIND_FILE)

/* FS is the lower half's. */
static int real_index(const struct cr_handle *handle)
{
    void *real = handle->real;

    switch ((enum cr_kind)handle->kind) {
    case CR_KIND_COMM:
        return CR_REAL(Comm_c2f)(real);
    case CR_KIND_DATATYPE:
        return CR_REAL(Type_c2f)(real);
    case CR_KIND_GROUP:
        return CR_REAL(Group_c2f)(real);
    case CR_KIND_OP:
        return CR_REAL(Op_c2f)(real);
    case CR_KIND_REQUEST:
        return CR_REAL(Request_c2f)(real);
    case CR_KIND_WIN:
        return CR_REAL(Win_c2f)(real);
    case CR_KIND_INFO:
        return CR_REAL(Info_c2f)(real);
    case CR_KIND_ERRHANDLER:
        return CR_REAL(Errhandler_c2f)(real);
    case CR_KIND_MESSAGE:
        return CR_REAL(Message_c2f)(real);
    case CR_KIND_FILE:
        return CR_REAL(File_c2f)(real);
    case CR_KIND_NONE:
    case CR_KIND_COUNT:
        break;
    }
    return -1;
}

/*
 * Two C names may share an index (MPI_REAL and MPI_FLOAT do not, but aliases do): the first in the
 * table is Fortran's.
 */
void cr_fortran_init(void)
{
    for (int i = 0; i < cr_predefined_count; i++) {
        struct cr_handle *handle = cr_predefined[i];
        uint64_t fs = cr_lower_enter();
        int index = handle->real != NULL ? real_index(handle) : -1;

        cr_lower_leave(fs);
        if (index < 0 || handle->fortran != 0)
            continue;
        cr_lock_take(&tables_lock);
        if (*entry(&tables[handle->kind], index) == NULL)
            enter(handle, index);
        else
            handle->fortran = index + 1;
        cr_lock_give(&tables_lock);
    }
}

/* A status is six integers in Fortran: the C structure as it lies in memory. */
CR_MPI(int, Status_c2f, (const MPI_Status *c_status, MPI_Fint *f_status))
{
    if (c_status == NULL || c_status == MPI_STATUS_IGNORE || f_status == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_IN_STATUS, "MPI_Status_c2f");
    memcpy(f_status, c_status, sizeof(*c_status));
    return MPI_SUCCESS;
}

CR_MPI(int, Status_f2c, (const MPI_Fint *f_status, MPI_Status *c_status))
{
    if (f_status == NULL || c_status == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_IN_STATUS, "MPI_Status_f2c");
    memcpy(c_status, f_status, sizeof(*c_status));
    return MPI_SUCCESS;
}
