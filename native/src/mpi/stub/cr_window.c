/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal; check: threads parked. Windows: their handles, how they are made and freed. */
#include "cr_window.h"

#include "cr_communicator.h"
#include "cr_sys.h"

#include <string.h>
#include <sys/mman.h>

struct cr_keyed_list cr_windows;

struct cr_keyed *cr_window_list(void)
{
    return cr_windows.first;
}

void cr_window_ranks_free(struct cr_window_ranks **ranks)
{
    if (*ranks != NULL)
        cr_pool_free(*ranks, (*ranks)->size);
    *ranks = NULL;
}

/* ---- making ---- */

/* What a creator was called with. */
struct plan {
    const char *name;
    int flavor, unit;
    MPI_Aint size;
    void *base;
    MPI_Info info;
};

static int wrong_arguments(const struct plan *plan, MPI_Comm comm, const MPI_Win *win)
{
    if (!cr_wrap_is(comm, CR_KIND_COMM))
        return MPI_ERR_COMM;
    if (plan->info == NULL ||
        (!cr_wrap_is(plan->info, CR_KIND_INFO) && plan->info != MPI_INFO_NULL))
        return MPI_ERR_INFO;
    if (win == NULL)
        return MPI_ERR_WIN;
    if (plan->size < 0)
        return MPI_ERR_SIZE;
    if (plan->unit <= 0)
        return MPI_ERR_DISP;
    if (((struct cr_communicator *)comm)->flags & CR_COMM_INTER)
        return MPI_ERR_COMM;
    return MPI_SUCCESS;
}

/* A communicator that only the window knows. */
static int make_comm(struct cr_window *win, MPI_Comm parent)
{
    MPI_Comm real = NULL;
    uint64_t fs = cr_lower_enter();
    int rc = CR_REAL(Comm_dup)(CR_REAL_COMM(parent), &real);

    cr_lower_leave(fs);
    if (rc != MPI_SUCCESS)
        return rc;
    win->comm = (struct cr_communicator *)cr_communicator_new(real, parent, win->keyed.made_by);
    cr_errhandler_drop(&win->comm->keyed);
    win->comm->keyed.errhandler = (struct cr_errhandler *)MPI_ERRORS_RETURN;
    win->keyed.clock = win->comm->keyed.clock;
    return MPI_SUCCESS;
}

/* The memory of MPI_Win_allocate is the application's as far as the lower half knows. */
static int allocate(struct cr_window *win)
{
    size_t bytes = CR_PAGE_UP((size_t)win->size + (win->size == 0));
    uint64_t at = cr_sys_mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int got = !cr_sys_is_error(at), all = 0, rc;
    uint64_t fs;

    if (got) {
        win->base = win->segment = (void *)(uintptr_t)at;
        win->mapped = bytes;
    }
    fs = cr_lower_enter();
    rc = CR_REAL(Allreduce)(&got, &all, 1, CR_REAL_DATATYPE(MPI_INT), CR_REAL_OP(MPI_MIN),
                            (MPI_Comm)win->comm->keyed.handle.real);
    cr_lower_leave(fs);
    return rc != MPI_SUCCESS || all ? rc : MPI_ERR_NO_MEM;
}

static void release_memory(struct cr_window *win)
{
    if (win->mapped != 0)
        cr_sys(SYS_munmap, win->segment, win->mapped);
    win->mapped = 0;
    if (win->parts != NULL)
        cr_pool_free(win->parts, (size_t)win->comm->size * sizeof(*win->parts));
    win->parts = NULL;
}

/* What the new real window says of itself, for MPI_Win_get_info and the like, and for a restart. */
static void describe(struct cr_window *win, MPI_Info asked)
{
    MPI_Win real = (MPI_Win)win->keyed.handle.real;
    char wanted[8] = "";
    MPI_Info info = NULL;
    int *model = NULL, flag = 0, length = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Win_get_name)(real, win->name, &length);
    CR_REAL(Win_get_attr)(real, MPI_WIN_MODEL, &model, &flag);
    win->model = flag ? *model : MPI_WIN_UNIFIED;
    CR_REAL(Win_get_info)(real, &info);
    flag = 0;
    if (asked != MPI_INFO_NULL)
        CR_REAL(Info_get)(CR_REAL_INFO(asked), "no_locks", sizeof(wanted) - 1, wanted, &flag);
    if (flag)
        CR_REAL(Info_set)(info, "no_locks", wanted);
    cr_lower_leave(fs);
    win->info = cr_info_new(info, win->keyed.made_by);
}

static int make_in(struct cr_window *win, const struct plan *plan)
{
    int rc = MPI_SUCCESS;

    if (plan->flavor == MPI_WIN_FLAVOR_ALLOCATE)
        rc = allocate(win);
    else if (plan->flavor == MPI_WIN_FLAVOR_SHARED)
        rc = cr_window_share(win);
    return rc == MPI_SUCCESS ? cr_window_make(win, plan->info) : rc;
}

static struct cr_window *window_new(const struct plan *plan)
{
    struct cr_window *win =
        (struct cr_window *)cr_handle_new(CR_KIND_WIN, sizeof(struct cr_window), NULL);

    win->keyed.made_by = plan->name;
    win->flavor = plan->flavor;
    win->unit = plan->unit;
    win->size = plan->size;
    win->base = plan->base;
    return win;
}

static int make(const struct plan *plan, MPI_Comm comm, MPI_Win *ret_win)
{
    struct cr_window *win = window_new(plan);
    int rc = make_comm(win, comm);

    if (rc == MPI_SUCCESS) {
        rc = make_in(win, plan);
        if (rc != MPI_SUCCESS) {
            release_memory(win);
            cr_communicator_freed(win->comm);
        }
    }
    if (rc != MPI_SUCCESS) {
        cr_handle_delete(&win->keyed.handle, sizeof(*win));
        return rc;
    }
    win->locked = cr_pool_alloc((size_t)win->comm->size);
    describe(win, plan->info);
    cr_attributes_make(win);
    cr_keyed_add(&cr_windows, &win->keyed);
    *ret_win = (MPI_Win)win;
    return MPI_SUCCESS;
}

static int create(const struct plan *plan, MPI_Comm comm, MPI_Win *ret_win)
{
    int rc = wrong_arguments(plan, comm, ret_win);

    if (rc == MPI_SUCCESS) {
        cr_gate_enter_as(plan->name);
        cr_wrap_begin_comm(comm);
        rc = make(plan, comm, ret_win);
        cr_collective_end();
        cr_gate_leave();
    }
    return cr_raise_comm(comm, rc, plan->name);
}

CR_MPI(int, Win_create,
       (void *base, MPI_Aint size, int disp_unit, MPI_Info info, MPI_Comm comm, MPI_Win *win))
{
    const struct plan plan = {.name = "MPI_Win_create",
                              .flavor = MPI_WIN_FLAVOR_CREATE,
                              .unit = disp_unit,
                              .size = size,
                              .base = base,
                              .info = info};

    return create(&plan, comm, win);
}

CR_MPI(int, Win_allocate,
       (MPI_Aint size, int disp_unit, MPI_Info info, MPI_Comm comm, void *baseptr, MPI_Win *win))
{
    const struct plan plan = {.name = "MPI_Win_allocate",
                              .flavor = MPI_WIN_FLAVOR_ALLOCATE,
                              .unit = disp_unit,
                              .size = size,
                              .info = info};
    int rc = create(&plan, comm, win);

    if (rc == MPI_SUCCESS)
        memcpy(baseptr, &((struct cr_window *)*win)->base, sizeof(void *));
    return rc;
}

CR_MPI(int, Win_allocate_shared,
       (MPI_Aint size, int disp_unit, MPI_Info info, MPI_Comm comm, void *baseptr, MPI_Win *win))
{
    const struct plan plan = {.name = "MPI_Win_allocate_shared",
                              .flavor = MPI_WIN_FLAVOR_SHARED,
                              .unit = disp_unit,
                              .size = size,
                              .info = info};
    int rc = create(&plan, comm, win);

    if (rc == MPI_SUCCESS)
        memcpy(baseptr, &((struct cr_window *)*win)->base, sizeof(void *));
    return rc;
}

CR_MPI(int, Win_create_dynamic, (MPI_Info info, MPI_Comm comm, MPI_Win *win))
{
    const struct plan plan = {.name = "MPI_Win_create_dynamic",
                              .flavor = MPI_WIN_FLAVOR_DYNAMIC,
                              .unit = 1,
                              .info = info};

    return create(&plan, comm, win);
}

/* ---- freeing ---- */

static void forget(struct cr_window *win)
{
    cr_keyed_remove(&cr_windows, &win->keyed);
    while (win->pieces != NULL) {
        struct cr_window_piece *p = win->pieces;

        win->pieces = p->next;
        cr_pool_free(p, sizeof(*p));
    }
    release_memory(win);
    PMPI_Info_free(&win->info);
    cr_pool_free(win->locked, (size_t)win->comm->size);
    cr_communicator_freed(win->comm);
    cr_errhandler_drop(&win->keyed);
    cr_handle_delete(&win->keyed.handle, sizeof(*win));
}

static int free_window(MPI_Win *handle)
{
    struct cr_window *win = (struct cr_window *)*handle;
    int rc = cr_window_is_in_epoch(win) ? MPI_ERR_RMA_SYNC : cr_attributes_delete(win);

    if (rc != MPI_SUCCESS)
        return rc;
    cr_wrap_begin_win(*handle);
    rc = cr_window_unmake(win);
    if (rc == MPI_SUCCESS) {
        forget(win);
        *handle = MPI_WIN_NULL;
    }
    cr_collective_end();
    return rc;
}

CR_MPI(int, Win_free, (MPI_Win * win))
{
    MPI_Win on = win != NULL ? *win : MPI_WIN_NULL;
    int rc = MPI_ERR_WIN;

    cr_gate_enter();
    if (cr_window_of(on) != NULL)
        rc = free_window(win);
    cr_gate_leave();
    return rc == MPI_SUCCESS ? rc : cr_raise_win(on, rc, "MPI_Win_free");
}
