/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal; threads parked. Small files that the real MPI keeps beside one whose shared
 * pointer is used, and removes when that is closed. A job that is killed leaves them behind, so its
 * restart removes them; it makes new ones.
 */
#include "cr_file.h"
#include "cr_sys.h"

#include <limits.h>
#include <string.h>

struct cr_file_helper {
    struct cr_file_helper *next;
    size_t size;
    char path[];
};

static int all_of(const char *text, size_t length, const char *allowed)
{
    return length > 0 && strspn(text, allowed) >= length;
}

/* NAME-1234-5.lock of OMPIO, .NAME.shfp.1234.5 of ROMIO; BASE is NAME. */
static int is_helper(const char *name, const char *base)
{
    size_t length = strlen(base), all = strlen(name);

    if (strncmp(name, base, length) == 0 && name[length] == '-' && all > length + 6 &&
        strcmp(name + all - 5, ".lock") == 0)
        return all_of(name + length, all - length - 5, "-0123456789");
    if (name[0] == '.' && strncmp(name + 1, base, length) == 0 &&
        strncmp(name + 1 + length, ".shfp.", 6) == 0)
        return all_of(name + length + 7, all - length - 7, ".0123456789");
    return 0;
}

static void keep(struct cr_file *file, const char *path)
{
    size_t size = sizeof(struct cr_file_helper) + strlen(path) + 1;
    struct cr_file_helper *helper = cr_pool_alloc(size);

    helper->size = size;
    memcpy(helper->path, path, strlen(path) + 1);
    helper->next = file->helpers;
    file->helpers = helper;
}

void cr_file_helpers_free(struct cr_file *file)
{
    while (file->helpers != NULL) {
        struct cr_file_helper *gone = file->helpers;

        file->helpers = gone->next;
        cr_pool_free(gone, gone->size);
    }
}

/* PATH is a name that one of the lower half's descriptors leads to. */
static int look(const char *path, void *context)
{
    struct cr_file *file = context;
    const char *own = file->opened, *base = strrchr(own, '/');
    const char *name = strrchr(path, '/');

    if (base != NULL && name != NULL && base - own == name - path &&
        strncmp(own, path, (size_t)(base - own)) == 0 && is_helper(name + 1, base + 1))
        keep(file, path);
    return 0;
}

void cr_file_helpers_note(struct cr_file *file)
{
    cr_file_helpers_free(file);
    cr_file_each_descriptor(look, file);
}

void cr_file_helpers_remove(const struct cr_file *file)
{
    for (const struct cr_file_helper *h = file->helpers; h != NULL; h = h->next)
        cr_sys(SYS_unlink, h->path);
}
