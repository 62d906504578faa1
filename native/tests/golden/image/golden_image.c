/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. The bytes of format 1: the sample written now is the sample that lies beside this file, which Java reads
 * too (ImageFileTest). With an argument, writes it there: a new golden file is a change of the format.
 */
#include "image_sample.h"

#include "tap.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static uint8_t written[64 << 10];
static uint8_t golden[64 << 10];

static ssize_t read_file(const char *path, uint8_t *buffer, size_t size)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, buffer, size);

    close(fd);
    return n;
}

static int write_sample(const char *path)
{
    struct cr_image_record record;
    struct cr_error err = {0};
    struct sample s;
    int rc;

    sample_create(&s);
    rc = sample_write(&s, path, 0, &record, &err);
    if (rc < 0)
        printf("# %s\n", err.text);
    sample_destroy(&s);
    return rc;
}

int main(int argc, char **argv)
{
    const char *directory;
    char path[128];
    ssize_t size;

    if (argc > 1)
        return write_sample(argv[1]) < 0;
    directory = sample_directory();
    snprintf(path, sizeof(path), "%s/sample.cr", directory);
    tap_equal_u64(write_sample(path), 0, "the sample is written");
    size = read_file(path, written, sizeof(written));
    tap_ok(size > 0 && size == read_file(GOLDEN_FILE, golden, sizeof(golden)), "same size");
    tap_ok(memcmp(written, golden, (size_t)(size > 0 ? size : 0)) == 0, "same bytes");
    unlink(path);
    rmdir(directory);
    return tap_done();
}
