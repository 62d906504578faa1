/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories keep access, flags, positions, numbers and sharing, under whatever name they are found. */
#include "scenario.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#define ENTRIES 300
#define MANY 1000

static int appended, synced, second_name, symbolic, place, plain, directory, own_status, null;
static int many[MANY];
static char seen[ENTRIES];

static const char *name(const char *last)
{
    static char path[700];

    snprintf(path, sizeof(path), "%s/%s", sc_directory, last);
    return path;
}

static int open_file(const char *last, int flags)
{
    int fd = open(name(last), flags, 0600);

    if (fd < 0)
        sc_fail("open %s: %s", last, strerror(errno));
    return fd;
}

static void put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        sc_fail("write to %d: %s", fd, strerror(errno));
}

static void expect_file(const char *last, const char *text)
{
    char buffer[200] = "";
    int fd = open_file(last, O_RDONLY);

    if (read(fd, buffer, sizeof(buffer) - 1) < 0 || strcmp(buffer, text) != 0)
        sc_fail("%s holds \"%s\" instead of \"%s\"", last, buffer, text);
    close(fd);
}

/* Reads COUNT entries of the directory (-1: to its end); none may come twice. */
static void read_entries(int count)
{
    char buffer[1024] __attribute__((aligned(16)));
    int number;
    int got = 0;

    while (count < 0 || got < count) {
        long n = syscall(SYS_getdents64, directory, buffer, 256);

        if (n <= 0)
            break;
        for (long at = 0; at < n;) {
            const struct dirent64 *entry = (const struct dirent64 *)(buffer + at);

            at += entry->d_reclen;
            if (sscanf(entry->d_name, "entry-%d", &number) != 1)
                continue;
            if (seen[number]++)
                sc_fail("entry %d came twice", number);
            got++;
        }
    }
}

static void make_directory(void)
{
    char last[40];

    mkdir(name("entries"), 0700);
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(last, sizeof(last), "entries/entry-%d", i);
        close(open_file(last, O_WRONLY | O_CREAT));
    }
    directory = open_file("entries", O_RDONLY | O_DIRECTORY);
    read_entries(100);
}

static void open_many(void)
{
    struct rlimit limit = {4096, 4096};

    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < MANY; i++) {
        many[i] = open_file("plain", O_RDONLY);
        lseek(many[i], i, SEEK_SET);
    }
    if (dup3(plain, 3000, O_CLOEXEC) != 3000)
        sc_fail("dup3: %s", strerror(errno));
    limit.rlim_cur = 2000;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void set_up(void)
{
    plain = open_file("plain", O_RDWR | O_CREAT);
    put(plain, "0123456789");
    lseek(plain, 4, SEEK_SET);
    appended = open_file("appended", O_WRONLY | O_CREAT | O_APPEND);
    put(appended, "one ");
    synced = open_file("synced", O_RDWR | O_CREAT | O_SYNC | O_NONBLOCK | O_NOATIME);
    second_name = open_file("first-name", O_RDWR | O_CREAT);
    put(second_name, "linked ");
    if (linkat(second_name, "", AT_FDCWD, name("second-name"), AT_EMPTY_PATH) != 0)
        if (link(strdup(name("first-name")), name("second-name")) != 0)
            sc_fail("link: %s", strerror(errno));
    if (symlink("nowhere", name("symbolic")) != 0)
        sc_fail("symlink: %s", strerror(errno));
    symbolic = open_file("symbolic", O_PATH | O_NOFOLLOW);
    place = open_file(".", O_PATH | O_DIRECTORY);
    own_status = open("/proc/self/stat", O_RDONLY);
    null = open("/dev/null", O_RDWR);
    make_directory();
    open_many();
}

static void check_flags(void)
{
    const int mask = O_ACCMODE | O_SYNC | O_NONBLOCK | O_NOATIME;

    if ((fcntl(synced, F_GETFL) & mask) != (O_RDWR | O_SYNC | O_NONBLOCK | O_NOATIME))
        sc_fail("flags are %o", (unsigned)fcntl(synced, F_GETFL));
    if ((fcntl(place, F_GETFL) & O_PATH) == 0 || (fcntl(symbolic, F_GETFL) & O_PATH) == 0)
        sc_fail("O_PATH is lost");
}

static void check_others(void)
{
    char buffer[100] = "";
    struct stat st;
    int pid = 0;

    if (fstat(symbolic, &st) != 0 || !S_ISLNK(st.st_mode))
        sc_fail("a symbolic link is mode %o", st.st_mode);
    if (faccessat(place, "plain", F_OK, 0) != 0)
        sc_fail("a place is another one: %s", strerror(errno));
    if (read(own_status, buffer, sizeof(buffer) - 1) < 0 || sscanf(buffer, "%d", &pid) != 1 ||
        strstr(buffer, "(sc_fd_files)") == NULL)
        sc_fail("the process's file in /proc is another's: %s", buffer);
    if (write(null, "x", 1) != 1 || fstat(0, &st) != 0 || !S_ISCHR(st.st_mode))
        sc_fail("/dev/null is lost");
    read_entries(-1);
    for (int i = 0; i < ENTRIES; i++)
        if (!seen[i])
            sc_fail("entry %d of a directory is lost", i);
}

static void check(void)
{
    char byte;

    if (read(plain, &byte, 1) != 1 || byte != '4' || lseek(3000, 0, SEEK_CUR) != 5)
        sc_fail("the position is lost, or not shared");
    if (fcntl(3000, F_GETFD) != FD_CLOEXEC || fcntl(plain, F_GETFD) != 0)
        sc_fail("close-on-exec is lost");
    put(appended, "two ");
    expect_file("appended", "one two ");
    put(second_name, "again");
    expect_file("second-name", "linked again");
    for (int i = 0; i < MANY; i++)
        if (lseek(many[i], 0, SEEK_CUR) != i)
            sc_fail("file %d of many stands at %ld", i, (long)lseek(many[i], 0, SEEK_CUR));
    check_flags();
    check_others();
}

int main(int argc, char **argv)
{
    sc_init(argc, argv, "files and directories are kept");
    set_up();
    unlink(name("first-name"));
    sc_ready();
    sc_wait();
    check();
    sc_pass();
}
