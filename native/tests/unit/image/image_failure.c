/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. A failing write leaves no file behind, keeps the older image, and says what to do. */
#include "image_sample.h"

#include "cr_fault.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

static char path[128];
static char partial[160];
static struct sample sample;

static int exists(const char *file)
{
    return access(file, F_OK) == 0;
}

static int write_with_fault(const char *spec, int durable, struct cr_error *err)
{
    struct cr_image_record record;
    int rc;

    memset(err, 0, sizeof(*err));
    cr_fault_init(spec);
    rc = sample_write(&sample, path, durable, &record, err);
    cr_fault_init(NULL);
    return rc;
}

static void check_fault_points(void)
{
    static const char *const specs[] = {"image:create=fail", "image:copy=fail",
                                        "image:copy=enospc", "image:seal=fail",
                                        "image:rename=fail", "image:seal=enospc"};
    struct cr_error err;
    struct stat before;
    struct stat after;

    tap_equal_u64(write_with_fault(NULL, 0, &err), 0, "an older image is there");
    stat(path, &before);
    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        int rc = write_with_fault(specs[i], (int)i & 1, &err);

        printf("# %s: %s\n", specs[i], err.text);
        tap_ok(rc == (strstr(specs[i], "enospc") ? -ENOSPC : -EIO) && err.code == -rc, specs[i]);
        tap_ok(strstr(err.text, path) != NULL, "the text names the file");
        tap_ok(!exists(partial), "no partial file is left");
    }
    write_with_fault("image:copy=enospc", 0, &err);
    tap_ok(strstr(err.text, "free space") != NULL, "a full disk comes with the remedy");
    stat(path, &after);
    tap_ok(before.st_ino == after.st_ino && before.st_size == after.st_size,
           "the older image is untouched");
}

static void check_kill(void)
{
    static const char *const specs[] = {"image:copy=kill", "image:seal=kill", "image:rename=kill"};
    struct cr_error err;

    for (size_t i = 0; i < sizeof(specs) / sizeof(*specs); i++) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
            _exit(write_with_fault(specs[i], 1, &err) < 0);
        waitpid(pid, &status, 0);
        tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, specs[i]);
        tap_ok(exists(partial), "a killed writer leaves its partial file");
    }
    tap_equal_u64(write_with_fault(NULL, 1, &err), 0, "the next image replaces it");
    tap_ok(!exists(partial), "and it is gone");
}

/* One run of SIZE bytes at START, PROTECTION as it is. Returns what writing it returned. */
static int write_run(void *start, size_t size, uint32_t source, int durable, struct cr_error *err)
{
    struct cr_image_options options = {.durable = durable};
    struct cr_run run = {(uint64_t)start, size, PROT_READ, source};
    struct cr_image_record record;

    return sample_write_runs(&run, 1, path, &options, &record, err);
}

static void check_bad_memory(void)
{
    size_t size = 8UL << 20;
    struct cr_error err = {0};
    uint8_t *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

    for (int durable = 0; durable < 2; durable++) {
        mprotect(memory + 5 * size / 8, PAGE, PROT_NONE);
        tap_ok(write_run(memory, size, CR_RUN_MEMORY, durable, &err) == -EFAULT,
               "a page that cannot be read fails the image");
        printf("# %s\n", err.text);
        tap_ok(!exists(partial), "no partial file is left");
        tap_ok(write_run(memory, size, CR_RUN_UNREADABLE, durable, &err) == 0,
               "through /proc/self/mem it can");
        mprotect(memory + 5 * size / 8, PAGE, PROT_READ);
        tap_ok(write_run(memory, size, CR_RUN_MEMORY, durable, &err) == 0,
               "and when it is readable");
    }
    tap_ok(write_run(memory + 1, size, CR_RUN_MEMORY, 0, &err) == -CR_EINTERNAL,
           "a run that is not of whole pages is refused");
    munmap(memory, size);
}

static void check_file_limit(void)
{
    struct cr_error err = {0};
    struct rlimit limit;
    struct rlimit small;

    getrlimit(RLIMIT_FSIZE, &limit);
    small = (struct rlimit){8192, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    for (int durable = 0; durable < 2; durable++) {
        setrlimit(RLIMIT_FSIZE, &small);
        tap_ok(write_with_fault(NULL, durable, &err) == -EFBIG,
               "a file size limit fails the image");
        setrlimit(RLIMIT_FSIZE, &limit);
        tap_ok(strstr(err.text, "ulimit -f") != NULL, "the text says what to raise");
        tap_ok(!exists(partial), "no partial file is left");
    }
}

/* A file system of 1 MiB, in a mount namespace of a child. */
static int write_to_full_disk(void)
{
    size_t size = 8UL << 20;
    uint8_t *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char directory[128];
    struct cr_error err = {0};

    snprintf(directory, sizeof(directory), "%.*s", (int)(strrchr(path, '/') - path), path);
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", directory, "tmpfs", 0, "size=1m") != 0)
        return 77;
    for (int durable = 0; durable < 2; durable++) {
        if (write_run(memory, size, CR_RUN_MEMORY, durable, &err) != -ENOSPC || exists(partial) ||
            strstr(err.text, "free space") == NULL)
            return 1;
    }
    return 0;
}

static void check_full_disk(void)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(write_to_full_disk());
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        tap_ok(1, "a full disk # SKIP may not mount here");
        return;
    }
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
           "a full disk fails the image, leaves nothing and is named");
}

static void check_no_directory(void)
{
    struct cr_image_options options = {0};
    struct cr_image_writer *w = NULL;
    struct cr_error err = {0};
    struct cr_arena arena;

    cr_arena_create(&arena, 1UL << 20);
    tap_ok(cr_image_begin(&arena, "/nonexistent/a.cr", &options, &w, &err) == -ENOENT,
           "a missing directory is an error");
    tap_ok(w == NULL, "and gives no writer");
    cr_image_abort(w);
    cr_arena_destroy(&arena);
}

int main(void)
{
    const char *directory = sample_directory();

    snprintf(path, sizeof(path), "%s/a.cr", directory);
    snprintf(partial, sizeof(partial), "%s%s", path, CR_PARTIAL_SUFFIX);
    sample_create(&sample);
    check_fault_points();
    check_kill();
    check_bad_memory();
    check_file_limit();
    check_full_disk();
    check_no_directory();
    unlink(path);
    tap_ok(rmdir(directory) == 0, "nothing else was left behind");
    sample_destroy(&sample);
    return tap_done();
}
