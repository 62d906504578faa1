/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The records node-HOST.pb of a job directory, and what is removed when a job has ended. */
#include "cr_job_dir.h"

#include "cr_fmt.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <pb_encode.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORD_MAX (64 * 1024)
#define PATH_SIZE 1024

uint64_t cr_job_dir_start_time(int pid)
{
    char text[1024];
    const char *at;
    ssize_t n;
    int fd;

    snprintf(text, sizeof(text), "/proc/%d/stat", pid);
    fd = open(text, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    at = strrchr(text, ')'); /* the name before it may hold anything; it ends field 2 */
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        return 0;
    at++;
    return cr_parse_u64(&at, 10);
}

static int record_path(const char *directory, const char *host, char *ret_path, size_t size,
                       struct cr_error *err)
{
    if (host[0] == '\0' || strchr(host, '/') != NULL)
        return cr_fail(err, CR_EUSAGE, "\"%s\" is not the name of a host", host);
    if ((size_t)snprintf(ret_path, size, "%s/node-%s.pb", directory, host) >= size)
        return cr_fail(err, ENAMETOOLONG, "the path of the record of %s is too long", host);
    return 0;
}

/*
 * A new file with SIZE bytes of DATA. Another node may read it over the network, for which the file system does at close what
 * is needed; it is not synced to disk, which takes seconds while others write images, and nobody reads it after a crash.
 */
static int write_new(const char *path, const void *data, size_t size, struct cr_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int bad;

    if (fd < 0)
        return cr_fail(err, errno, "cannot make %s: %s", path, cr_error_words(errno));
    bad = write(fd, data, size) != (ssize_t)size;
    bad |= close(fd) < 0;
    if (!bad)
        return 0;
    unlink(path);
    return cr_fail(err, EIO, "cannot write %s", path);
}

int cr_job_dir_write_node(const struct cr_job_dir *dir, const quiesce_wire_NodeRecord *record,
                          struct cr_error *err)
{
    static uint8_t buffer[RECORD_MAX];
    pb_ostream_t stream = pb_ostream_from_buffer(buffer, sizeof(buffer));
    char path[PATH_SIZE];
    char temporary[PATH_SIZE + 32];
    int rc;

    rc = record_path(dir->directory, record->host, path, sizeof(path), err);
    if (rc < 0)
        return rc;
    if (!pb_encode(&stream, quiesce_wire_NodeRecord_fields, record))
        return cr_fail(err, CR_EINTERNAL, "cannot encode the record of this node (%s)",
                       PB_GET_ERROR(&stream));
    snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
    unlink(temporary); /* a process of our pid died here before */
    rc = write_new(temporary, buffer, stream.bytes_written, err);
    if (rc < 0)
        return rc;
    if (rename(temporary, path) < 0) {
        rc = cr_fail(err, errno, "cannot put %s into place: %s", path, cr_error_words(errno));
        unlink(temporary);
    }
    return rc;
}

static int read_record(const char *path, quiesce_wire_NodeRecord *ret_record, struct cr_error *err)
{
    static uint8_t buffer[RECORD_MAX];
    pb_istream_t stream;
    ssize_t n;
    int fd;

    fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return cr_fail(err, errno, "cannot read %s: %s", path, cr_error_words(errno));
    n = read(fd, buffer, sizeof(buffer));
    close(fd);
    if (n < 0)
        return cr_fail(err, EIO, "cannot read %s", path);
    stream = pb_istream_from_buffer(buffer, (size_t)n);
    memset(ret_record, 0, sizeof(*ret_record));
    if (!pb_decode(&stream, quiesce_wire_NodeRecord_fields, ret_record))
        return cr_fail(err, CR_EPROTOCOL, "%s is not the record of a node (%s)", path,
                       PB_GET_ERROR(&stream));
    return 0;
}

int cr_job_dir_read_node(const struct cr_job_dir *dir, const char *host,
                         quiesce_wire_NodeRecord *ret_record, struct cr_error *err)
{
    char path[PATH_SIZE];
    int rc = record_path(dir->directory, host, path, sizeof(path), err);

    return rc < 0 ? rc : read_record(path, ret_record, err);
}

/* ---- the end ---- */

/* How many records lie in DIRECTORY; -errno when it cannot be read. */
static int count_records(const char *directory)
{
    DIR *d = opendir(directory);
    struct dirent *e;
    int count = 0;

    if (d == NULL)
        return -errno;
    while ((e = readdir(d)) != NULL)
        count += strncmp(e->d_name, "node-", 5) == 0;
    closedir(d);
    return count;
}

static void remove_in(const char *directory, const char *name)
{
    char path[PATH_SIZE];

    if (cr_job_dir_path(directory, name, path, sizeof(path)) == 0)
        unlink(path);
}

static void remove_run(const char *run)
{
    static const char *const NAMES[] = {"node.sock", "ranks",      "ranks.new",
                                        "node.log",  "start.lock", "node.lock"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
        remove_in(run, NAMES[i]);
    rmdir(run);
}

/* Whether NAME is of use only while the job runs, and belongs to nobody who would remove it later. */
static int ends_with_job(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "key") == 0 ||
           strcmp(name, "ended-by-checkpoint") == 0 ||
           strcmp(name, "last-checkpoint.properties") == 0 ||
           strncmp(name, "disabled-", strlen("disabled-")) == 0;
}

/* 1 if no node's record lies in DIRECTORY, and nothing of a coordinator that started the job. */
static int nobody_left(const char *directory)
{
    DIR *d = opendir(directory);
    struct dirent *e;
    int others = 0;

    if (d == NULL)
        return 0;
    while ((e = readdir(d)) != NULL)
        others += !ends_with_job(e->d_name);
    closedir(d);
    return others == 0;
}

static void remove_directory(const char *directory)
{
    DIR *d = opendir(directory);
    struct dirent *e;

    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL)
        remove_in(directory, e->d_name);
    closedir(d);
    rmdir(directory);
}

void cr_job_dir_remove(const struct cr_job_dir *dir, const char *host)
{
    char path[PATH_SIZE];

    if (record_path(dir->directory, host, path, sizeof(path), NULL) == 0)
        unlink(path);
    if (nobody_left(dir->directory))
        remove_directory(dir->directory);
    remove_run(dir->run);
}

static int process_runs(uint32_t pid)
{
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/* 1 if DIRECTORY has the record of HOST only, and neither its crnode nor its launcher runs. */
static int is_dead(const char *directory, const char *host)
{
    static quiesce_wire_NodeRecord record;
    char path[PATH_SIZE];

    if (count_records(directory) != 1 ||
        record_path(directory, host, path, sizeof(path), NULL) < 0 ||
        read_record(path, &record, NULL) < 0)
        return 0;
    return !process_runs(record.crnode_pid) && !process_runs(record.launcher_pid);
}

int cr_job_dir_sweep(const struct cr_job_dir *dir, const char *host)
{
    char parent[sizeof(dir->directory)];
    struct cr_job_dir other;
    struct dirent *e;
    int removed = 0;
    char *slash;
    DIR *d;

    cr_str_copy(parent, sizeof(parent), dir->directory);
    slash = strrchr(parent, '/');
    if (slash == NULL || slash - parent < 5 || strncmp(slash - 5, "/jobs", 5) != 0)
        return 0; /* a place of the user's choice: nothing beside it is known to be ours */
    *slash = '\0';
    d = opendir(parent);
    while (d != NULL && (e = readdir(d)) != NULL) {
        char path[PATH_SIZE];

        if (e->d_name[0] == '.' || strcmp(e->d_name, slash + 1) == 0 ||
            cr_job_dir_path(parent, e->d_name, path, sizeof(path)) < 0 ||
            cr_job_dir_at(&other, path, NULL, NULL) < 0 || !is_dead(path, host))
            continue;
        cr_job_dir_remove(&other, host);
        removed++;
    }
    if (d != NULL)
        closedir(d);
    return removed;
}
