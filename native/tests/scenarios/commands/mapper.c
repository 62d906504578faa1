/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program to be checkpointed by memory.sh. It maps "private" and "shared" of the working directory and POSIX shared
 * memory of the name argv[1], has memory of several kinds, prints "ready", waits for "go", and says what it finds:
 * each word "NAME=", then the first byte of each, or "-" for zero, or "?" where nothing is mapped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (64UL * 4096)
#define ADVISED (3UL << 20)

static char *map(const char *name, int flags)
{
    int fd = open(name, O_RDWR | O_CLOEXEC);
    char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);

    close(fd);
    return at != MAP_FAILED ? at : NULL;
}

static char *anonymous(int flags, size_t size, char fill)
{
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    memset(at, fill, size);
    return at;
}

static void say(const char *name, const char *at)
{
    unsigned char present;

    if (mincore((void *)at, 1, &present) != 0)
        printf(" %s=?", name);
    else
        printf(" %s=%c", name, *at != '\0' ? *at : '-');
}

/* Of the file that it has open, without the wish to know its number. */
static void say_file(void)
{
    char link[64];
    char path[512];
    char byte = '-';

    for (int fd = 3; fd < 64; fd++) {
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        path[n > 0 ? n : 0] = '\0';
        if (strstr(path, "/written") != NULL && pread(fd, &byte, 1, 4000) == 1)
            printf(" written=%c", byte);
    }
}

int main(int argc, char **argv)
{
    char *private, *shared, *posix, *cache, *large, *advised;
    int fd;

    if (argc < 2)
        return 2;
    private = map("private", MAP_PRIVATE);
    shared = map("shared", MAP_SHARED);
    fd = shm_open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || ftruncate(fd, SIZE) != 0)
        return 3;
    open("written", O_RDWR | O_CLOEXEC);
    posix = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    memset(posix, 'x', SIZE);
    cache = anonymous(MAP_SHARED, SIZE, 'c');
    large = anonymous(MAP_PRIVATE, 64UL << 20, 'l');
    advised = anonymous(MAP_PRIVATE, ADVISED, 'a');
    madvise(advised, ADVISED, MADV_DONTDUMP);
    printf("ready\n");
    fflush(stdout);
    while (access("go", F_OK) != 0)
        usleep(2000);
    printf("found");
    say("private", private);
    say("shared", shared);
    say("posix", posix);
    say("cache", cache);
    say("large", large);
    say("advised", advised);
    say_file();
    printf("\n");
    return 0;
}
