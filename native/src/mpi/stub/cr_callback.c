/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Functions of the application that the real MPI calls with a pointer of the
 * caller: generalized requests and data representations. The pointer leads to a record with the
 * application's functions.
 */
#include "cr_stub_bind.h"
#include "cr_stub_wrap.h"

struct grequest {
    MPI_Grequest_query_function *query;
    MPI_Grequest_free_function *release;
    MPI_Grequest_cancel_function *cancel;
    void *extra;
    const unsigned char
        *language; /* in the request's handle: 0 after libmpi_mpifh has made it, else C */
};

#define FORTRAN_STATUS 6 /* MPI_STATUS_SIZE of mpif.h */

typedef void fortran_query_fn(MPI_Aint *extra, MPI_Fint *status, MPI_Fint *rc);
typedef void fortran_free_fn(MPI_Aint *extra, MPI_Fint *rc);
typedef void fortran_cancel_fn(MPI_Aint *extra, MPI_Fint *complete, MPI_Fint *rc);

static int call_query(struct grequest *g, MPI_Status *status)
{
    MPI_Fint fortran[FORTRAN_STATUS], rc = MPI_SUCCESS;

    if (*g->language != 0)
        return g->query(g->extra, status);
    PMPI_Status_c2f(status, fortran);
    ((fortran_query_fn *)g->query)((MPI_Aint *)g->extra, fortran, &rc);
    PMPI_Status_f2c(fortran, status);
    return rc;
}

static int call_free(struct grequest *g)
{
    MPI_Fint rc = MPI_SUCCESS;

    if (*g->language != 0)
        return g->release(g->extra);
    ((fortran_free_fn *)g->release)((MPI_Aint *)g->extra, &rc);
    return rc;
}

static int call_cancel(struct grequest *g, int complete)
{
    MPI_Fint fortran = complete, rc = MPI_SUCCESS;

    if (*g->language != 0)
        return g->cancel(g->extra, complete);
    ((fortran_cancel_fn *)g->cancel)((MPI_Aint *)g->extra, &fortran, &rc);
    return rc;
}

/* The three that the real MPI knows: FS is the lower half's. */
static int query(void *record, MPI_Status *status)
{
    uint64_t lower = cr_stub_callback_enter();
    int rc = call_query(record, status);

    cr_stub_callback_leave(lower);
    return rc;
}

static int release(void *record)
{
    uint64_t lower = cr_stub_callback_enter();
    int rc = call_free(record);

    cr_pool_free(record, sizeof(struct grequest));
    cr_stub_callback_leave(lower);
    return rc;
}

static int cancel(void *record, int complete)
{
    uint64_t lower = cr_stub_callback_enter();
    int rc = call_cancel(record, complete);

    cr_stub_callback_leave(lower);
    return rc;
}

CR_MPI(int, Grequest_start,
       (MPI_Grequest_query_function * query_fn, MPI_Grequest_free_function *free_fn,
        MPI_Grequest_cancel_function *cancel_fn, void *extra_state, MPI_Request *request))
{
    struct grequest *g;
    MPI_Request real = NULL;
    uint64_t fs;
    int rc;

    if (query_fn == NULL || free_fn == NULL || cancel_fn == NULL || request == NULL)
        return cr_raise_comm(MPI_COMM_WORLD, MPI_ERR_ARG, "MPI_Grequest_start");
    cr_gate_enter();
    g = cr_pool_alloc(sizeof(*g));
    *g = (struct grequest){query_fn, free_fn, cancel_fn, extra_state, NULL};
    fs = cr_lower_enter();
    rc = CR_REAL(Grequest_start)(query, release, cancel, g, &real);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS) {
        *request = cr_request_adopt(CR_REQUEST_GENERALIZED, MPI_COMM_NULL, real,
                                    "MPI_Grequest_start", NULL, 0);
        g->language = (unsigned char *)*request + CR_GREQUEST_LANGUAGE;
        *(unsigned char *)(uintptr_t)g->language = 1;
    } else {
        cr_pool_free(g, sizeof(*g));
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Grequest_start");
}

/* Data representations stay for the life of the process; so do their records. */
struct datarep {
    MPI_Datarep_conversion_function *read, *write;
    MPI_Datarep_extent_function *extent;
    void *extra;
};

static MPI_Datatype ours(MPI_Datatype real)
{
    return (MPI_Datatype)cr_handle_find(CR_KIND_DATATYPE, real);
}

static int datarep_read(void *user, MPI_Datatype type, int count, void *file, MPI_Offset position,
                        void *record)
{
    struct datarep *d = record;
    uint64_t lower = cr_stub_callback_enter();
    int rc = d->read(user, ours(type), count, file, position, d->extra);

    cr_stub_callback_leave(lower);
    return rc;
}

static int datarep_write(void *user, MPI_Datatype type, int count, void *file, MPI_Offset position,
                         void *record)
{
    struct datarep *d = record;
    uint64_t lower = cr_stub_callback_enter();
    int rc = d->write(user, ours(type), count, file, position, d->extra);

    cr_stub_callback_leave(lower);
    return rc;
}

static int datarep_extent(MPI_Datatype type, MPI_Aint *extent, void *record)
{
    struct datarep *d = record;
    uint64_t lower = cr_stub_callback_enter();
    int rc = d->extent(ours(type), extent, d->extra);

    cr_stub_callback_leave(lower);
    return rc;
}

CR_MPI(int, Register_datarep,
       (const char *datarep, MPI_Datarep_conversion_function *read_fn,
        MPI_Datarep_conversion_function *write_fn, MPI_Datarep_extent_function *extent_fn,
        void *extra_state))
{
    struct datarep *d;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    d = cr_pool_alloc(sizeof(*d));
    *d = (struct datarep){read_fn, write_fn, extent_fn, extra_state};
    fs = cr_lower_enter();
    rc = CR_REAL(Register_datarep)(
        datarep, read_fn != MPI_CONVERSION_FN_NULL ? datarep_read : MPI_CONVERSION_FN_NULL,
        write_fn != MPI_CONVERSION_FN_NULL ? datarep_write : MPI_CONVERSION_FN_NULL,
        extent_fn != NULL ? datarep_extent : NULL, d);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        cr_tool_datareps++;
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Register_datarep");
}
