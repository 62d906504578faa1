/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory files keep name, size, contents, holes, seals and their mappings. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define PAGE 4096UL

static void put(int fd, const char *text, off_t at)
{
    if (pwrite(fd, text, strlen(text), at) != (ssize_t)strlen(text))
        sc_fail("write: %s", strerror(errno));
}

static void expect(int fd, const char *text, off_t at)
{
    char buffer[100] = "";

    if (pread(fd, buffer, strlen(text), at) != (ssize_t)strlen(text) || strcmp(buffer, text) != 0)
        sc_fail("descriptor %d has \"%s\" at %ld instead of \"%s\"", fd, buffer, (long)at, text);
}

static void expect_size(int fd, off_t size)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_size != size || st.st_nlink != 0)
        sc_fail("descriptor %d has %ld bytes and %lu names", fd, (long)st.st_size,
                (unsigned long)st.st_nlink);
}

static void expect_name(int fd, const char *name)
{
    char path[64], link[200] = "";

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (readlink(path, link, sizeof(link) - 1) < 0 || strcmp(link, name) != 0)
        sc_fail("descriptor %d is %s", fd, link);
}

static int make_sealed(void)
{
    int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);

    put(fd, "nobody writes here", 0);
    fchmod(fd, 0440);
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        sc_fail("F_ADD_SEALS: %s", strerror(errno));
    return fd;
}

static void check_sealed(int fd, const char *mapped)
{
    struct stat st;

    expect(fd, "nobody writes here", 0);
    expect_size(fd, 18);
    if (fcntl(fd, F_GET_SEALS) != (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        sc_fail("the seals are %x", (unsigned)fcntl(fd, F_GET_SEALS));
    if (mapped != MAP_FAILED && memcmp(mapped, "nobody writes here", 18) != 0)
        sc_fail("the map of the sealed file has something else");
    if (fstat(fd, &st) != 0 || (st.st_mode & 0777) != 0440)
        sc_fail("the permissions are %o", st.st_mode & 0777);
}

int main(int argc, char **argv)
{
    int plain = memfd_create("plain", MFD_CLOEXEC);
    int mapped = memfd_create("mapped", 0);
    int sparse = memfd_create("sparse", 0);
    int empty = memfd_create("empty", 0);
    int sealed = make_sealed();
    int reader;
    char path[64];
    char *map, *sealed_map;

    sc_init(argc, argv, "memory files are kept");
    put(plain, "0123456789", 0);
    lseek(plain, 3, SEEK_SET);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", plain);
    reader = open(path, O_RDONLY);
    lseek(reader, 7, SEEK_SET);
    dup2(plain, 1200);
    if (ftruncate(mapped, 3 * PAGE + 100) != 0 || ftruncate(sparse, 1UL << 32) != 0)
        sc_fail("ftruncate: %s", strerror(errno));
    map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, PAGE);
    strcpy(map, "through the map");
    put(mapped, "through the file", 2 * PAGE);
    put(sparse, "far away", (1L << 32) - 8);
    sealed_map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, sealed, 0);
    sc_ready();
    sc_wait();
    expect(plain, "0123456789", 0);
    expect_size(plain, 10);
    expect_name(plain, "/memfd:plain (deleted)");
    if (lseek(1200, 0, SEEK_CUR) != 3 || lseek(reader, 0, SEEK_CUR) != 7)
        sc_fail("the positions are others");
    put(plain, "new", 0);
    expect(reader, "new3", 0);
    if (write(reader, "x", 1) != -1 || fcntl(plain, F_GETFD) != FD_CLOEXEC)
        sc_fail("flags are lost");
    expect(mapped, "through the map", PAGE);
    expect(mapped, "through the file", 2 * PAGE);
    expect_size(mapped, 3 * PAGE + 100);
    put(mapped, "and back", PAGE);
    if (memcmp(map, "and back", 8) != 0)
        sc_fail("the map and the file are two things now");
    expect(sparse, "far away", (1L << 32) - 8);
    expect_size(sparse, 1L << 32);
    if (lseek(sparse, 0, SEEK_DATA) < (1L << 31))
        sc_fail("holes are filled");
    expect_size(empty, 0);
    check_sealed(sealed, sealed_map);
    sc_pass();
}
