/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Calls on communicators that are more than a translation: attributes are copied
 * and deleted here.
 */
#include "cr_communicator.h"
#include "cr_stub_wrap.h"

#include <string.h>

/* What its handle says is known here; whatever is wrong with the arguments is for the real MPI to say. */
static int is_known(MPI_Comm comm, const int *answer)
{
    return answer != NULL && cr_wrap_is(comm, CR_KIND_COMM) &&
           ((struct cr_communicator *)comm)->state != NULL;
}

CR_MPI(int, Comm_rank, (MPI_Comm comm, int *rank))
{
    uint64_t fs;
    int rc;

    if (__builtin_expect(is_known(comm, rank), 1)) {
        *rank = ((struct cr_communicator *)comm)->rank;
        return MPI_SUCCESS;
    }
    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_rank)(CR_REAL_COMM(comm), rank);
    cr_lower_leave(fs);
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_rank");
}

CR_MPI(int, Comm_size, (MPI_Comm comm, int *size))
{
    uint64_t fs;
    int rc;

    if (__builtin_expect(is_known(comm, size), 1)) {
        *size = ((struct cr_communicator *)comm)->size;
        return MPI_SUCCESS;
    }
    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_size)(CR_REAL_COMM(comm), size);
    cr_lower_leave(fs);
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_size");
}

/*
 * NEWCOMM is made; its attributes come from COMM. If a copy function fails, there is no new
 * communicator.
 */
static int copy_attributes(MPI_Comm comm, MPI_Comm *newcomm)
{
    int rc = cr_attributes_copy(comm, *newcomm);

    if (rc == MPI_SUCCESS)
        return rc;
    cr_attributes_delete(*newcomm);
    cr_communicator_freed((struct cr_communicator *)*newcomm);
    *newcomm = MPI_COMM_NULL;
    return rc;
}

static int finish_dup(MPI_Comm comm, MPI_Comm real, MPI_Comm *newcomm, const char *name)
{
    *newcomm = cr_communicator_new(real, comm, name);
    return *newcomm == MPI_COMM_NULL ? MPI_SUCCESS : copy_attributes(comm, newcomm);
}

CR_MPI(int, Comm_dup, (MPI_Comm comm, MPI_Comm *newcomm))
{
    MPI_Comm real = NULL;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    cr_wrap_begin_comm(comm);
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_dup)(CR_REAL_COMM(comm), newcomm != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        rc = finish_dup(comm, real, newcomm, "MPI_Comm_dup");
    cr_collective_end();
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_dup");
}

CR_MPI(int, Comm_dup_with_info, (MPI_Comm comm, MPI_Info info, MPI_Comm *newcomm))
{
    MPI_Comm real = NULL;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    cr_wrap_begin_comm(comm);
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_dup_with_info)(CR_REAL_COMM(comm), CR_REAL_INFO(info),
                                     newcomm != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        rc = finish_dup(comm, real, newcomm, "MPI_Comm_dup_with_info");
    cr_collective_end();
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_dup_with_info");
}

/*
 * The real MPI writes the new communicator when it likes: into the handle itself, which lives on.
 */
static int idup(MPI_Comm comm, MPI_Comm *newcomm, MPI_Request *request)
{
    struct cr_communicator *made = cr_communicator_idup_begin(comm);
    MPI_Request real = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_idup)(CR_REAL_COMM(comm), (MPI_Comm *)&made->keyed.handle.real, &real);

    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS) {
        made->flags |= CR_COMM_GONE;
        cr_communicator_freed(made);
        return rc;
    }
    *newcomm = (MPI_Comm)made;
    *request = cr_request_adopt(CR_REQUEST_IDUP, *newcomm, real, "MPI_Comm_idup", NULL, 0);
    return cr_attributes_copy(comm, made);
}

CR_MPI(int, Comm_idup, (MPI_Comm comm, MPI_Comm *newcomm, MPI_Request *request))
{
    int rc = MPI_ERR_COMM;

    cr_gate_enter();
    if (cr_wrap_is(comm, CR_KIND_COMM)) {
        cr_wrap_begin_comm(comm);
        rc = newcomm != NULL && request != NULL ? idup(comm, newcomm, request) : MPI_ERR_ARG;
        cr_collective_end();
    }
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_idup");
}

static int is_usable(MPI_Comm comm)
{
    return cr_wrap_is(comm, CR_KIND_COMM) &&
           !(((struct cr_handle *)comm)->flags & CR_HANDLE_PREDEFINED);
}

static int free_comm(MPI_Comm *comm)
{
    struct cr_communicator *gone = (struct cr_communicator *)*comm;
    int rc = cr_attributes_delete(gone);

    if (rc != MPI_SUCCESS)
        return rc;
    *comm = MPI_COMM_NULL;
    cr_communicator_freed(gone);
    return MPI_SUCCESS;
}

CR_MPI(int, Comm_free, (MPI_Comm * comm))
{
    MPI_Comm on = comm != NULL ? *comm : MPI_COMM_NULL;
    int rc = MPI_ERR_COMM;

    cr_gate_enter();
    if (is_usable(on)) {
        cr_wrap_begin_comm(on);
        rc = free_comm(comm);
        cr_collective_end();
    }
    cr_gate_leave();
    return rc == MPI_SUCCESS ? rc : cr_raise_comm(on, rc, "MPI_Comm_free");
}

/* All communication on it is over when the real call returns: nothing is left to the last request. */
static int disconnect(MPI_Comm *comm)
{
    struct cr_communicator *gone = (struct cr_communicator *)*comm;
    MPI_Comm real;
    uint64_t fs;
    int rc = cr_attributes_delete(gone);

    if (rc != MPI_SUCCESS)
        return rc;
    real = CR_REAL_COMM(gone);
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_disconnect)(&real);
    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    cr_quiesce_comm_removed(*comm);
    gone->flags |= CR_COMM_GONE;
    gone->keyed.handle.real = cr_handle_real(MPI_COMM_NULL);
    *comm = MPI_COMM_NULL;
    cr_communicator_freed(gone);
    return MPI_SUCCESS;
}

CR_MPI(int, Comm_disconnect, (MPI_Comm * comm))
{
    MPI_Comm on = comm != NULL ? *comm : MPI_COMM_NULL;
    int rc = MPI_ERR_COMM;

    cr_gate_enter();
    if (is_usable(on)) {
        cr_wrap_begin_comm(on);
        rc = disconnect(comm);
        cr_collective_end();
    }
    cr_gate_leave();
    return rc == MPI_SUCCESS ? rc : cr_raise_comm(on, rc, "MPI_Comm_disconnect");
}

CR_MPI(int, Comm_set_info, (MPI_Comm comm, MPI_Info info))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_set_info)(CR_REAL_COMM(comm), CR_REAL_INFO(info));
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS && cr_wrap_is(comm, CR_KIND_COMM))
        ((struct cr_communicator *)comm)->flags |= CR_COMM_SET_INFO;
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_set_info");
}

CR_MPI(int, Comm_set_name, (MPI_Comm comm, const char *name))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Comm_set_name)(CR_REAL_COMM(comm), name);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS && cr_wrap_is(comm, CR_KIND_COMM))
        strncpy(((struct cr_communicator *)comm)->name, name,
                sizeof(((struct cr_communicator *)comm)->name) - 1);
    cr_gate_leave();
    return cr_raise_comm(comm, rc, "MPI_Comm_set_name");
}

/* The parent is one communicator, however often it is asked for. */
static int find_parent(MPI_Comm *parent)
{
    static MPI_Comm known;
    MPI_Comm real = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_get_parent)(parent != NULL ? &real : NULL);

    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    if (real == CR_REAL_COMM(MPI_COMM_NULL))
        known = MPI_COMM_NULL;
    else if (known == NULL || CR_REAL_COMM(known) != real)
        known = cr_communicator_new(real, MPI_COMM_NULL, "MPI_Comm_get_parent");
    *parent = known;
    return MPI_SUCCESS;
}

void cr_communicator_find_parent(void)
{
    MPI_Comm parent;

    find_parent(&parent);
}

CR_MPI(int, Comm_get_parent, (MPI_Comm * parent))
{
    int rc;

    cr_gate_enter();
    rc = find_parent(parent);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Comm_get_parent");
}
