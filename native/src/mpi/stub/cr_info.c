/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; snapshot and rebuild: threads parked. Info objects: pairs of a key and a value,
 * read back from the real MPI just before an image is written, and set again in the new lower half.
 */
#include "cr_object.h"
#include "cr_stub_wrap.h"

#include <string.h>

struct cr_info_pair {
    struct cr_info_pair *next;
    char key[MPI_MAX_INFO_KEY + 1];
    char value[MPI_MAX_INFO_VAL + 1];
};

struct info {
    struct cr_handle handle;
    struct info *next;
    struct cr_info_pair *pairs;
};

static struct info *infos;
static struct cr_lock infos_lock;

MPI_Info cr_info_new(MPI_Info real, const char *made_by)
{
    struct cr_handle *known = cr_handle_find(CR_KIND_INFO, real);
    struct info *info;

    (void)made_by;
    if (known != NULL)
        return (MPI_Info)known;
    info = (struct info *)cr_handle_new(CR_KIND_INFO, sizeof(*info), real);
    cr_lock_take(&infos_lock);
    info->next = infos;
    infos = info;
    cr_lock_give(&infos_lock);
    return (MPI_Info)info;
}

void cr_info_pairs_free(struct cr_info_pair **pairs)
{
    while (*pairs != NULL) {
        struct cr_info_pair *p = *pairs;

        *pairs = p->next;
        cr_pool_free(p, sizeof(*p));
    }
}

static void forget(struct info *info)
{
    cr_lock_take(&infos_lock);
    for (struct info **at = &infos; *at != NULL; at = &(*at)->next) {
        if (*at == info) {
            *at = info->next;
            break;
        }
    }
    cr_lock_give(&infos_lock);
    cr_info_pairs_free(&info->pairs);
    cr_handle_delete(&info->handle, sizeof(*info));
}

CR_MPI(int, Info_free, (MPI_Info * info))
{
    struct cr_handle *handle;
    MPI_Info real;
    uint64_t fs;
    int rc;

    cr_gate_enter();
    handle = info != NULL ? (struct cr_handle *)*info : NULL;
    real = CR_REAL_INFO(handle);
    fs = cr_lower_enter();
    rc = CR_REAL(Info_free)(info != NULL ? &real : NULL);
    cr_lower_leave(fs);
    if (rc == MPI_SUCCESS) {
        *info = MPI_INFO_NULL;
        if (!(handle->flags & CR_HANDLE_PREDEFINED))
            forget((struct info *)handle);
    }
    cr_gate_leave();
    return cr_raise_comm(MPI_COMM_WORLD, rc, "MPI_Info_free");
}

/* From the last key to the first, so that each pair goes before those read. */
struct cr_info_pair *cr_info_pairs_read(MPI_Info real)
{
    struct cr_info_pair *pairs = NULL;
    int count = 0;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Info_get_nkeys)(real, &count);
    cr_lower_leave(fs);
    while (--count >= 0) {
        struct cr_info_pair *p = cr_pool_alloc(sizeof(*p));
        int flag = 0;

        fs = cr_lower_enter();
        CR_REAL(Info_get_nthkey)(real, count, p->key);
        CR_REAL(Info_get)(real, p->key, MPI_MAX_INFO_VAL, p->value, &flag);
        cr_lower_leave(fs);
        p->next = pairs;
        pairs = p;
    }
    return pairs;
}

MPI_Info cr_info_pairs_make(const struct cr_info_pair *pairs)
{
    MPI_Info real = NULL;
    uint64_t fs = cr_lower_enter();

    CR_REAL(Info_create)(&real);
    for (const struct cr_info_pair *p = pairs; p != NULL; p = p->next)
        CR_REAL(Info_set)(real, p->key, p->value);
    cr_lower_leave(fs);
    return real;
}

void cr_info_snapshot(void)
{
    for (struct info *i = infos; i != NULL; i = i->next) {
        cr_info_pairs_free(&i->pairs);
        i->pairs = cr_info_pairs_read((MPI_Info)i->handle.real);
    }
}

void cr_info_rebuild(void)
{
    for (struct info *i = infos; i != NULL; i = i->next)
        i->handle.real = cr_info_pairs_make(i->pairs);
}
