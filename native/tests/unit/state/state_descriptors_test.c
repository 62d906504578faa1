/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors are put back with number, offset, flags and sharing; what cannot be saved is refused in words. */
#include "state_support.h"

#include "cr_state_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/state_descriptors_XXXXXX";

static const char *file_path(const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static int make_file(const char *name, const char *text)
{
    int fd = open(file_path(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (write(fd, text, strlen(text)) < 0)
        perror("write");
    return fd;
}

/* The standard streams of the test itself are not touched by most of it. */
static const int OUR_STREAMS[] = {0, 1, 2, 60};

static void begin(struct fixture *f)
{
    fixture_begin(f);
    f->foreign.fds = OUR_STREAMS;
    f->foreign.fd_count = sizeof(OUR_STREAMS) / sizeof(*OUR_STREAMS);
}

/* What the test was started with is not its own: only the standard streams stay. */
static void close_inherited(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
}

static int shares(int a, int b)
{
    return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, a, b) == 0;
}

static void collect(struct fixture *f, const char *text)
{
    begin(f);
    tap_ok(fixture_say(f, cr_descriptors_collect(&f->state, &f->err)) == 0, text);
}

static int put_back_all(struct fixture *f)
{
    int rc = cr_descriptors_put_back(&f->state, &f->err);

    return rc < 0 ? rc : cr_descriptors_finish(&f->state, &f->err);
}

static void put_back(struct fixture *f, const char *text)
{
    tap_ok(fixture_say(f, put_back_all(f)) == 0, text);
}

static void test_files(void)
{
    struct fixture f;
    int fd = make_file("data", "0123456789");
    char byte = 0;

    lseek(fd, 4, SEEK_SET);
    dup3(fd, 40, O_CLOEXEC);
    dup2(open(file_path("data"), O_WRONLY | O_APPEND | O_NONBLOCK), 20);
    dup2(open(directory, O_RDONLY | O_DIRECTORY), 21);
    dup2(open("/dev/zero", O_RDWR), 22);
    close(4);
    close(5);
    close(6);
    collect(&f, "files, directories and memory devices are collected");

    close(fd);
    close(40);
    close(20);
    close(21);
    close(22);
    open("/dev/null", O_RDONLY);
    put_back(&f, "and put back");
    tap_ok(read(fd, &byte, 1) == 1 && byte == '4', "a file is read on where it was");
    tap_ok(lseek(40, 0, SEEK_CUR) == 5 && shares(fd, 40), "duplicates share their offset again");
    tap_ok(!shares(fd, 20) && lseek(20, 0, SEEK_CUR) == 0, "what was opened twice does not share");
    tap_ok((fcntl(20, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
               (O_WRONLY | O_APPEND | O_NONBLOCK),
           "access mode and flags are kept");
    tap_ok(fcntl(40, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFD) == 0, "close-on-exec is kept");
    tap_ok(faccessat(21, "data", F_OK, 0) == 0, "a directory is a directory again");
    tap_ok(read(22, &byte, 1) == 1 && byte == 0, "a memory device gives what it gave");
    tap_ok(fcntl(4, F_GETFD) < 0 && fcntl(5, F_GETFD) < 0, "no other descriptor is left open");
    fixture_end(&f);
    close_inherited();
}

static void test_standard_streams(void)
{
    struct fixture f;
    int saved = fcntl(2, F_DUPFD_CLOEXEC, 100);
    int kept[4] = {saved, 0, 1, 31};
    int pipes[2];

    if (pipe(pipes) != 0)
        return;
    dup2(pipes[1], 2);
    dup2(pipes[0], 31); /* another program's end */
    close(pipes[0]);
    close(pipes[1]);
    dup2(2, 30);
    fixture_begin(&f);
    f.foreign.fds = kept;
    f.foreign.fd_count = 4;
    tap_ok(fixture_say(&f, cr_descriptors_collect(&f.state, &f.err)) == 0,
           "a pipe as standard stream, and its duplicate, are taken");
    close(30);
    dup2(saved, 2);
    put_back(&f, "and put back");
    tap_ok(shares(30, 2) && shares(2, saved),
           "the stream of the restart is kept, and shared again");
    fixture_end(&f);
    close_inherited();
}

/* Puts FD in the place of the standard output while a rank is saved, then the old output, which a restart would have. */
static void save_with_output(struct fixture *f, int fd, int *saved, const char *text)
{
    *saved = fcntl(1, F_DUPFD_CLOEXEC, 100);
    dup2(fd, 1);
    close(fd);
    dup2(1, 33);
    fixture_begin(f);
    f->foreign.fds = saved;
    f->foreign.fd_count = 1;
    f->foreign.keep_standard_streams = 1;
    if (cr_descriptors_collect(&f->state, &f->err) != 0)
        f->err.code = 1;
    dup2(*saved, 1);
    close(33);
    tap_ok(fixture_say(f, -f->err.code) == 0, text);
}

static void test_kept_streams(void)
{
    struct fixture f;
    int ends[2], saved;

    tap_ok(pipe(ends) == 0, "a pipe of the launcher");
    save_with_output(&f, ends[1], &saved, "streams of the launcher are kept");
    close(ends[0]);
    put_back(&f, "and nothing is opened for them");
    tap_ok(shares(33, 1) && shares(1, saved), "their duplicates follow the launcher's");
    fixture_end(&f);
    close_inherited();
}

static void test_file_as_stream(void)
{
    struct fixture f;
    struct stat file, output;
    int saved;

    save_with_output(&f, make_file("log", ""), &saved, "a file as output of a rank is taken");
    put_back(&f, "and opened again");
    tap_ok(shares(33, 1) && fstat(1, &output) == 0 && fstat(saved, &file) == 0 &&
               output.st_ino != file.st_ino && S_ISREG(output.st_mode),
           "the rank and its duplicate go on in the file");
    dup2(saved, 1);
    fixture_end(&f);
    close_inherited();
}

static uint32_t tcp_policy;

static void expect_refusal(const char *words, const char *text)
{
    struct fixture f;
    int rc;

    begin(&f);
    f.state.tcp_policy = tcp_policy;
    rc = cr_descriptors_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED && strstr(f.err.text, words) != NULL, text);
    tap_ok(fixture_note(&f, quiesce_image_NoteType_NOTE_DESCRIPTORS, 0) == NULL,
           "and no descriptor is in the notes");
    fixture_end(&f);
    close_inherited();
}

static void test_tcp(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    char words[100];

    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) != 0 ||
        connect(client, (struct sockaddr *)&at, sizeof(at)) != 0) {
        perror("# sockets");
        return;
    }
    dup2(listener, 60); /* foreign */
    close(listener);
    dup2(client, 7);
    close(client);
    tcp_policy = 1;
    snprintf(words, sizeof(words), "descriptor 7 is a TCP connection from 127.0.0.1:");
    expect_refusal(words, "a TCP connection to the outside is named with its addresses");
    tcp_policy = 0;
    close(60);
}

static void test_listener(void)
{
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t length = sizeof(at);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    int client = socket(AF_INET6, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) != 0 ||
        connect(client, (struct sockaddr *)&at, sizeof(at)) != 0) {
        close_inherited();
        return;
    }
    dup2(client, 60); /* foreign */
    close(client);
    tcp_policy = 1;
    expect_refusal("is a TCP socket at [0:0:0:0:0:0:0:1]:",
                   "a listening socket with a connection from outside is named with its address");
    tcp_policy = 0;
    close(60);
}

/* At a number that is foreign in all tests. */
static int open_directory(void)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY);

    if (fd != 60) {
        dup2(fd, 60);
        close(fd);
    }
    return 60;
}

static void test_refusals(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
        dup2(pair[1], 60); /* foreign */
        close(pair[1]);
        expect_refusal("is a Unix socket connected to a process outside the request",
                       "a Unix socket with its other end elsewhere is refused");
        close(60);
    }
    if (socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) >= 0 &&
        socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) >= 0)
        expect_refusal("(and 1 more that cannot be saved)", "what else is refused is counted");
}

/* A regular file whose path looks like that of a device. */
static void test_shared_memory_path(void)
{
    struct fixture f;
    char path[] = "/dev/shm/state_descriptors_XXXXXX";
    int fd = mkstemp(path);
    char byte;

    if (fd < 0 || pwrite(fd, "ab", 2, 0) != 2)
        return;
    lseek(fd, 1, SEEK_SET);
    collect(&f, "a file below /dev/shm is a file");
    close(fd);
    put_back(&f, "and is put back");
    tap_ok(read(fd, &byte, 1) == 1 && byte == 'b', "at its offset");
    fixture_end(&f);
    unlink(path);
    close_inherited();
}

static int try_lock(int fd, int command, int type, off_t start, off_t length)
{
    struct flock range = {.l_type = (short)type, .l_start = start, .l_len = length};

    return fcntl(fd, command, &range);
}

/* What another process would find at START: F_UNLCK, F_RDLCK or F_WRLCK. */
static int posix_lock_at(int fd, off_t start)
{
    int types[2];
    char type = F_UNLCK;

    if (pipe(types) != 0)
        return -1;
    if (fork() == 0) {
        struct flock range = {.l_type = F_WRLCK, .l_start = start, .l_len = 1};

        fcntl(fd, F_GETLK, &range);
        type = (char)range.l_type;
        _exit(write(types[1], &type, 1) == 1 ? 0 : 1);
    }
    if (read(types[0], &type, 1) != 1)
        type = -1;
    close(types[0]);
    close(types[1]);
    wait(NULL);
    return type;
}

static void test_locks(void)
{
    struct fixture f;
    int a = make_file("locked", "0123456789");
    int b = make_file("flocked", "x");
    int other;

    try_lock(a, F_SETLK, F_WRLCK, 2, 3);
    try_lock(a, F_SETLK, F_RDLCK, 8, 0);
    flock(b, LOCK_EX);
    collect(&f, "locks are collected");
    close(a);
    close(b);
    tap_ok(posix_lock_at(open(file_path("locked"), O_RDWR), 3) == F_UNLCK, "they are gone");
    close_inherited();
    put_back(&f, "locks are put back");
    tap_ok(posix_lock_at(a, 3) == F_WRLCK && posix_lock_at(a, 5) == F_UNLCK &&
               posix_lock_at(a, 100) == F_RDLCK,
           "ranges are locked as before");
    other = open(file_path("flocked"), O_RDWR);
    tap_ok(flock(other, LOCK_SH | LOCK_NB) != 0, "a flock() is held again");
    close(a);
    close(b);
    tap_ok(flock(other, LOCK_EX | LOCK_NB) == 0, "somebody else takes it");
    dup2(other, 60);
    close(other);
    tap_ok(put_back_all(&f) == -EAGAIN, "and it cannot be put back");
    printf("# %s\n", f.err.text);
    fixture_end(&f);
    close_inherited();
}

static void test_changed_files(void)
{
    struct fixture f;
    int fd = make_file("short", "0123456789");
    int rc;

    collect(&f, "a file is collected");
    tap_ok(fixture_say(&f, cr_state_check_files(&f.state, &f.err)) == 0,
           "the check before a restart finds nothing");
    if (ftruncate(fd, 5) != 0)
        return;
    rc = cr_state_check_files(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EFILECHANGED && strstr(f.err.text, "has 5 bytes and had 10") != NULL,
           "a file that has become shorter is found before a restart");
    close(fd);
    rc = cr_descriptors_put_back(&f.state, &f.err);
    tap_ok(rc == -CR_EFILECHANGED, "and when it is put back");
    unlink(file_path("short"));
    rc = cr_state_check_files(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EFILEMISSING && strstr(f.err.text, "short") != NULL,
           "a file that is gone is found before a restart");
    rc = cr_descriptors_put_back(&f.state, &f.err);
    tap_ok(rc == -CR_EFILEMISSING, "and when it is put back");
    fixture_end(&f);
    close_inherited();
}

static void test_many(void)
{
    struct rlimit limit = {4096, 4096};
    struct fixture f;
    int good = 1;

    setrlimit(RLIMIT_NOFILE, &limit);
    make_file("many", "0123456789");
    for (int fd = 4; fd < 1000; fd++) {
        if (fd == 60) {
            open_directory();
        } else if (fd % 3 == 0) {
            dup2(3, fd);
        } else {
            int own = open(file_path("many"), O_RDONLY);

            lseek(own, fd, SEEK_SET);
            if (own != fd)
                good = 0;
        }
    }
    tap_ok(good, "a thousand descriptors of one file are open");
    collect(&f, "they are collected");
    close_inherited();
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    put_back(&f, "they are put back, under a lower limit of open files");
    for (int fd = 4; fd < 1000; fd++) {
        if (fd == 60)
            continue;
        if (fd % 3 == 0 ? !shares(3, fd) : lseek(fd, 0, SEEK_CUR) != fd)
            good = 0;
    }
    tap_ok(good, "each with its own offset or its sharing");
    fixture_end(&f);
    close_inherited();
}

int main(void)
{
    close_inherited();
    if (mkdtemp(directory) == NULL)
        tap_skip_all("no directory in /tmp");
    test_files();
    test_standard_streams();
    test_kept_streams();
    test_file_as_stream();
    test_tcp();
    test_listener();
    test_refusals();
    test_shared_memory_path();
    test_locks();
    test_changed_files();
    test_many();
    fixture_remove(directory);
    return tap_done();
}
