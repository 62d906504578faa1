/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_node_start.h"

#include "cr_fmt.h"
#include "cr_node_reach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 1024
#define LOCK_WAIT_MS 15000
#define LOCK_STEP_MS 10
#define ANCESTORS_MAX 32
#define ARGUMENTS_MAX 64
#define WORDS_MAX (ARGUMENTS_MAX + 32)

/* ---- which launcher ---- */

struct ancestor {
    char name[32];
    int parent;
};

static int read_ancestor(int pid, struct ancestor *ret)
{
    char path[64];
    char text[512];
    const char *open_bracket, *close_bracket;
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (f == NULL)
        return -errno;
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    open_bracket = strchr(text, '(');
    close_bracket = strrchr(text, ')');
    if (open_bracket == NULL || close_bracket == NULL ||
        sscanf(close_bracket + 1, " %*c %d", &ret->parent) != 1)
        return -EPROTO;
    snprintf(ret->name, sizeof(ret->name), "%.*s", (int)(close_bracket - open_bracket - 1),
             open_bracket + 1);
    return 0;
}

static int is_launcher(const char *name)
{
    static const char *const NAMES[] = {"mpirun", "mpiexec", "orterun", "prterun", "srun"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++) {
        if (strncmp(name, NAMES[i], strlen(NAMES[i])) == 0)
            return 1;
    }
    return 0;
}

/* The launcher among our ancestors: its pid, or 0 when it runs on another host. RET_NAME: "mpirun" or "srun". */
static int find_launcher(const char **ret_name)
{
    struct ancestor a = {0};
    int pid = (int)getppid();

    *ret_name = getenv("OMPI_MCA_orte_hnp_uri") != NULL ? "mpirun" : "srun";
    for (int depth = 0; depth < ANCESTORS_MAX && pid > 1; depth++) {
        if (read_ancestor(pid, &a) < 0)
            return 0;
        if (is_launcher(a.name)) {
            *ret_name = strncmp(a.name, "srun", 4) == 0 ? "srun" : "mpirun";
            return pid;
        }
        pid = a.parent;
    }
    return 0;
}

/* JOB.STEP of a step that is the whole job; JOB for mpirun, which uses steps of its own on other nodes only; "" without Slurm. */
static void find_slurm(const char *launcher, char *ret_id, size_t size)
{
    const char *job = getenv("SLURM_JOB_ID");
    const char *step = getenv("SLURM_STEP_ID");

    ret_id[0] = '\0';
    if (job != NULL && step != NULL && strcmp(launcher, "srun") == 0)
        snprintf(ret_id, size, "%s.%s", job, step);
    else if (job != NULL)
        snprintf(ret_id, size, "%s", job);
}

/* ---- the program ---- */

/* Where crnode lies, seen from the calling program. Returns 0 or a negative code. */
static int find_program(char *ret_path, size_t size, struct cr_error *err)
{
    static const char *const PLACES[] = {"crnode", "../libexec/quiesce/crnode"};
    char self[PATH_SIZE];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (n < 0)
        return cr_fail(err, errno, "cannot read /proc/self/exe");
    self[n] = '\0';
    slash = strrchr(self, '/');
    *slash = '\0';
    for (size_t i = 0; i < sizeof(PLACES) / sizeof(*PLACES); i++) {
        if (cr_job_dir_path(self, PLACES[i], ret_path, size) == 0 && access(ret_path, X_OK) == 0)
            return 0;
    }
    return cr_fail(err, ENOENT,
                   "crnode is neither in %s nor in %s/../libexec/quiesce; is the "
                   "installation complete?",
                   self, self);
}

/* The words of crnode's command line; numbers live in TEXT. */
struct command {
    char *word[WORDS_MAX];
    size_t count;
    char launcher_pid[16];
    char world_size[16];
    char slurm[32];
    char listen[CR_NODE_REACH_SIZE];
    char path[PATH_SIZE];
};

static void add_option(struct command *c, const char *option, const char *value)
{
    if (value == NULL || value[0] == '\0' || c->count + 3 > WORDS_MAX)
        return;
    c->word[c->count++] = (char *)option;
    c->word[c->count++] = (char *)value;
}

static int make_command(struct command *c, const struct cr_job_dir *dir,
                        const struct cr_node_launch *launch, struct cr_error *err)
{
    const char *launcher;
    int pid;
    int rc = 0;

    memset(c, 0, sizeof(*c));
    if (launch->crnode != NULL)
        cr_str_copy(c->path, sizeof(c->path), launch->crnode);
    else
        rc = find_program(c->path, sizeof(c->path), err);
    if (rc < 0)
        return rc;
    pid = find_launcher(&launcher);
    snprintf(c->launcher_pid, sizeof(c->launcher_pid), "%d", pid);
    cr_node_reach(pid > 0, c->listen, sizeof(c->listen));
    snprintf(c->world_size, sizeof(c->world_size), "%u", launch->world_size);
    find_slurm(launcher, c->slurm, sizeof(c->slurm));
    c->word[c->count++] = c->path;
    add_option(c, "--job-dir", dir->directory);
    add_option(c, "--run-dir", dir->run);
    add_option(c, "--job", dir->job);
    add_option(c, "--launcher", launcher);
    add_option(c, "--launcher-pid", c->launcher_pid);
    add_option(c, "--world-size", c->world_size);
    add_option(c, "--listen", c->listen);
    add_option(c, "--mpi-version", launch->mpi_version);
    add_option(c, "--slurm", c->slurm);
    c->word[c->count++] = (char *)"--background";
    c->word[c->count++] = (char *)"--";
    for (size_t i = 0; launch->argument != NULL && launch->argument[i] != NULL; i++) {
        if (i < ARGUMENTS_MAX && c->count < WORDS_MAX - 1)
            c->word[c->count++] = launch->argument[i];
    }
    return 0;
}

/* ---- starting ---- */

/* crnode gets nothing of a rank's environment that could change it, LD_PRELOAD above all. */
static void make_environment(char *ret_words[], size_t max)
{
    /* The last four are for the coordinator that it may have to start. */
    static const char *const KEPT[] = {
        "PATH=",      "HOME=",         "QUIESCE_LISTEN=", "CR_FAULT=", "TZ=",
        "JAVA_HOME=", "QUIESCE_HOME=", "QUIESCE_DIR=",    "LANG="};
    size_t count = 0;

    for (char **e = environ; *e != NULL; e++) {
        for (size_t i = 0; i < sizeof(KEPT) / sizeof(*KEPT); i++) {
            if (strncmp(*e, KEPT[i], strlen(KEPT[i])) == 0 && count + 1 < max)
                ret_words[count++] = *e;
        }
    }
    ret_words[count] = NULL;
}

int cr_node_start_apart(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int bad = 0;

    sigemptyset(&none);
    sigfillset(&all);
    bad |= posix_spawnattr_setsigmask(attributes, &none);
    bad |= posix_spawnattr_setsigdefault(attributes, &all);
    bad |= posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    return bad;
}

static int make_actions(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                        const char *log)
{
    int bad = cr_node_start_apart(attributes);

    bad |= posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    bad |= posix_spawn_file_actions_addopen(actions, 1, log,
                                            O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    bad |= posix_spawn_file_actions_adddup2(actions, 1, 2);
    /* mpirun waits until nobody holds the pipes of a rank any more. */
    bad |= posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return bad;
}

/* Starts crnode and waits for the process that we started; it leaves when crnode itself, its child, accepts ranks. */
static int spawn_node(const struct cr_job_dir *dir, struct command *c, struct cr_error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char log[PATH_SIZE];
    char *env[12];
    pid_t pid;
    int rc;

    make_environment(env, sizeof(env) / sizeof(*env));
    cr_job_dir_path(dir->run, "node.log", log, sizeof(log));
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    rc = make_actions(&actions, &attributes, log);
    if (rc == 0)
        rc = posix_spawn(&pid, c->path, &actions, &attributes, c->word, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        return cr_fail(err, rc, "cannot start %s: %s", c->path, cr_error_words(rc));
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}

/* 1 if somebody accepts on node.sock. */
static int node_answers(const struct cr_job_dir *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;
    int ok;

    if (cr_job_dir_path(dir->run, "node.sock", address.sun_path, sizeof(address.sun_path)) < 0)
        return 0;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return ok;
}

/* Locks start.lock of a run directory that a crnode may be removing at the same time. Returns a descriptor, -EAGAIN to try
 * again, or another negative code. */
static int try_lock(const struct cr_job_dir *dir, struct cr_error *err)
{
    struct stat held, there;
    char path[PATH_SIZE];
    int fd;
    int rc = cr_job_dir_create(dir, err);

    if (rc < 0)
        return rc == -ENOENT ? -EAGAIN : rc;
    cr_job_dir_path(dir->run, "start.lock", path, sizeof(path));
    fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == ENOENT
                   ? -EAGAIN
                   : cr_fail(err, errno, "cannot open %s: %s", path, cr_error_words(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &held) == 0 && stat(path, &there) == 0 &&
        held.st_ino == there.st_ino && held.st_dev == there.st_dev)
        return fd;
    close(fd);
    return -EAGAIN;
}

static int lock_start(const struct cr_job_dir *dir, struct cr_error *err)
{
    struct timespec step = {0, LOCK_STEP_MS * 1000000L};

    for (int waited = 0; waited < LOCK_WAIT_MS; waited += LOCK_STEP_MS) {
        int fd = try_lock(dir, err);

        if (fd != -EAGAIN)
            return fd;
        nanosleep(&step, NULL);
    }
    return cr_fail(err, ETIMEDOUT, "another process has been starting the crnode of %s for 15 s",
                   dir->directory);
}

int cr_node_start(const struct cr_job_dir *dir, const struct cr_node_launch *launch,
                  struct cr_error *err)
{
    struct command command;
    int lock;
    int rc = 0;

    lock = lock_start(dir, err);
    if (lock < 0)
        return lock;
    if (node_answers(dir))
        goto out;
    rc = make_command(&command, dir, launch, err);
    if (rc == 0)
        rc = spawn_node(dir, &command, err);
    if (rc == 0 && !node_answers(dir))
        rc = cr_fail(err, CR_EINTERNAL, "crnode did not start; %s/node.log says why", dir->run);
out:
    close(lock);
    return rc;
}
