/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Names, directories and the key; the records of nodes are in cr_job_record.c. */
#include "cr_job_dir.h"

#include "cr_fmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_DIGITS (2 * CR_JOB_KEY_SIZE)
#define SOCKET_PATH_MAX 107 /* sun_path without its NUL */
#define RUN_NAME_MAX 40
#define OTHERS 077

int cr_job_dir_path(const char *directory, const char *name, char *ret_path, size_t size)
{
    size_t length = strlen(directory) + 1 + strlen(name);

    if (length >= size)
        return -ENAMETOOLONG;
    cr_fmt(ret_path, size, "%s/%s", directory, name);
    return 0;
}

/* ---- names ---- */

/* FNV-1a: names need to differ, not to be hard to forge; the directories are the user's own. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3UL;
    return hash;
}

static uint64_t hash_begin(void)
{
    return 0xcbf29ce484222325UL;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Fills RET_ID with the launch that the calling process belongs to; returns a hash that tells it from a later launch with
 * the same numbers. */
static uint64_t launch_id(char *ret_id, size_t size)
{
    /* Of these, those that differ between nodes are left out (PMIX_SERVER_URI2 is the local daemon's). */
    static const char *const UNIQUE[] = {
        "OMPI_MCA_orte_hnp_uri", "OMPI_MCA_orte_precondition_transports",
        "PMIX_NAMESPACE",        "SLURM_JOB_ID",
        "SLURM_STEP_ID",         "SLURM_RESTART_COUNT"};
    uint64_t hash = hash_begin();
    const char *value;

    for (size_t i = 0; i < sizeof(UNIQUE) / sizeof(*UNIQUE); i++) {
        value = environment(UNIQUE[i]);
        hash = hash_text(hash_text(hash, "\n"), value != NULL ? value : "");
    }
    value = environment("PMIX_NAMESPACE");
    if (value == NULL)
        value = environment("OMPI_MCA_ess_base_jobid");
    if (value != NULL) {
        cr_fmt(ret_id, size, "%s", value);
    } else if (environment("SLURM_JOB_ID") != NULL) {
        value = environment("SLURM_STEP_ID");
        cr_fmt(ret_id, size, "slurm-%s.%s", environment("SLURM_JOB_ID"), value ? value : "0");
    } else {
        /* No launcher: a job of one rank. */
        cr_fmt(ret_id, size, "singleton-%d", (int)getpid());
        hash ^= cr_job_dir_start_time((int)getpid());
    }
    for (char *c = ret_id; *c != '\0'; c++) {
        if (*c == '/')
            *c = '_';
    }
    return hash;
}

static int find_by_launch(char *ret_path, size_t size, char *ret_id, size_t id_size,
                          struct cr_error *err)
{
    const char *home = environment("QUIESCE_HOME");
    const char *hidden = "";
    uint64_t hash;

    if (home == NULL) {
        home = environment("HOME");
        hidden = "/.quiesce";
    }
    if (home == NULL || home[0] != '/')
        return cr_fail(err, CR_EUSAGE,
                       "no place for the job's directory: set QUIESCE_JOB_DIR, QUIESCE_HOME or "
                       "HOME to an absolute path");
    hash = launch_id(ret_id, id_size);
    if (strlen(home) + strlen(hidden) + strlen(ret_id) + 24 >= size)
        return cr_fail(err, CR_EUSAGE, "the path of the job's directory below %s is too long",
                       home);
    cr_fmt(ret_path, size, "%s%s/jobs/%s-%016lx", home, hidden, ret_id, hash);
    return 0;
}

/* /tmp/quiesce-UID/NAME-HASH: the hash tells two job directories of the same name apart. */
static void usual_run(const char *directory, char *ret_run, size_t size)
{
    char name[RUN_NAME_MAX + 1];
    const char *slash = strrchr(directory, '/');

    cr_str_copy(name, sizeof(name), slash != NULL ? slash + 1 : directory);
    cr_fmt(ret_run, size, "/tmp/quiesce-%u/%s-%08x", (unsigned)geteuid(), name,
           (unsigned)hash_text(hash_begin(), directory));
}

int cr_job_dir_at(struct cr_job_dir *ret_dir, const char *directory, const char *run,
                  struct cr_error *err)
{
    struct cr_job_dir dir = {0};
    size_t length = strlen(directory);

    if (directory[0] != '/')
        return cr_fail(err, CR_EUSAGE, "the job's directory %s is not an absolute path", directory);
    if (length >= sizeof(dir.directory))
        return cr_fail(err, CR_EUSAGE, "the path of the job's directory is longer than %zu bytes",
                       sizeof(dir.directory) - 1);
    cr_str_copy(dir.directory, sizeof(dir.directory), directory);
    while (length > 1 && dir.directory[length - 1] == '/')
        dir.directory[--length] = '\0';
    if (run == NULL)
        usual_run(dir.directory, dir.run, sizeof(dir.run));
    else if (run[0] == '/' && strlen(run) < SOCKET_PATH_MAX - sizeof("/node.sock"))
        cr_str_copy(dir.run, sizeof(dir.run), run);
    else
        return cr_fail(err, CR_EUSAGE,
                       "the run directory %s is not absolute, or too long for a socket in it", run);
    *ret_dir = dir;
    return 0;
}

int cr_job_dir_find(struct cr_job_dir *ret_dir, struct cr_error *err)
{
    const char *directory = environment("QUIESCE_JOB_DIR");
    const char *job = environment("QUIESCE_JOB");
    char path[sizeof(ret_dir->directory)];
    char id[sizeof(ret_dir->job)];
    int rc;

    if (directory != NULL) {
        launch_id(id, sizeof(id));
    } else {
        rc = find_by_launch(path, sizeof(path), id, sizeof(id), err);
        if (rc < 0)
            return rc;
        directory = path;
    }
    rc = cr_job_dir_at(ret_dir, directory, NULL, err);
    if (rc < 0)
        return rc;
    cr_str_copy(ret_dir->job, sizeof(ret_dir->job), job != NULL ? job : id);
    return 0;
}

/* ---- directories ---- */

/* PATH exists, is a directory and no link to one, is ours, and nobody else may enter it. */
static int check_private(const char *path, struct cr_error *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return cr_fail(err, errno, "%s: %s", path, cr_error_words(errno));
    if (!S_ISDIR(st.st_mode))
        return cr_fail(err, CR_EPERMISSION, "%s is not a directory; remove it", path);
    if (st.st_uid != geteuid())
        return cr_fail(err, CR_EPERMISSION, "%s belongs to user %u, not to user %u", path,
                       (unsigned)st.st_uid, (unsigned)geteuid());
    if ((st.st_mode & OTHERS) != 0)
        return cr_fail(err, CR_EPERMISSION, "%s may be entered by others; do: chmod 700 %s", path,
                       path);
    return 0;
}

/* Makes PATH (0700) if it is missing; its parent exists. */
static int make_private(const char *path, struct cr_error *err)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return cr_fail(err, errno, "cannot make the directory %s: %s", path, cr_error_words(errno));
    return check_private(path, err);
}

/* Makes the missing parents of PATH, as mkdir -p does; their own rights stay as they are. */
static int make_parents(const char *path, struct cr_error *err)
{
    char parent[sizeof(((struct cr_job_dir *)0)->directory)];

    cr_str_copy(parent, sizeof(parent), path);
    for (char *slash = strchr(parent + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(parent, 0700) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return cr_fail(err, errno, "cannot make the directory %s: %s", parent,
                           cr_error_words(errno));
        *slash = '/';
    }
    return 0;
}

int cr_job_dir_create_run(const struct cr_job_dir *dir, struct cr_error *err)
{
    char parent[sizeof(dir->run)];
    char *slash;
    int rc;

    cr_str_copy(parent, sizeof(parent), dir->run);
    slash = strrchr(parent, '/');
    if (slash == NULL || slash == parent)
        return cr_fail(err, CR_EUSAGE, "%s cannot be a run directory", dir->run);
    *slash = '\0';
    rc = make_private(parent, err);
    if (rc < 0)
        return rc;
    return make_private(dir->run, err);
}

/* ---- the key ---- */

static int random_key_text(char *ret_text, struct cr_error *err)
{
    uint8_t key[CR_JOB_KEY_SIZE];

    if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
        return cr_fail(err, errno, "the kernel gives no random bytes for the job's key");
    for (size_t i = 0; i < sizeof(key); i++)
        cr_fmt(ret_text + 2 * i, 3, "%02x", key[i]);
    ret_text[KEY_DIGITS] = '\n';
    return 0;
}

/* Writes the key under a name of our own and links it to its place: the first one wins, nobody sees half a key. */
static int make_key(const struct cr_job_dir *dir, const char *path, struct cr_error *err)
{
    char temporary[sizeof(dir->directory) + 64];
    char text[KEY_DIGITS + 2];
    int fd;
    int rc;

    rc = random_key_text(text, err);
    if (rc < 0)
        return rc;
    snprintf(temporary, sizeof(temporary), "%s.%d.%.8s", path, (int)getpid(), text);
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return cr_fail(err, errno, "cannot make the key %s: %s", temporary, cr_error_words(errno));
    if (write(fd, text, KEY_DIGITS + 1) != KEY_DIGITS + 1)
        rc = cr_fail(err, EIO, "cannot write the key %s", temporary);
    close(fd);
    if (rc == 0 && link(temporary, path) < 0 && errno != EEXIST)
        rc = cr_fail(err, errno, "cannot put the key %s into place: %s", path,
                     cr_error_words(errno));
    unlink(temporary);
    return rc;
}

int cr_job_dir_create(const struct cr_job_dir *dir, struct cr_error *err)
{
    char path[sizeof(dir->directory) + 8];
    struct stat st;
    int rc;

    rc = make_parents(dir->directory, err);
    if (rc == 0)
        rc = make_private(dir->directory, err);
    if (rc == 0)
        rc = cr_job_dir_create_run(dir, err);
    if (rc < 0)
        return rc;
    cr_job_dir_path(dir->directory, "key", path, sizeof(path));
    if (lstat(path, &st) == 0)
        return 0;
    return make_key(dir, path, err);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int parse_key(const char *text, uint8_t key[CR_JOB_KEY_SIZE])
{
    for (size_t i = 0; i < CR_JOB_KEY_SIZE; i++) {
        int high = digit_value(text[2 * i]);
        int low = high < 0 ? -1 : digit_value(text[2 * i + 1]);

        if (low < 0)
            return -CR_EPROTOCOL;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

int cr_job_dir_read_key(const struct cr_job_dir *dir, uint8_t ret_key[CR_JOB_KEY_SIZE],
                        struct cr_error *err)
{
    char path[sizeof(dir->directory) + 8];
    char text[KEY_DIGITS + 2] = "";
    struct stat st;
    ssize_t n;
    int fd;

    cr_job_dir_path(dir->directory, "key", path, sizeof(path));
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return cr_fail(err, errno, "cannot read the job's key %s: %s", path, cr_error_words(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & OTHERS) != 0) {
        close(fd);
        return cr_fail(err, CR_EPERMISSION, "the key %s is not a file that we alone may read",
                       path);
    }
    n = read(fd, text, sizeof(text));
    close(fd);
    if (n < KEY_DIGITS || n > KEY_DIGITS + 1 || parse_key(text, ret_key) < 0)
        return cr_fail(err, CR_EPROTOCOL, "the file %s does not hold 64 hexadecimal digits", path);
    return 0;
}
