/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; check: threads parked. MPI's tools interface (MPI_T). Its handles and
 * enumerations are objects of the lower half that the application sees as they are, so a checkpoint
 * is refused between MPI_T_init_thread and MPI_T_finalize.
 */
#include "cr_stub_wrap.h"

int cr_tool_datareps;
static int users;

CR_MPI(int, T_init_thread, (int required, int *provided))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(T_init_thread)(required, provided);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        __atomic_add_fetch(&users, 1, __ATOMIC_RELAXED);
    cr_gate_leave();
    return rc;
}

CR_MPI(int, T_finalize, (void))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(T_finalize)();
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        __atomic_sub_fetch(&users, 1, __ATOMIC_RELAXED);
    cr_gate_leave();
    return rc;
}

/* OBJECT points to a handle of the kind that the variable is bound to, or is NULL. */
static void *real_of(void *object, void **ret_room)
{
    if (object == NULL)
        return NULL;
    *ret_room = cr_handle_real(*(void **)object);
    return ret_room;
}

CR_MPI(int, T_cvar_handle_alloc,
       (int cvar_index, void *obj_handle, MPI_T_cvar_handle *handle, int *count))
{
    void *room;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    obj_handle = real_of(obj_handle, &room);
    fs = cr_lower_enter();
    rc = CR_REAL(T_cvar_handle_alloc)(cvar_index, obj_handle, handle, count);
    cr_lower_leave(fs);
    cr_gate_leave();
    return rc;
}

CR_MPI(int, T_pvar_handle_alloc,
       (MPI_T_pvar_session session, int pvar_index, void *obj_handle, MPI_T_pvar_handle *handle,
        int *count))
{
    void *room;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    obj_handle = real_of(obj_handle, &room);
    fs = cr_lower_enter();
    rc = CR_REAL(T_pvar_handle_alloc)(session, pvar_index, obj_handle, handle, count);
    cr_lower_leave(fs);
    cr_gate_leave();
    return rc;
}

int cr_tool_check(struct cr_error *err)
{
    if (users > 0)
        return cr_fail(
            err, CR_EREFUSED,
            "the tools interface of MPI is in use: call MPI_T_finalize before the checkpoint");
    if (cr_tool_datareps > 0)
        return cr_fail(err, CR_EREFUSED,
                       "a data representation made by MPI_Register_datarep cannot be saved");
    return 0;
}
