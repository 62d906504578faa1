/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of descriptors: what the kernel's words about them mean, and what a restart finds that is not as it was. */
#include "state_support.h"

#include "cr_fd_common.h"
#include "cr_fd_epoll.h"
#include "cr_fd_inotify.h"
#include "cr_fd_pipe.h"
#include "cr_policy.h"
#include "cr_state_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/state_fd_XXXXXX";
static const int OUR_STREAMS[] = {0, 1, 2, 50};

static const char *file_path(const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static void close_all(void)
{
    for (int fd = 3; fd < 200; fd++)
        if (fd != 50)
            close(fd);
}

static int collect(struct fixture *f)
{
    fixture_begin(f);
    f->foreign.fds = OUR_STREAMS;
    f->foreign.fd_count = 4;
    return fixture_say(f, cr_descriptors_collect(&f->state, &f->err));
}

/* As a restart does it, in this process, which gives up what it has. */
static int put_back(struct fixture *f)
{
    int rc;

    close_all();
    rc = cr_descriptors_put_back(&f->state, &f->err);
    return fixture_say(f, rc < 0 ? rc : cr_descriptors_finish(&f->state, &f->err));
}

static void test_epoll_lines(void)
{
    const char *text =
        "pos:\t0\nflags:\t02\n"
        "tfd:        3 events: 80000019 data: ffffffffffffffff  pos:0 ino:40e sdev:10\n"
        "tfd: 12345678 events:       1d data:                0  pos:0 ino:40e sdev:10\n";
    const char *broken = "tfd:        3 events 19\n";
    const char *empty = "pos:\t0\n";
    struct cr_epoll_line line;

    tap_ok(cr_epoll_next(&text, &line) == 1 && line.tfd == 3 && line.events == 0x80000019 &&
               line.data == UINT64_MAX,
           "a member of an epoll instance is read");
    tap_ok(cr_epoll_next(&text, &line) == 1 && line.tfd == 12345678 && line.events == 0x1d &&
               line.data == 0,
           "and the next one");
    tap_ok(cr_epoll_next(&text, &line) == 0, "and no more");
    tap_ok(cr_epoll_next(&broken, &line) < 0, "a line that is none is an error");
    tap_ok(cr_epoll_next(&empty, &line) == 0, "an instance may be empty");
}

static void test_inotify_lines(void)
{
    const char *text = "flags:\t00\ninotify wd:1f ino:3f7e8 sdev:fe00001 mask:2 ignored_mask:0 "
                       "fhandle-bytes:8 fhandle-type:1 f_handle:e8f7030000000a0b\n"
                       "inotify wd:2 ino:1 sdev:10 mask:fff ignored_mask:0 \n";
    const char *broken = "inotify wd:1 inode:3\n";
    const char *short_handle = "inotify wd:1 ino:3 sdev:10 mask:1 ignored_mask:0 fhandle-bytes:8 "
                               "fhandle-type:1 f_handle:e8\n";
    struct cr_inotify_line line;

    tap_ok(cr_inotify_next(&text, &line) == 1 && line.wd == 31 && line.inode == 0x3f7e8 &&
               line.device == 0xfe01 && line.mask == 2 && line.handle_size == 8 &&
               line.handle[7] == 0x0b,
           "a watch is read with its handle");
    tap_ok(cr_inotify_next(&text, &line) == 1 && line.wd == 2 && line.handle_size == 0,
           "and one without a handle");
    tap_ok(cr_inotify_next(&text, &line) == 0, "and no more");
    tap_ok(cr_inotify_next(&broken, &line) < 0, "a watch that is none is an error");
    tap_ok(cr_inotify_next(&short_handle, &line) == 1 && line.handle_size == 0,
           "a handle that is too short is none");
}

static void test_pipe_data(void)
{
    struct {
        struct cr_pipe_data data;
        uint32_t lengths[2];
        char bytes[8];
    } body = {{.chunk_count = 2, .bytes = 8}, {3, 5}, "abcdefgh"};
    struct cr_note note = {quiesce_image_NoteType_NOTE_PIPE_DATA, sizeof(body), &body, NULL};

    tap_ok(cr_pipe_data_of(&note) == &body.data, "contents of a pipe are taken");
    body.lengths[1] = 6;
    tap_ok(cr_pipe_data_of(&note) == NULL, "but not if the lengths are others");
    body.lengths[1] = 5;
    body.data.chunk_count = UINT32_MAX;
    tap_ok(cr_pipe_data_of(&note) == NULL, "or there are too many of them");
    note.size = 8;
    tap_ok(cr_pipe_data_of(&note) == NULL, "or the note is too short");
}

static void test_grown_file(void)
{
    struct fixture f;
    struct stat st;
    int writer = open(file_path("grown"), O_RDWR | O_CREAT | O_APPEND, 0600);
    int reader = open(file_path("grown"), O_RDONLY);
    int only = open(file_path("read"), O_RDWR | O_CREAT, 0600);
    int good = write(writer, "0123456789", 10) == 10 && write(only, "01234", 5) == 5;

    close(only);
    only = open(file_path("read"), O_RDONLY);
    good = good && collect(&f) == 0 && write(writer, "more", 4) == 4;
    close(open(file_path("read"), O_WRONLY | O_TRUNC));
    good = good && truncate(file_path("read"), 9) == 0;
    tap_ok(good && put_back(&f) == 0, "files that have grown are opened");
    tap_ok(fstat(writer, &st) == 0 && st.st_size == 10,
           "one that the program writes to is as long as it was");
    tap_ok(fstat(reader, &st) == 0 && st.st_size == 10, "for all who have it open");
    tap_ok(fstat(only, &st) == 0 && st.st_size == 9, "one that it only reads stays as it is");
    fixture_end(&f);
    close_all();
}

static void test_fifos(void)
{
    struct fixture f;
    struct stat st;
    char buffer[20] = "";
    int fd, other;

    mkfifo(file_path("fifo"), 0640);
    fd = open(file_path("fifo"), O_RDWR | O_NONBLOCK);
    tap_ok(write(fd, "kept", 4) == 4 && collect(&f) == 0, "a FIFO is collected");
    unlink(file_path("fifo"));
    tap_ok(put_back(&f) == 0 && read(fd, buffer, sizeof(buffer)) == 4 &&
               stat(file_path("fifo"), &st) == 0 && S_ISFIFO(st.st_mode),
           "it is made anew where it is gone, with what was in it");
    other = fcntl(fd, F_DUPFD, 50);
    if (write(other, "another's", 9) != 9)
        perror("write");
    tap_ok(put_back(&f) == -EBUSY, "one that holds another's data is not touched");
    tap_ok(read(other, buffer, sizeof(buffer)) == 9, "and keeps it");
    close(50);
    unlink(file_path("fifo"));
    close(open(file_path("fifo"), O_WRONLY | O_CREAT, 0600));
    tap_ok(put_back(&f) == -CR_EFILECHANGED, "a file in its place is not taken for it");
    fixture_end(&f);
    close_all();
}

static int shares(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

static void test_outside(void)
{
    struct fixture f;
    int in[2], out[2];

    if (pipe(in) != 0 || pipe(out) != 0)
        return;
    dup2(in[1], 50); /* both other ends are somebody else's */
    close(in[1]);
    tap_ok(fcntl(out[0], F_GETFL) >= 0, "there are pipes");
    dup2(in[0], 30);
    close(in[0]);
    close(out[0]);
    close(out[1]);
    tap_ok(collect(&f) == 0, "a pipe to the outside is collected");
    tap_ok(put_back(&f) == 0 && shares(30, 0), "and becomes the restart's standard input");
    fixture_end(&f);
    close(50);
    close_all();
}

static void test_broken(void)
{
    struct fixture f;
    char byte;
    int ends[2], other[2];

    if (pipe(ends) != 0 || pipe(other) != 0 || write(ends[1], "x", 1) != 1)
        return;
    close(ends[1]);
    close(other[0]);
    tap_ok(collect(&f) == 0 && put_back(&f) == 0, "ends that nobody answers are put back");
    tap_ok(read(ends[0], &byte, 1) == 1 && byte == 'x' && read(ends[0], &byte, 1) == 0,
           "what was written comes, and then the end");
    signal(SIGPIPE, SIG_IGN);
    tap_ok(write(other[1], "x", 1) == -1 && errno == EPIPE, "nobody reads");
    fixture_end(&f);
    close_all();
}

/* The contents are in the process already, where it restores itself. */
static void test_contents(const char *who)
{
    struct fixture f;
    char buffer[20] = "";
    int memory = memfd_create("memory", MFD_ALLOW_SEALING);
    int deleted = open(file_path("deleted"), O_RDWR | O_CREAT, 0600);

    unlink(file_path("deleted"));
    if (write(memory, "in memory", 9) != 9 || write(deleted, "deleted", 7) != 7)
        perror("write");
    fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW);
    printf("# as %s\n", who);
    tap_ok(collect(&f) == 0 && put_back(&f) == 0, "memory files and deleted files are put back");
    tap_ok(pread(memory, buffer, 19, 0) == 9 && strcmp(buffer, "in memory") == 0 &&
               lseek(memory, 0, SEEK_CUR) == 9 &&
               fcntl(memory, F_GET_SEALS) == (F_SEAL_WRITE | F_SEAL_GROW),
           "a memory file with its contents, position and seals");
    tap_ok(pread(deleted, buffer, 7, 0) == 7 && memcmp(buffer, "deleted", 7) == 0 &&
               lseek(deleted, 0, SEEK_END) == 7,
           "a deleted file with its contents");
    fixture_end(&f);
    close_all();
}

static int collect_with_policy(struct fixture *f, uint32_t files)
{
    struct cr_policy_request request = {.files = files};
    int rc = cr_policy_begin(&request, &f->err);

    rc = rc == 0 ? collect(f) : rc;
    cr_policy_end();
    return rc;
}

static void test_policies(void)
{
    struct fixture f;
    int fd = open(file_path("checked"), O_RDWR | O_CREAT, 0600);

    tap_ok(write(fd, "0123456789", 10) == 10 && collect_with_policy(&f, CR_FILES_CHECK) == 0,
           "a file is collected whose contents are to be checked");
    if (write(fd, "appended", 8) != 8)
        perror("write");
    tap_ok(fixture_say(&f, cr_state_check_files(&f.state, &f.err)) == 0,
           "what was appended is cut off at a restart, and does not count");
    if (pwrite(fd, "x", 1, 5) != 1)
        perror("write");
    tap_ok(fixture_say(&f, cr_state_check_files(&f.state, &f.err)) == -CR_EFILECHANGED,
           "other contents are found before a restart");
    fixture_end(&f);
    tap_ok(collect_with_policy(&f, CR_FILES_CONTENTS) == 0 &&
               fixture_note(&f, quiesce_image_NoteType_NOTE_HELD, 0) != NULL,
           "a file is collected whose contents are to be stored");
    unlink(file_path("checked"));
    tap_ok(fixture_say(&f, cr_state_check_files(&f.state, &f.err)) == 0, "it need not be there");
    cr_descriptors_release(&f.state);
    fixture_end(&f);
    close_all();
}

int main(void)
{
    close_all();
    close(50);
    if (mkdtemp(directory) == NULL)
        return 1;
    test_epoll_lines();
    test_inotify_lines();
    test_pipe_data();
    test_grown_file();
    test_fifos();
    test_outside();
    test_broken();
    test_policies();
    test_contents("whoever runs the test");
    if (geteuid() == 0 && chmod(directory, 0777) == 0 && seteuid(65534) == 0) {
        test_contents("an ordinary user");
        tap_ok(seteuid(0) == 0, "root again");
    }
    fixture_remove(directory);
    return tap_done();
}
