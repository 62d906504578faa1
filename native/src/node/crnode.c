/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. crnode: the native checkpointer of one job on one node. Started by the first rank, or to replace one that died. */
#include "cr_fault.h"
#include "cr_fmt.h"
#include "cr_node.h"
#include "cr_slice.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_MS 14000 /* less than a starter waits for the lock */
#define PATH_SIZE 512

static const char USAGE[] =
    "usage: crnode --job-dir DIR [--run-dir DIR] [--background] [--job NAME]\n"
    "              [--launcher NAME] [--launcher-pid PID] [--world-size N]\n"
    "              [--mpi-version TEXT] [--slurm JOB[.STEP]] [--listen ADDRESS,...]\n"
    "              [-- PROGRAM ARGUMENT...]\n"
    "The checkpointer of one job on this node. cr_mpirank starts it; when it has been\n"
    "killed, `crnode --job-dir DIR --background` takes over the ranks that still run.";

enum {
    JOB_DIR,
    RUN_DIR,
    JOB,
    LAUNCHER,
    LAUNCHER_PID,
    WORLD_SIZE,
    MPI_VERSION,
    SLURM,
    LISTEN,
    TEXT_OPTIONS, /* those above take an argument */
    BACKGROUND,
    HELP,
    VERSION
};

struct options {
    const char *text[TEXT_OPTIONS]; /* NULL: not given */
    int background;
    char **argument;
};

static const struct option LONG_OPTIONS[] = {
    {"job-dir", 1, NULL, JOB_DIR},
    {"run-dir", 1, NULL, RUN_DIR},
    {"job", 1, NULL, JOB},
    {"launcher", 1, NULL, LAUNCHER},
    {"launcher-pid", 1, NULL, LAUNCHER_PID},
    {"world-size", 1, NULL, WORLD_SIZE},
    {"mpi-version", 1, NULL, MPI_VERSION},
    {"slurm", 1, NULL, SLURM},
    {"listen", 1, NULL, LISTEN},
    {"background", 0, NULL, BACKGROUND},
    {"help", 0, NULL, HELP},
    {"version", 0, NULL, VERSION},
    {NULL, 0, NULL, 0},
};

/* Returns 0, or -1 when the usage is to be shown. */
static int parse(int argc, char **argv, struct options *o)
{
    int c;

    *o = (struct options){0};
    while ((c = getopt_long(argc, argv, "+", LONG_OPTIONS, NULL)) != -1) {
        if (c >= 0 && c < TEXT_OPTIONS) {
            o->text[c] = optarg;
        } else if (c == BACKGROUND) {
            o->background = 1;
        } else if (c == HELP || c == VERSION) {
            puts(c == HELP ? USAGE : "crnode " QUIESCE_VERSION);
            exit(0);
        } else {
            return -1;
        }
    }
    o->argument = argv + optind;
    return o->text[JOB_DIR] != NULL ? 0 : -1;
}

static uint32_t number(const char *text)
{
    return text != NULL ? (uint32_t)cr_parse_u64(&text, 10) : 0;
}

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* Where others reach us, "A,B,C": crnode listens there. */
static void fill_addresses(quiesce_wire_NodeRecord *record, const char *list)
{
    size_t max = sizeof(record->address) / sizeof(*record->address);

    while (*list != '\0' && record->address_count < max) {
        size_t length = strcspn(list, ",");
        char *address = record->address[record->address_count];

        if (length > 0 && length < sizeof(*record->address)) {
            memcpy(address, list, length);
            address[length] = '\0';
            record->address_count++;
        }
        list += length + (list[length] == ',');
    }
}

/* What a person will want to know about the job. */
static void fill_record(quiesce_wire_NodeRecord *record, const struct options *o)
{
    size_t max = sizeof(record->argument) / sizeof(*record->argument);

    cr_str_copy(record->job, sizeof(record->job), text_or_empty(o->text[JOB]));
    record->launcher_pid = number(o->text[LAUNCHER_PID]);
    if (record->launcher_pid > 0)
        record->launcher_start = cr_job_dir_start_time((int)record->launcher_pid);
    record->world_size = number(o->text[WORLD_SIZE]);
    cr_str_copy(record->launcher, sizeof(record->launcher), text_or_empty(o->text[LAUNCHER]));
    fill_addresses(record, text_or_empty(o->text[LISTEN]));
    cr_str_copy(record->mpi_version, sizeof(record->mpi_version),
                text_or_empty(o->text[MPI_VERSION]));
    cr_str_copy(record->slurm, sizeof(record->slurm), text_or_empty(o->text[SLURM]));
    for (size_t i = 0; o->argument[i] != NULL && i < max; i++) {
        cr_str_copy(record->argument[i], sizeof(record->argument[i]), o->argument[i]);
        record->argument_count++;
    }
    if (getcwd(record->working_directory, sizeof(record->working_directory)) == NULL)
        record->working_directory[0] = '\0';
}

/* A starter tells what the job is; whoever replaces a dead crnode does not know, but the dead one's record does. */
static int describe_job(struct cr_node *node, const struct options *o, struct cr_error *err)
{
    char host[256];

    if (gethostname(host, sizeof(host)) < 0)
        return cr_fail(err, errno, "this node has no name");
    host[sizeof(host) - 1] = '\0';
    if (o->text[JOB] == NULL && cr_job_dir_read_node(&node->dir, host, &node->record, err) == 0)
        return 0;
    if (o->text[JOB] == NULL)
        return cr_error_prefix(err, "--job is missing and no crnode has run here before");
    memset(&node->record, 0, sizeof(node->record));
    cr_str_copy(node->record.host, sizeof(node->record.host), host);
    fill_record(&node->record, o);
    return 0;
}

/* The log goes to the run directory; nothing of the starter stays open, above all no pipe that somebody reads to its end. */
static int redirect(const struct cr_node *node)
{
    char path[PATH_SIZE];
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log;

    cr_job_dir_path(node->dir.run, "node.log", path, sizeof(path));
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (null < 0 || log < 0)
        return -errno;
    dup2(null, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    close(null);
    close(log);
    return chdir("/") < 0 ? -errno : 0;
}

/* Returns in a child, with the descriptor by which it says that it is ready; the parent waits for that and leaves. */
static int go_to_background(void)
{
    struct pollfd p;
    char ready = 0;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        close(ends[0]);
        setsid();
        return ends[1];
    }
    close(ends[1]);
    p = (struct pollfd){.fd = ends[0], .events = POLLIN};
    if (poll(&p, 1, READY_MS) != 1 || read(ends[0], &ready, 1) != 1)
        _exit(1);
    _exit(0);
}

static void say_ready(int fd)
{
    if (fd < 0)
        return;
    if (write(fd, "r", 1) != 1)
        cr_node_log("whoever started this crnode has not waited for it");
    close(fd);
}

/* Each rank of a round costs three descriptors. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(struct cr_node *node, const struct options *o, struct cr_error *err)
{
    int ready = -1;
    int rc;

    rc = cr_job_dir_at(&node->dir, o->text[JOB_DIR], o->text[RUN_DIR], err);
    if (rc == 0)
        rc = cr_job_dir_create(&node->dir, err);
    if (rc == 0)
        rc = describe_job(node, o, err);
    if (rc < 0)
        return rc;
    if (o->background) {
        ready = go_to_background();
        rc = ready < 0 ? ready : redirect(node);
    }
    if (rc < 0)
        return cr_fail(err, -rc, "cannot go to the background: %s", cr_error_words(-rc));
    rc = cr_node_open(node, err);
    if (rc == -CR_EBUSY)
        say_ready(ready); /* as good as ours */
    if (rc < 0)
        return rc;
    cr_node_log("crnode " QUIESCE_VERSION " serves job %s in %s", node->record.job,
                node->dir.directory);
    say_ready(ready);
    rc = cr_node_serve(node);
    cr_node_close(node);
    return rc;
}

int main(int argc, char **argv)
{
    static struct cr_node node;
    struct cr_error err = {0};
    struct options o;
    int rc;

    if (parse(argc, argv, &o) < 0) {
        fprintf(stderr, "%s\n", USAGE);
        return 2;
    }
    close_range(3, ~0U, 0);
    umask(077);
    raise_descriptor_limit();
    cr_slice_shorten();
    cr_fault_init(getenv("CR_FAULT"));
    rc = run(&node, &o, &err);
    if (rc == 0)
        return 0;
    cr_node_log("crnode: %s", err.text);
    return 1;
}
