/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that cannot be saved is refused with its address and what to do. */
#include "state_support.h"

#include "cr_state_memory.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

static void *map(size_t pages, int flags, int fd, off_t offset)
{
    return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, offset);
}

static void expect_refusal(const char *words, const char *text)
{
    struct cr_memory m;
    struct fixture f;
    int rc;

    fixture_begin(&f);
    rc = cr_memory_collect(&f.state, &m, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED && strstr(f.err.text, words) != NULL, text);
    fixture_end(&f);
}

static void test_kernel_object(void)
{
    unsigned char parameters[120] = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 8, parameters);
    void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, ring, 0);

    if (ring < 0 || at == MAP_FAILED)
        return;
    expect_refusal("is a mapping of a kernel object (anon_inode:[io_uring])",
                   "the memory of an io_uring is refused");
    munmap(at, PAGE);
    close(ring);
}

static void test_userfaultfd(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    void *at = map(4, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    area.range.start = (uint64_t)at;
    area.range.len = 4 * PAGE;
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &area) != 0)
        return;
    expect_refusal("is watched by a userfaultfd", "memory under userfaultfd is refused");
    close(fd);
    munmap(at, 4 * PAGE);
}

static void test_system_v(void)
{
    int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
    char *at = shmat(id, NULL, 0);
    struct cr_memory m;
    struct fixture f;
    int hold[2];
    pid_t other;

    shmctl(id, IPC_RMID, NULL);
    if (at == MAP_FAILED || pipe(hold) != 0)
        return;
    mprotect(at + PAGE, PAGE, PROT_READ);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_memory_collect(&f.state, &m, &f.err)) == 0,
           "a System V segment of this process alone is taken");
    fixture_end(&f);
    other = fork();
    if (other == 0) {
        char byte;

        close(hold[1]);
        _exit(read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    expect_refusal("is attached by another process too",
                   "one that another process has too is refused");
    close(hold[0]);
    close(hold[1]);
    waitpid(other, NULL, 0);
    shmdt(at);
}

int main(void)
{
    test_kernel_object();
    test_userfaultfd();
    test_system_v();
    return tap_done();
}
