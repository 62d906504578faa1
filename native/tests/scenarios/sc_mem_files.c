/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of files: private with changed pages, shared, behind the end of a file that was cut, of files that are gone. */
#include "memory.h"

#include <setjmp.h>
#include <signal.h>

static sigjmp_buf back;

static void caught(int number)
{
    (void)number;
    siglongjmp(back, 1);
}

static int faults(const volatile char *at)
{
    if (sigsetjmp(back, 1) != 0)
        return 1;
    return *at == 1 && 0;
}

static char *map_file(const char *name, unsigned seed, int flags, int *ret_fd, char *path)
{
    int fd = mem_file(name, 16 * PAGE, seed, path, 600);
    char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (at == MAP_FAILED)
        sc_fail("cannot map %s", path);
    if (ret_fd != NULL)
        *ret_fd = fd;
    else
        close(fd);
    return at;
}

int main(int argc, char **argv)
{
    char *private, *shared, *cut, *cut_shared, *gone, *gone_shared;
    char path[600];
    int fd;

    sc_init(argc, argv, "maps of files keep their changed pages and their files");
    private = map_file("private", 1, MAP_PRIVATE, NULL, path);
    mem_fill(private + 4 * PAGE, 2 * PAGE, 11);
    cut = map_file("cut", 3, MAP_PRIVATE, &fd, path);
    cut[PAGE] = 'c';
    if (ftruncate(fd, 4 * PAGE) != 0)
        sc_fail("ftruncate");
    close(fd);
    cut_shared = map_file("cut-shared", 4, MAP_SHARED, &fd, path);
    if (ftruncate(fd, 4 * PAGE) != 0)
        sc_fail("ftruncate");
    close(fd);
    gone = map_file("gone", 5, MAP_PRIVATE, NULL, path);
    unlink(path);
    gone[8 * PAGE] = 'g';
    gone_shared = map_file("gone-shared", 6, MAP_SHARED, NULL, path);
    unlink(path);
    mem_fill(gone_shared, PAGE, 16);
    shared = map_file("shared", 2, MAP_SHARED, NULL, path);
    mem_fill(shared, PAGE, 12);
    sc_ready();
    sc_wait();
    signal(SIGBUS, caught);
    mem_check("changed pages", private + 4 * PAGE, 2 * PAGE, 11);
    mem_check("unchanged pages", private, 4 * PAGE, 1);
    mem_check("shared", shared, PAGE, 12);
    if (cut[PAGE] != 'c' || !faults(cut + 4 * PAGE) || !faults(cut_shared + 4 * PAGE))
        sc_fail("a file that was cut does not end where it ended");
    mem_check("cut", cut_shared, 4 * PAGE, 4);
    if (gone[8 * PAGE] != 'g')
        sc_fail("a changed page of a file that is gone has changed");
    mem_check("a file that is gone", gone, 8 * PAGE, 5);
    mem_check("a shared file that is gone", gone_shared, PAGE, 16);
    shared[0] = 'w';
    msync(shared, PAGE, MS_SYNC);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (read(fd, path, 1) != 1 || path[0] != 'w')
        sc_fail("a shared map does not write to its file any more");
    sc_pass();
}
