/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; rebuild: threads parked. Groups: each handle keeps the world ranks of its
 * members, from which the real group is made again.
 */
#include "cr_object.h"
#include "cr_stub_wrap.h"

static struct cr_group_handle *groups;
static struct cr_lock groups_lock;

static void describe(struct cr_group_handle *group)
{
    MPI_Group real = (MPI_Group)group->handle.real, world = NULL;
    size_t size;
    int *own, *translated;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Group_size)(real, &group->size);
    CR_REAL(Comm_group)(CR_REAL_COMM(MPI_COMM_WORLD), &world);
    cr_lower_leave(fs);
    size = (size_t)group->size * sizeof(int);
    own = cr_pool_alloc(size);
    translated = cr_pool_alloc(size);
    for (int i = 0; i < group->size; i++)
        own[i] = i;
    fs = cr_lower_enter();
    CR_REAL(Group_translate_ranks)(real, group->size, own, world, translated);
    CR_REAL(Group_free)(&world);
    cr_lower_leave(fs);
    for (int i = 0; i < group->size; i++)
        group->outside |= translated[i] == MPI_UNDEFINED;
    group->world_ranks = (uint32_t *)translated;
    cr_pool_free(own, size);
}

MPI_Group cr_group_new(MPI_Group real, const char *made_by)
{
    struct cr_handle *known = cr_handle_find(CR_KIND_GROUP, real);
    struct cr_group_handle *group;

    (void)made_by;
    if (known != NULL)
        return (MPI_Group)known;
    group = (struct cr_group_handle *)cr_handle_new(CR_KIND_GROUP, sizeof(*group), real);
    describe(group);
    cr_lock_take(&groups_lock);
    group->next = groups;
    group->link = &groups;
    if (groups != NULL)
        groups->link = &group->next;
    groups = group;
    cr_lock_give(&groups_lock);
    return (MPI_Group)group;
}

static void forget(struct cr_group_handle *group)
{
    cr_lock_take(&groups_lock);
    *group->link = group->next;
    if (group->next != NULL)
        group->next->link = group->link;
    cr_lock_give(&groups_lock);
    cr_pool_free(group->world_ranks, (size_t)group->size * sizeof(uint32_t));
    cr_handle_delete(&group->handle, sizeof(*group));
}

CR_MPI(int, Group_free, (MPI_Group * group))
{
    struct cr_handle *handle;
    MPI_Group real;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    handle = group != NULL ? (struct cr_handle *)*group : NULL;
    real = CR_REAL_GROUP(handle);
    fs = cr_lower_enter();
    rc = CR_REAL(Group_free)(group != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS) {
        *group = MPI_GROUP_NULL;
        if (!(handle->flags & CR_HANDLE_PREDEFINED))
            forget((struct cr_group_handle *)handle);
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Group_free");
}

int cr_group_check(struct cr_error *err)
{
    for (struct cr_group_handle *g = groups; g != NULL; g = g->next) {
        if (g->outside)
            return cr_fail(err, CR_EREFUSED,
                           "a group with members outside of MPI_COMM_WORLD is alive: free it "
                           "before the checkpoint");
    }
    return 0;
}

MPI_Group cr_group_real_of(const uint32_t *world_ranks, int32_t count)
{
    MPI_Group world = NULL, made = NULL;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Comm_group)(CR_REAL_COMM(MPI_COMM_WORLD), &world);
    CR_REAL(Group_incl)(world, count, (const int *)world_ranks, &made);
    CR_REAL(Group_free)(&world);
    cr_lower_leave(fs);
    return made;
}

void cr_group_rebuild(void)
{
    for (struct cr_group_handle *g = groups; g != NULL; g = g->next)
        g->handle.real = cr_group_real_of(g->world_ranks, g->size);
}
