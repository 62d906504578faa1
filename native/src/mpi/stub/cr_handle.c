/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; usable while threads are parked. Handles and the table from real objects to
 * them.
 */
#include "cr_handle.h"

#include "cr_mpi.h"
#include "cr_stub_bind.h"

#include <string.h>

#define BUCKETS 4096

/*
 * Entries are separate from the handles: a predefined handle is an exported object without room for
 * a link.
 */
struct entry {
    struct cr_handle *handle;
    struct entry *next;
};

static struct entry *buckets[BUCKETS];
static struct cr_lock table_lock;

static unsigned bucket_of(const void *real)
{
    return (unsigned)(((uintptr_t)real >> 4) * 0x9e3779b97f4a7c15ULL >> 52) % BUCKETS;
}

struct cr_handle *cr_handle_null(enum cr_kind kind)
{
    switch (kind) {
    case CR_KIND_COMM:
        return (struct cr_handle *)MPI_COMM_NULL;
    case CR_KIND_DATATYPE:
        return (struct cr_handle *)MPI_DATATYPE_NULL;
    case CR_KIND_GROUP:
        return (struct cr_handle *)MPI_GROUP_NULL;
    case CR_KIND_OP:
        return (struct cr_handle *)MPI_OP_NULL;
    case CR_KIND_REQUEST:
        return (struct cr_handle *)MPI_REQUEST_NULL;
    case CR_KIND_WIN:
        return (struct cr_handle *)MPI_WIN_NULL;
    case CR_KIND_INFO:
        return (struct cr_handle *)MPI_INFO_NULL;
    case CR_KIND_ERRHANDLER:
        return (struct cr_handle *)MPI_ERRHANDLER_NULL;
    case CR_KIND_MESSAGE:
        return (struct cr_handle *)MPI_MESSAGE_NULL;
    case CR_KIND_FILE:
        return (struct cr_handle *)MPI_FILE_NULL;
    case CR_KIND_NONE:
    case CR_KIND_COUNT:
        break;
    }
    return NULL;
}

struct cr_handle *cr_handle_new(enum cr_kind kind, size_t size, void *real)
{
    struct cr_handle *handle = cr_pool_alloc(size);

    handle->magic = CR_HANDLE_MAGIC;
    handle->kind = (uint8_t)kind;
    handle->real = real;
    return handle;
}

struct cr_handle *cr_handle_find(enum cr_kind kind, const void *real)
{
    struct cr_handle *found = NULL;

    cr_lock_take(&table_lock);
    for (struct entry *e = buckets[bucket_of(real)]; e != NULL; e = e->next) {
        if (e->handle->real == real && e->handle->kind == kind) {
            found = e->handle;
            break;
        }
    }
    cr_lock_give(&table_lock);
    return found;
}

void cr_handle_learn(struct cr_handle *handle)
{
    struct entry *e = cr_pool_alloc(sizeof(*e));
    struct entry **bucket = &buckets[bucket_of(handle->real)];

    e->handle = handle;
    cr_lock_take(&table_lock);
    e->next = *bucket;
    *bucket = e;
    cr_lock_give(&table_lock);
}

static void unlearn(const struct cr_handle *handle)
{
    struct entry *found = NULL;

    cr_lock_take(&table_lock);
    for (struct entry **at = &buckets[bucket_of(handle->real)]; *at != NULL; at = &(*at)->next) {
        if ((*at)->handle == handle) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    cr_lock_give(&table_lock);
    if (found != NULL)
        cr_pool_free(found, sizeof(*found));
}

void cr_handle_delete(struct cr_handle *handle, size_t size)
{
    unlearn(handle);
    cr_fortran_forget(handle);
    handle->magic = 0;
    cr_pool_free(handle, size);
}

void cr_keyed_add(struct cr_keyed_list *list, struct cr_keyed *object)
{
    cr_lock_take(&list->lock);
    object->number = ++list->made;
    object->next = list->first;
    list->first = object;
    cr_lock_give(&list->lock);
}

void cr_keyed_remove(struct cr_keyed_list *list, const struct cr_keyed *object)
{
    cr_lock_take(&list->lock);
    for (struct cr_keyed **at = &list->first; *at != NULL; at = &(*at)->next) {
        if (*at == object) {
            *at = object->next;
            break;
        }
    }
    cr_lock_give(&list->lock);
}

void cr_handle_forget_all(void)
{
    for (int i = 0; i < BUCKETS; i++) {
        while (buckets[i] != NULL) {
            struct entry *e = buckets[i];

            buckets[i] = e->next;
            cr_pool_free(e, sizeof(*e));
        }
    }
}

void cr_handle_mirror(struct cr_handle *handle)
{
    struct cr_datatype *type = (struct cr_datatype *)handle;
    const struct cr_datatype *real = (const struct cr_datatype *)handle->real;

    if (handle->kind != CR_KIND_DATATYPE || real == NULL)
        return;
    memcpy(type->mirror_low, real->mirror_low, sizeof(type->mirror_low));
    memcpy(type->mirror_high, real->mirror_high, sizeof(type->mirror_high));
}

void cr_handle_bind(void *const *real)
{
    for (int i = 0; i < cr_predefined_count; i++) {
        cr_predefined[i]->real = real[i];
        if (real[i] != NULL)
            cr_handle_learn(cr_predefined[i]);
        cr_handle_mirror(cr_predefined[i]);
    }
}
