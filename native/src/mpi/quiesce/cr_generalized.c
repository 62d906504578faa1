/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Generalized requests. */
#include "cr_generalized.h"

struct functions {
    MPI_Grequest_query_function *query;
    MPI_Grequest_free_function *release;
    MPI_Grequest_cancel_function *cancel;
    void *extra;
};

#define FORTRAN_STATUS 6 /* MPI_STATUS_SIZE of mpif.h */

typedef void fortran_query_fn(MPI_Aint *extra, MPI_Fint *status, MPI_Fint *rc);
typedef void fortran_free_fn(MPI_Aint *extra, MPI_Fint *rc);
typedef void fortran_cancel_fn(MPI_Aint *extra, MPI_Fint *complete, MPI_Fint *rc);

/* 0 after libmpi_mpifh has made the request, else C. */
static unsigned char *language(struct cr_request *r)
{
    return (unsigned char *)r + CR_GREQUEST_LANGUAGE;
}

/* What the function returns is ignored: it reports errors through the status, as the real library has it. */
void cr_generalized_query(struct cr_request *r)
{
    const struct functions *f = r->scratch;
    MPI_Fint fortran[FORTRAN_STATUS], rc = MPI_SUCCESS;

    if (*language(r) != 0) {
        f->query(f->extra, &r->status);
        return;
    }
    PMPI_Status_c2f(&r->status, fortran);
    ((fortran_query_fn *)f->query)((MPI_Aint *)f->extra, fortran, &rc);
    PMPI_Status_f2c(fortran, &r->status);
}

int cr_generalized_cancel(struct cr_request *r)
{
    const struct functions *f = r->scratch;
    MPI_Fint complete = !cr_request_is_active(r), rc = MPI_SUCCESS;

    if (*language(r) != 0)
        return f->cancel(f->extra, complete);
    ((fortran_cancel_fn *)f->cancel)((MPI_Aint *)f->extra, &complete, &rc);
    return rc;
}

void cr_generalized_freed(struct cr_request *r)
{
    const struct functions *f = r->scratch;
    MPI_Fint rc = MPI_SUCCESS;

    if (*language(r) != 0)
        f->release(f->extra);
    else
        ((fortran_free_fn *)f->release)((MPI_Aint *)f->extra, &rc);
}

CR_MPI(int, Grequest_start,
       (MPI_Grequest_query_function * query_fn, MPI_Grequest_free_function *free_fn,
        MPI_Grequest_cancel_function *cancel_fn, void *extra_state, MPI_Request *request))
{
    struct functions *f;
    struct cr_request *r;

    if (query_fn == NULL || free_fn == NULL || cancel_fn == NULL || request == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_ARG, "MPI_Grequest_start");
    cr_gate_enter();
    f = cr_pool_alloc(sizeof(*f));
    *f = (struct functions){query_fn, free_fn, cancel_fn, extra_state};
    r = cr_request_new(CR_REQUEST_GENERALIZED);
    r->comm = NULL;
    r->peer = MPI_PROC_NULL;
    r->scratch = f;
    r->scratch_size = sizeof(*f);
    r->flags = CR_REQUEST_UPPER;
    *language(r) = 1;
    cr_request_empty_status(&r->status);
    cr_request_activate(r);
    *request = (MPI_Request)r;
    cr_gate_leave();
    return MPI_SUCCESS;
}

CR_MPI(int, Grequest_complete, (MPI_Request request))
{
    struct cr_request *r = cr_request_of(request);

    if (request == NULL || request == MPI_REQUEST_NULL || r->type != CR_REQUEST_GENERALIZED ||
        !cr_request_is_active(r))
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_REQUEST, "MPI_Grequest_complete");
    cr_gate_enter();
    if (cr_request_complete_upper(r))
        cr_request_release_freed(r);
    cr_gate_leave();
    return MPI_SUCCESS;
}
