/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* needs: fork. Parent and child write to one open file, whose offset they share. */
#include "sc_family.h"

#include <fcntl.h>

#define LINE 16

static void write_line(int fd, char who, unsigned number)
{
    char line[LINE + 1];

    snprintf(line, sizeof(line), "%c %013u\n", who, number);
    sc_write_all(fd, line, LINE);
}

/* Whoever has the token writes a line and hands it on. */
static void take_turns(int fd, int in, int out, char who)
{
    unsigned number;

    while (sc_read_all(in, &number, sizeof(number))) {
        write_line(fd, who, number++);
        sc_write_all(out, &number, sizeof(number));
    }
}

static void check_lines(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[64];
    char wanted[64];
    unsigned number = 0;

    while (fgets(line, sizeof(line), file) != NULL) {
        snprintf(wanted, sizeof(wanted), "%c %013u\n", number % 2 == 0 ? 'P' : 'C', number);
        if (strcmp(line, wanted) != 0)
            sc_fail("line %u is '%s'", number, line);
        number++;
    }
    if (number < 20)
        sc_fail("there are only %u lines", number);
    fclose(file);
}

int main(int argc, char **argv)
{
    char path[600];
    int to[2];
    int from[2];
    int fd;
    int after = 0;
    unsigned number = 0;
    pid_t child;

    sc_init(argc, argv, "parent and child share the offset of a file");
    snprintf(path, sizeof(path), "%s/lines", sc_directory);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || pipe(to) != 0 || pipe(from) != 0)
        return 2;
    child = fork();
    if (child == 0) {
        close(to[1]);
        take_turns(fd, to[0], from[1], 'C');
        _exit(0);
    }
    close(to[0]);
    while (after < 100) {
        write_line(fd, 'P', number++);
        sc_write_all(to[1], &number, sizeof(number));
        sc_hear(from[0], &number, sizeof(number));
        if (number == 10)
            sc_ready();
        after += sc_may_go();
        sc_pause();
    }
    if (lseek(fd, 0, SEEK_CUR) != (off_t)number * LINE)
        sc_fail("the offset is %ld after %u lines", (long)lseek(fd, 0, SEEK_CUR), number);
    close(to[1]);
    sc_expect_exit(child, 0);
    check_lines(path);
    sc_pass();
}
