/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * needs: fork. Descriptors in flight between parent and child: what the sender has open still, the end of a pipe
 * whose other end it has, both ends of a pair, and a socket that two processes could receive from.
 */
#include "sc_rights.h"

#include <sys/wait.h>

static int file;
static int control[2]; /* parent, child */
static int common[2];  /* both have the second end */
static int pipe_ends[2];

static int open_file(const char *name)
{
    char path[600];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", sc_directory, name);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, "0123456789", 10) == 10 && lseek(fd, 2, SEEK_SET) == 2);
    return fd;
}

/* The child has none of the descriptors that are sent to it later. */
static void child(void)
{
    char got[2] = "";
    int fds[3];

    close(control[0]);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    CHECK(write(control[1], "r", 1) == 1);
    sc_wait();
    sc_expect_rights(control[1], 100, "three", fds, 3);
    CHECK(read(fds[0], got, 2) == 2 && memcmp(got, "23", 2) == 0);
    CHECK(write(fds[1], "hello", 5) == 5);
    CHECK(close(fds[1]) == 0);
    sc_check_both(fds[2], sc_expect_right(common[1], 100, "end"));
    CHECK(write(control[1], "f", 1) == 1);
    _exit(44);
}

static void send_all(void)
{
    int pair[2];
    int fds[3] = {file, pipe_ends[1], -1};

    sc_pair(SOCK_SEQPACKET, pair);
    fds[2] = pair[0];
    sc_send_rights(control[0], "three", fds, 3);
    close(pair[0]);
    close(pipe_ends[1]);
    sc_send_rights(common[0], "end", &pair[1], 1);
    close(pair[1]);
}

static void parent(pid_t pid)
{
    char got[6] = "";
    int status;

    CHECK(read(control[0], got, 1) == 1);
    send_all();
    sc_ready();
    sc_wait();
    CHECK(read(control[0], got, 1) == 1 && got[0] == 'f');
    CHECK(lseek(file, 0, SEEK_CUR) == 4);
    CHECK(read(pipe_ends[0], got, 6) == 5 && memcmp(got, "hello", 5) == 0);
    CHECK(read(pipe_ends[0], got, 6) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 44);
    sc_pass();
}

int main(int argc, char **argv)
{
    pid_t pid;

    sc_init(argc, argv, "descriptors in flight between processes");
    sc_pair(SOCK_STREAM, control);
    sc_pair(SOCK_DGRAM, common);
    CHECK(pipe(pipe_ends) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child();
    file = open_file("shared");
    close(control[1]);
    parent(pid);
}
