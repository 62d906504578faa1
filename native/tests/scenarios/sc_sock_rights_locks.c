/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors in flight are not looked at where closing what comes out might drop a lock. refused: which it might lose by looking at them
 */
#include "sc_rights.h"

#include <sys/wait.h>

/* Another process sees the lock. */
static int is_locked(const char *path)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR);

        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK ? 7 : 8);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status) == 7;
}

int main(int argc, char **argv)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[600];
    int carrier[2];
    int file;

    sc_init(argc, argv, "a file that is locked, in flight");
    snprintf(path, sizeof(path), "%s/locked", sc_directory);
    file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && fcntl(file, F_SETLK, &lock) == 0);
    sc_pair(SOCK_STREAM, carrier);
    sc_send_rights(carrier[0], "file", &file, 1);
    sc_ready();
    sc_wait();
    CHECK(is_locked(path));
    close(sc_expect_right(carrier[1], 100, "file"));
    CHECK(!is_locked(path)); /* as it is without a checkpoint */
    sc_pass();
}
