/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Reads the thread-local notes of the threads that call MPI. */
#include "cr_call.h"

#include "cr_clock.h"
#include "cr_communicator.h"
#include "cr_file.h"
#include "cr_fmt.h"
#include "cr_window.h"

#include <string.h>

enum { MOST_CALLS = 8 };

static struct cr_rank_call calls[MOST_CALLS];
static size_t call_count;

/* MEMBERS stay valid: a clock is forgotten long after its object is freed. */
static void is_on(struct cr_rank_call *call, const struct cr_keyed *object, uint64_t id_high,
                  uint64_t id_low)
{
    if (object->clock == NULL)
        return;
    call->id_high = id_high;
    call->id_low = id_low;
    call->members = object->clock->members;
    call->member_count = object->clock->count;
}

/* "communicator 3 "halo" of MPI_Comm_dup" */
static void describe(struct cr_rank_call *call, const char *kind, const struct cr_keyed *object,
                     const char *name)
{
    if (name[0] == '\0')
        cr_fmt(call->object, sizeof(call->object), "%s %lu of %s", kind, object->number,
               object->made_by);
    else
        cr_fmt(call->object, sizeof(call->object), "%s %lu \"%s\" of %s", kind, object->number,
               name, object->made_by);
}

static void on_communicator(struct cr_rank_call *call, const struct cr_communicator *comm)
{
    if (comm->keyed.handle.flags & CR_HANDLE_PREDEFINED)
        cr_str_copy(call->object, sizeof(call->object), comm->keyed.made_by);
    else
        describe(call, "communicator", &comm->keyed, comm->name);
    is_on(call, &comm->keyed, comm->id_high, comm->id_low);
}

static void on_window(struct cr_rank_call *call, const struct cr_window *win)
{
    describe(call, "window", &win->keyed, win->name);
    is_on(call, &win->keyed, win->comm->id_high, win->comm->id_low);
}

static void on_file(struct cr_rank_call *call, const struct cr_file *file)
{
    cr_fmt(call->object, sizeof(call->object), "file %s", cr_file_path(file));
    is_on(call, &file->keyed, file->id_high, file->id_low);
}

/* The object may be gone by now: what is in a list is not, as long as the list is locked. */
static int is_listed(const struct cr_keyed_list *list, const void *object)
{
    const struct cr_keyed *k = list->first;

    while (k != NULL && k != object)
        k = k->next;
    return k != NULL;
}

static void look_at(struct cr_rank_call *call, const void *object)
{
    if (object == (const void *)MPI_COMM_WORLD || object == (const void *)MPI_COMM_SELF) {
        on_communicator(call, object);
        return;
    }
    cr_lock_take(&cr_communicators.lock);
    if (is_listed(&cr_communicators, object))
        on_communicator(call, object);
    cr_lock_give(&cr_communicators.lock);
    cr_lock_take(&cr_windows.lock);
    if (is_listed(&cr_windows, object))
        on_window(call, object);
    cr_lock_give(&cr_windows.lock);
    cr_lock_take(&cr_files.lock);
    if (is_listed(&cr_files, object))
        on_file(call, object);
    cr_lock_give(&cr_files.lock);
}

static void look(uint64_t fs)
{
    const volatile uint32_t *depth = cr_gate_in_thread(&cr_gate_depth, fs);
    const volatile struct cr_gate_call *note = cr_gate_in_thread(&cr_gate_call, fs);
    struct cr_rank_call *call = &calls[call_count];
    const char *name = note->name;
    const void *object = note->object;

    if (*depth == 0 || name == NULL || call_count == MOST_CALLS)
        return;
    name += name[0] == 'P';
    if (strncmp(name, "MPI", 3) != 0)
        return; /* something of ours: nobody waits in it */
    memset(call, 0, sizeof(*call));
    call->name = name;
    call->held = note->held != 0;
    if (object != NULL) {
        look_at(call, object);
    } else if (note->about != NULL) {
        look_at(call, note->about);
        call->members = NULL;
        call->member_count = 0;
    }
    call_count++;
}

void cr_call_report(struct cr_collective_report *ret_report)
{
    call_count = 0;
    cr_stub_each_thread(look);
    ret_report->calls = calls;
    ret_report->call_count = call_count;
}
