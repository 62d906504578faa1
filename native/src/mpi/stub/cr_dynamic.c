/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; the check also runs while threads are parked. Connections to processes that are not in
 * MPI_COMM_WORLD: they cannot be in an image, so a checkpoint is refused while one is made or lives, and
 * while a port is open or a name is published, which a restarted job would no longer have. It is refused
 * at its very beginning: a rank that waits in MPI_Comm_accept would never come to an agreement.
 */
#include "cr_dynamic.h"

#include "cr_communicator.h"
#include "cr_stub_wrap.h"

#include <string.h>

/* A port or a published service. */
struct offer {
    struct offer *next;
    const char *made_by;
    char name[MPI_MAX_PORT_NAME];
};

static struct offer *offers;
static const char *volatile calling;
static uint32_t calls;
static struct cr_lock dynamic_lock;

void cr_dynamic_begin(const char *name)
{
    cr_lock_take(&dynamic_lock);
    calling = name;
    calls++;
    cr_lock_give(&dynamic_lock);
}

void cr_dynamic_end(void)
{
    cr_lock_take(&dynamic_lock);
    if (--calls == 0)
        calling = NULL;
    cr_lock_give(&dynamic_lock);
}

static void offered(const char *made_by, const char *name)
{
    struct offer *o = cr_pool_alloc(sizeof(*o));

    o->made_by = made_by;
    strncpy(o->name, name, sizeof(o->name) - 1);
    cr_lock_take(&dynamic_lock);
    o->next = offers;
    offers = o;
    cr_lock_give(&dynamic_lock);
}

static void withdrawn(const char *made_by, const char *name)
{
    cr_lock_take(&dynamic_lock);
    for (struct offer **at = &offers; *at != NULL; at = &(*at)->next) {
        struct offer *o = *at;

        if (strcmp(o->made_by, made_by) != 0 || strncmp(o->name, name, sizeof(o->name) - 1) != 0)
            continue;
        *at = o->next;
        cr_pool_free(o, sizeof(*o));
        break;
    }
    cr_lock_give(&dynamic_lock);
}

CR_MPI(int, Open_port, (MPI_Info info, char *port_name))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Open_port)(CR_REAL_INFO(info), port_name);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        offered("MPI_Open_port", port_name);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Open_port");
}

CR_MPI(int, Close_port, (const char *port_name))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Close_port)(port_name);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        withdrawn("MPI_Open_port", port_name);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Close_port");
}

CR_MPI(int, Publish_name, (const char *service_name, MPI_Info info, const char *port_name))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Publish_name)(service_name, CR_REAL_INFO(info), port_name);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        offered("MPI_Publish_name", service_name);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Publish_name");
}

CR_MPI(int, Unpublish_name, (const char *service_name, MPI_Info info, const char *port_name))
{
    uint64_t fs;
    int rc;

    cr_gate_enter();
    fs = cr_lower_enter();
    rc = CR_REAL(Unpublish_name)(service_name, CR_REAL_INFO(info), port_name);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS)
        withdrawn("MPI_Publish_name", service_name);
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Unpublish_name");
}

static int check_offer(const struct offer *o, struct cr_error *err)
{
    int is_port = strcmp(o->made_by, "MPI_Open_port") == 0;

    return cr_fail(
        err, CR_EREFUSED,
        "%s %s of %s exists, and a restarted job would not have it: call %s before the checkpoint",
        is_port ? "the port" : "the published name", o->name, o->made_by,
        is_port ? "MPI_Close_port" : "MPI_Unpublish_name");
}

int cr_dynamic_check(struct cr_error *err)
{
    int rc = 0;

    cr_lock_take(&dynamic_lock);
    if (calling != NULL)
        rc = cr_fail(err, CR_EREFUSED,
                     "%s is in progress: a connection to other processes cannot be saved; end it "
                     "with MPI_Comm_disconnect before the checkpoint",
                     calling);
    else if (offers != NULL)
        rc = check_offer(offers, err);
    cr_lock_give(&dynamic_lock);
    return rc == 0 ? cr_communicator_check(err) : rc;
}
