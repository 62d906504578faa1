/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The open descriptors of this process, and which of them share an open file description. */
#include "cr_state_descriptors_parts.h"

#include "cr_sys.h"

#include <linux/kcmp.h>

/* kcmp() gives an order of open file descriptions: 0 the same, 1 less, 2 greater. */
static int compare_descriptions(int pid, int a, int b)
{
    long order = cr_sys(SYS_kcmp, pid, pid, KCMP_FILE, a, b);

    return order == 1 ? -1 : order == 2 ? 1 : (int)order;
}

typedef int compare_fn(int pid, const struct cr_open_file *a, const struct cr_open_file *b);

/* By inode, so that only descriptors of one file are compared by kcmp(); then by description, then by number. */
static int by_description(int pid, const struct cr_open_file *a, const struct cr_open_file *b)
{
    int order;

    if (a->st.st_ino != b->st.st_ino)
        return a->st.st_ino < b->st.st_ino ? -1 : 1;
    if (a->st.st_dev != b->st.st_dev)
        return a->st.st_dev < b->st.st_dev ? -1 : 1;
    order = compare_descriptions(pid, a->fd, b->fd);
    if (order == -1 || order == 1)
        return order;
    return a->fd - b->fd;
}

static int by_number(int pid, const struct cr_open_file *a, const struct cr_open_file *b)
{
    (void)pid;
    return a->fd - b->fd;
}

static void sift_down(compare_fn *compare, int pid, struct cr_open_file *files, size_t root,
                      size_t count)
{
    struct cr_open_file held = files[root];

    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && compare(pid, &files[child], &files[child + 1]) < 0)
            child++;
        if (compare(pid, &held, &files[child]) >= 0)
            break;
        files[root] = files[child];
    }
    files[root] = held;
}

static void sort_files(compare_fn *compare, int pid, struct cr_open_file *files, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sift_down(compare, pid, files, i, count);
    for (size_t end = count; end > 1; end--) {
        struct cr_open_file last = files[end - 1];

        files[end - 1] = files[0];
        files[0] = last;
        sift_down(compare, pid, files, 0, end - 1);
    }
}

static int find_sharing(struct cr_open_file *files, size_t count, struct cr_error *err)
{
    int pid = cr_sys_getpid();
    long probe = count > 0 ? cr_sys(SYS_kcmp, pid, pid, KCMP_FILE, files[0].fd, files[0].fd) : 0;

    if (probe < 0)
        return cr_fail(err, CR_EKERNEL,
                       "kcmp(): %s; without it the sharing of descriptors cannot be saved; allow "
                       "the system call in the container's or service's filter",
                       cr_error_words((int)-probe));
    sort_files(by_description, pid, files, count);
    for (size_t i = 0; i < count; i++) {
        files[i].same_as = -1;
        if (i > 0 && files[i].st.st_ino == files[i - 1].st.st_ino &&
            files[i].st.st_dev == files[i - 1].st.st_dev &&
            compare_descriptions(pid, files[i].fd, files[i - 1].fd) == 0)
            files[i].same_as = files[i - 1].same_as >= 0 ? files[i - 1].same_as : files[i - 1].fd;
    }
    sort_files(by_number, pid, files, count);
    return 0;
}

int cr_descriptors_list(const struct cr_state *state, struct cr_arena *arena,
                        struct cr_open_file **ret_files, size_t *ret_count, struct cr_error *err)
{
    struct cr_open_file *files;
    size_t count = 0;
    size_t listed;
    int *fds;
    int rc = cr_proc_list(arena, "/proc/thread-self/fd", &fds, &listed, err);

    if (rc < 0)
        return rc;
    files = cr_arena_alloc(arena, listed * sizeof(*files) + 1);
    if (files == NULL)
        return cr_fail_memory(err);
    for (size_t i = 0; i < listed; i++) {
        if (cr_descriptor_is_foreign(state->foreign, fds[i]))
            continue;
        files[count].fd = fds[i];
        if (cr_sys_fstat(fds[i], &files[count].st) == 0)
            count++;
    }
    rc = find_sharing(files, count, err);
    *ret_files = files;
    *ret_count = count;
    return rc;
}
