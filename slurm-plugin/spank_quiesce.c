/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. spank_quiesce.so, a plugin of Slurm: the options --checkpoint, --checkpoint-dir and --restart-dir. In srun it
 * becomes "quiesce run -- srun ..." before anything has been allocated; batch scripts and shells of salloc get a PATH on which
 * mpirun does the same. All of that runs as the user. Jobs that do not ask are left as they are.
 */
#include "cr_slurm_start.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* All that Slurm looks for by name is declared there. */
#pragma GCC visibility push(default)
#include <slurm/spank.h>
SPANK_PLUGIN(quiesce, 1)
#pragma GCC visibility pop

#if SLURM_VERSION_NUMBER < SLURM_VERSION_NUM(22, 5, 0)
#error "Quiesce's plugin is for Slurm 22.05 and later"
#endif

#define LEVELS_TO_PREFIX 2                    /* this is lib/slurm */
#define LAUNCHERS "libexec/quiesce/launchers" /* our mpirun */
#define MOST_LIST (8 * 1024 * 1024)
#define MOST_VALUE (64 * 1024)
#define BATCH_STEP 0xfffffffbU /* SLURM_BATCH_SCRIPT of slurm.h */

static struct cr_slurm_wishes wishes;
static char prefix[PATH_MAX];
static struct cr_slurm_refusal refusal;

static const char *const BATCH_VARIABLES[CR_SLURM_OPTIONS] = {"SBATCH_CHECKPOINT",
                                                              "SBATCH_CHECKPOINT_DIR", NULL};
static const char *const CONTROL_VARIABLES[CR_SLURM_OPTIONS] = {
    "_SLURM_SPANK_OPTION_quiesce_checkpoint", "_SLURM_SPANK_OPTION_quiesce_checkpoint_dir",
    "_SLURM_SPANK_OPTION_quiesce_restart_dir"};
static const char *const NAMES[CR_SLURM_OPTIONS] = {"--checkpoint", "--checkpoint-dir",
                                                    "--restart-dir"};

/* ---- options ---- */

/*
 * Notes what is wrong until all is known, so that it is said once. Nodes never refuse: the options were accepted where the job
 * was submitted.
 */
static int take(int option, const char *value, int remote)
{
    struct cr_slurm_refusal now;

    (void)remote;
    if (cr_slurm_wishes_take(&wishes, (enum cr_slurm_option)option, NAMES[option],
                             value != NULL ? value : "", &now) < 0 &&
        refusal.text[0] == '\0')
        refusal = now;
    return 0;
}

static struct spank_option options[CR_SLURM_OPTIONS] = {
    {(char *)"checkpoint", (char *)"time|signal|end[:time]",
     (char *)"take a checkpoint every time (minutes or d-h:m:s), or at SIGUSR1 or SIGTERM, or "
             "before the end of the job's time",
     1, CR_SLURM_CHECKPOINT, take},
    {(char *)"checkpoint-dir", (char *)"directory", (char *)"where checkpoints lie", 1,
     CR_SLURM_CHECKPOINT_DIR, take},
    {(char *)"restart-dir", (char *)"directory",
     (char *)"go on from the newest checkpoint of the program there", 1, CR_SLURM_RESTART_DIR,
     take},
};

int slurm_spank_init(spank_t spank, int count, char **arguments)
{
    if (spank_context() == S_CTX_SLURMD || spank_context() == S_CTX_JOB_SCRIPT)
        return ESPANK_SUCCESS;
    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "prefix=", 7) == 0)
            snprintf(prefix, sizeof(prefix), "%s", arguments[i] + 7);
    }
    for (int i = 0; i < CR_SLURM_OPTIONS; i++) {
        if (spank_option_register(spank, &options[i]) != ESPANK_SUCCESS)
            slurm_error("the option %s is taken by another plugin", NAMES[i]);
    }
    return ESPANK_SUCCESS;
}

static void refuse(const char *text)
{
    snprintf(refusal.text, sizeof(refusal.text), "%s", text);
}

static int find_prefix(void)
{
    Dl_info here;

    if (prefix[0] != '\0' || (dladdr((void *)&find_prefix, &here) != 0 && here.dli_fname != NULL &&
                              cr_slurm_start_prefix(here.dli_fname, LEVELS_TO_PREFIX, prefix) == 0))
        return 0;
    refuse("where is Quiesce? Add prefix=DIRECTORY to the plugin's line in plugstack.conf");
    return -1;
}

/* ---- srun ---- */

/*
 * What FILE of /proc has of our start, as a list that ends with NULL. It is never freed: what we become has no use for memory.
 * NULL: it cannot be read.
 */
static char **read_list(const char *file)
{
    char *text = malloc(MOST_LIST);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    size_t length = 0;
    size_t count = 0;
    char **list;

    while (text != NULL && fd >= 0 && (got = read(fd, text + length, MOST_LIST - length)) > 0)
        length += (size_t)got;
    if (fd >= 0)
        close(fd);
    if (got < 0 || length == MOST_LIST)
        return NULL;
    text[length] = '\0';
    list = calloc(length + 1, sizeof(*list));
    for (size_t at = 0; list != NULL && at < length; at += strlen(text + at) + 1)
        list[count++] = text + at;
    return list;
}

/* An mpirun that does not run under "quiesce run" starts its daemons. */
static int starts_daemons(char *const words[])
{
    static const char *const daemons[] = {"orted", "prted", "hydra_pmi_proxy"};

    for (; *words != NULL; words++) {
        const char *slash = strrchr(*words, '/');
        const char *name = slash != NULL ? slash + 1 : *words;

        for (size_t i = 0; i < sizeof(daemons) / sizeof(*daemons); i++) {
            if (strcmp(name, daemons[i]) == 0)
                return 1;
        }
    }
    return 0;
}

/* mpirun throws away what the srun says by which it starts daemons, so it is said where mpirun itself speaks. */
static void speak_as_parent(void)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/fd/2", (int)getppid());
    fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
}

static void become_run(void)
{
    char **words = read_list("/proc/self/cmdline");
    char **variables = read_list("/proc/self/environ");
    sigset_t none;

    if (words == NULL || words[0] == NULL || variables == NULL) {
        refuse("cannot read srun's own command line, so the job cannot be checkpointed");
        return;
    }
    if (starts_daemons(words)) {
        speak_as_parent();
        refuse("this mpirun was not found on the job's PATH and cannot be checkpointed; write "
               "\"quiesce run -- mpirun ...\"");
        return;
    }
    if (find_prefix() < 0)
        return;
    /* srun has blocked what it is going to wait for, and set variables that the next srun would take for the user's. */
    environ = variables;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    cr_slurm_start(prefix, &wishes, words, &refusal);
}

/* ---- sbatch and salloc ---- */

static void control(spank_t spank, enum cr_slurm_option option, const char *value)
{
    if (wishes.given[option])
        spank_job_control_setenv(spank, CONTROL_VARIABLES[option], value, 1);
}

/* The job finds what it asks for in its environment: times as they were given, directories as they are seen from anywhere. */
static void tell_job(spank_t spank)
{
    char time[32];

    snprintf(time, sizeof(time), "%s0:%ld", wishes.when == CR_SLURM_END ? "end:" : "",
             wishes.seconds);
    control(spank, CR_SLURM_CHECKPOINT, wishes.when == CR_SLURM_SIGNAL ? "signal" : time);
    control(spank, CR_SLURM_CHECKPOINT_DIR, wishes.dir);
    control(spank, CR_SLURM_RESTART_DIR, wishes.restart_dir);
}

static int put_first(const char *path, char *joined, size_t size)
{
    int length =
        snprintf(joined, size, "%s/" LAUNCHERS "%s%s", prefix, *path != '\0' ? ":" : "", path);

    return length > 0 && (size_t)length < size ? 0 : -1;
}

/* How a variable of the shell's or script's is read and set: in salloc our own, on the node by Slurm. */
struct place {
    spank_t spank; /* NULL: salloc, which starts its shell with its own environment */
};

static void set(const struct place *place, const char *name, const char *value)
{
    if (place->spank == NULL)
        setenv(name, value, 1);
    else
        spank_setenv(place->spank, name, value, 1);
}

static const char *get(const struct place *place, const char *name, char value[MOST_VALUE])
{
    if (place->spank == NULL)
        return getenv(name);
    return spank_getenv(place->spank, name, value, MOST_VALUE) == ESPANK_SUCCESS ? value : NULL;
}

/* mpirun becomes ours, and "quiesce run" finds what it is not told. Nothing that fails here may harm the job. */
static void tell_shell(const struct place *place, const char *dir)
{
    static char value[MOST_VALUE];
    static char joined[MOST_VALUE];
    char interval[32];
    const char *path = get(place, "PATH", value);

    if (put_first(path != NULL ? path : "", joined, sizeof(joined)) == 0)
        set(place, "PATH", joined);
    if (dir != NULL)
        set(place, "QUIESCE_DIR", dir);
    if (cr_slurm_start_interval(&wishes, interval, sizeof(interval)))
        set(place, "QUIESCE_INTERVAL", interval);
}

/* A batch script, in the process that becomes it, on the node. */
int slurm_spank_task_init(spank_t spank, int count, char **arguments)
{
    static char dir[MOST_VALUE];
    struct place place = {spank};
    uint32_t step = 0;

    (void)count;
    (void)arguments;
    if (!cr_slurm_wishes_any(&wishes) ||
        spank_get_item(spank, S_JOB_STEPID, &step) != ESPANK_SUCCESS || step != BATCH_STEP ||
        find_prefix() < 0)
        return ESPANK_SUCCESS;
    /* The option itself is as the user wrote it, and may be relative. */
    tell_shell(&place, get(&place, cr_slurm_start_variables[CR_SLURM_CHECKPOINT_DIR], dir));
    return ESPANK_SUCCESS;
}

/* ---- where the options are complete ---- */

/*
 * What an optional plugin returns does not keep the command from going on, and a job that goes on without what it asked for is
 * worse than none. Nothing has been allocated yet.
 */
static void leave_if_refused(void)
{
    if (refusal.text[0] == '\0')
        return;
    slurm_error("%s", refusal.text);
    exit(EXIT_FAILURE);
}

int slurm_spank_init_post_opt(spank_t spank, int count, char **arguments)
{
    spank_context_t context = spank_context();
    static const struct place salloc = {NULL};

    (void)count;
    (void)arguments;
    if (context != S_CTX_LOCAL && context != S_CTX_ALLOCATOR)
        return ESPANK_SUCCESS;
    /* What srun is to do under "quiesce run" has been said there. */
    if (context == S_CTX_LOCAL && cr_slurm_start_is_under())
        return ESPANK_SUCCESS;
    leave_if_refused();
    if (cr_slurm_wishes_take_variables(
            &wishes, context == S_CTX_LOCAL ? cr_slurm_start_old_variables : BATCH_VARIABLES,
            &refusal) == 0)
        cr_slurm_wishes_check(&wishes, &refusal);
    leave_if_refused();
    if (!cr_slurm_wishes_any(&wishes))
        return ESPANK_SUCCESS;
    if (context == S_CTX_LOCAL) {
        become_run();
    } else {
        tell_job(spank);
        if (strcmp(program_invocation_short_name, "salloc") == 0 && find_prefix() == 0)
            tell_shell(&salloc, wishes.given[CR_SLURM_CHECKPOINT_DIR] ? wishes.dir : NULL);
    }
    leave_if_refused();
    return ESPANK_SUCCESS;
}
