/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_info as a user calls it: its words, its JSON and its exit status. */
#include "image_sample.h"

#include "tap.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[16384];

/* Runs cr_info with ARGUMENTS; its output is in OUTPUT. Returns its exit status. */
static int run(const char *arguments)
{
    char command[1024];
    FILE *pipe;
    size_t size;
    int status;

    snprintf(command, sizeof(command), "'%s' %s 2>&1", CR_INFO, arguments);
    pipe = popen(command, "r");
    if (pipe == NULL)
        exit(1);
    size = fread(output, 1, sizeof(output) - 1, pipe);
    output[size] = '\0';
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int says(const char *words)
{
    if (strstr(output, words) != NULL)
        return 1;
    printf("# not in: %s\n", output);
    return 0;
}

static void check_whole(const char *path)
{
    char arguments[256];

    snprintf(arguments, sizeof(arguments), "--maps --verify %s", path);
    tap_equal_u64(run(arguments), 0, "a whole image");
    tap_ok(says("4711, command sample") && says("cr-agent (agent)"), "process and threads");
    tap_ok(says("200000000000-200000004000 rw- private              12 KiB [heap]"), "areas");
    tap_ok(says("/var/tmp/output.txt") && says("every byte fits"), "descriptors and digests");
    snprintf(arguments, sizeof(arguments), "--json --maps %s", path);
    tap_equal_u64(run(arguments), 0, "as JSON");
    tap_ok(says("\"pid\":4711,") && says("\"storedBytes\":12288,"), "the same facts");
}

static void flip(const char *path, off_t at)
{
    int fd = open(path, O_RDWR);
    char byte = 0;

    if (pread(fd, &byte, 1, at) != 1)
        exit(1);
    byte ^= 1;
    if (pwrite(fd, &byte, 1, at) != 1)
        exit(1);
    close(fd);
}

static void check_damaged(const char *path)
{
    char arguments[256];

    flip(path, 4096 + 5000);
    tap_equal_u64(run(path), 0, "page data are not read without --verify");
    snprintf(arguments, sizeof(arguments), "--verify %s", path);
    tap_equal_u64(run(arguments), 7, "with it, damage is noticed");
    flip(path, 4096 + 5000);
    flip(path, 600);
    tap_equal_u64(run(path), 7, "a damaged note is noticed always");
    tap_ok(says("damaged"), "and called so");
    flip(path, 600);
}

int main(void)
{
    const char *directory = sample_directory();
    struct cr_image_record record;
    struct cr_error err = {0};
    char path[128];
    struct sample s;

    sample_create(&s);
    snprintf(path, sizeof(path), "%s/a.cr", directory);
    tap_equal_u64(sample_write(&s, path, 0, &record, &err), 0, "a sample");
    check_whole(path);
    check_damaged(path);
    tap_equal_u64(run("/bin/true"), 7, "a program is no image");
    tap_equal_u64(run("/nonexistent"), 1, "a missing file");
    tap_equal_u64(run(""), 2, "no file named");
    tap_equal_u64(run("--merge x"), 2, "an unknown option");
    tap_ok(run("--help") == 0 && says("Usage: cr_info"), "--help");
    unlink(path);
    rmdir(directory);
    sample_destroy(&s);
    return tap_done();
}
