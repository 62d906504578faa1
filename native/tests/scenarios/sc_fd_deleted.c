/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Deleted files keep their contents, for all descriptors and mappings that have them. */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

static const char *name(const char *last)
{
    static char path[700];

    snprintf(path, sizeof(path), "%s/%s", sc_directory, last);
    return path;
}

static void expect(int fd, const char *text, off_t at)
{
    char buffer[100] = "";

    if (pread(fd, buffer, strlen(text), at) != (ssize_t)strlen(text) || strcmp(buffer, text) != 0)
        sc_fail("descriptor %d has \"%s\" at %ld instead of \"%s\"", fd, buffer, (long)at, text);
}

static int make(const char *last, const char *text)
{
    int fd = open(name(last), O_RDWR | O_CREAT | O_TRUNC, 0640);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        sc_fail("%s: %s", last, strerror(errno));
    return fd;
}

int main(int argc, char **argv)
{
    int both, writer, reader, mapped, replaced, large, unnamed;
    struct stat st;
    char *map;

    sc_init(argc, argv, "deleted files keep their contents");
    both = make("both", "0123456789");
    writer = open(name("both"), O_WRONLY | O_APPEND);
    reader = open(name("both"), O_RDONLY);
    lseek(reader, 5, SEEK_SET);
    lseek(both, 2, SEEK_SET);
    unlink(name("both"));
    mapped = make("mapped", "0123456789");
    map = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    unlink(name("mapped"));
    map[3] = 'x';
    replaced = make("replaced", "old");
    close(make("new", "new"));
    rename(name("new"), name("replaced"));
    large = make("large", "start");
    if (pwrite(large, "end", 3, 5000000) != 3)
        sc_fail("write: %s", strerror(errno));
    unlink(name("large"));
    unnamed = open(sc_directory, O_TMPFILE | O_RDWR, 0600);
    if (unnamed >= 0 && write(unnamed, "unnamed", 7) != 7)
        sc_fail("write: %s", strerror(errno));
    sc_ready();
    sc_wait();
    expect(both, "0123456789", 0);
    if (fstat(both, &st) != 0 || st.st_size != 10 || st.st_nlink != 0 ||
        (st.st_mode & 0777) != 0640 || !S_ISREG(st.st_mode))
        sc_fail("%ld bytes, mode %o", (long)st.st_size, st.st_mode);
    if (lseek(both, 0, SEEK_CUR) != 2 || lseek(reader, 0, SEEK_CUR) != 5)
        sc_fail("the positions are others");
    if (write(writer, "more", 4) != 4 || write(reader, "x", 1) != -1)
        sc_fail("access is another");
    expect(both, "0123456789more", 0);
    expect(mapped, "012x456789", 0);
    map[4] = 'y';
    expect(mapped, "012xy56789", 0);
    expect(replaced, "old", 0);
    expect(large, "start", 0);
    expect(large, "end", 5000000);
    if (unnamed >= 0)
        expect(unnamed, "unnamed", 0);
    sc_pass();
}
