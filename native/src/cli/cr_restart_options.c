/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_restart_options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTION_RUN = 256,
    OPTION_STOP,
    OPTION_TERM,
    OPTION_ABORT,
    OPTION_KILL,
    OPTION_CONT,
    OPTION_OMIT_MAYBE,
    OPTION_OMIT_ALWAYS,
    OPTION_OMIT_NEVER,
    OPTION_ON_SUCCESS,
    OPTION_ON_FAIL_ARGS,
    OPTION_ON_FAIL_TEMP,
    OPTION_ON_FAIL_ENV,
    OPTION_ON_FAIL_PERM,
    OPTION_ON_FAILURE,
    OPTION_RELOCATE,
    OPTION_RESTORE_PID,
    OPTION_NO_RESTORE_PID,
    OPTION_RESTORE_PGID,
    OPTION_NO_RESTORE_PGID,
    OPTION_RESTORE_SID,
    OPTION_NO_RESTORE_SID,
    OPTION_PIDNS,
    OPTION_KMSG_NONE,
    OPTION_KMSG_ERROR,
    OPTION_KMSG_WARNING,
    OPTION_FILES,
    OPTION_TCP,
    OPTION_CHECK,
    OPTION_NO_CHECK_FILES,
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"file", required_argument, NULL, 'f'},
    {"fd", required_argument, NULL, 'F'},
    {"dir", required_argument, NULL, 'd'},
    {"signal", required_argument, NULL, 'S'},
    {"run", no_argument, NULL, OPTION_RUN},
    {"stop", no_argument, NULL, OPTION_STOP},
    {"freeze", no_argument, NULL, OPTION_STOP},
    {"term", no_argument, NULL, OPTION_TERM},
    {"abort", no_argument, NULL, OPTION_ABORT},
    {"kill", no_argument, NULL, OPTION_KILL},
    {"cont", no_argument, NULL, OPTION_CONT},
    {"early-stop", no_argument, NULL, OPTION_STOP},
    {"early-abrt", no_argument, NULL, OPTION_ABORT},
    {"early-abort", no_argument, NULL, OPTION_ABORT},
    {"omit-maybe", no_argument, NULL, OPTION_OMIT_MAYBE},
    {"omit-always", no_argument, NULL, OPTION_OMIT_ALWAYS},
    {"omit-never", no_argument, NULL, OPTION_OMIT_NEVER},
    {"run-on-success", required_argument, NULL, OPTION_ON_SUCCESS},
    {"run-on-fail-args", required_argument, NULL, OPTION_ON_FAIL_ARGS},
    {"run-on-fail-temp", required_argument, NULL, OPTION_ON_FAIL_TEMP},
    {"run-on-fail-env", required_argument, NULL, OPTION_ON_FAIL_ENV},
    {"run-on-fail-perm", required_argument, NULL, OPTION_ON_FAIL_PERM},
    {"run-on-failure", required_argument, NULL, OPTION_ON_FAILURE},
    {"relocate", required_argument, NULL, OPTION_RELOCATE},
    {"restore-pid", no_argument, NULL, OPTION_RESTORE_PID},
    {"no-restore-pid", no_argument, NULL, OPTION_NO_RESTORE_PID},
    {"restore-pgid", no_argument, NULL, OPTION_RESTORE_PGID},
    {"no-restore-pgid", no_argument, NULL, OPTION_NO_RESTORE_PGID},
    {"restore-sid", no_argument, NULL, OPTION_RESTORE_SID},
    {"no-restore-sid", no_argument, NULL, OPTION_NO_RESTORE_SID},
    {"pidns", no_argument, NULL, OPTION_PIDNS},
    {"kmsg-none", no_argument, NULL, OPTION_KMSG_NONE},
    {"kmsg-error", no_argument, NULL, OPTION_KMSG_ERROR},
    {"kmsg-warning", no_argument, NULL, OPTION_KMSG_WARNING},
    {"files", required_argument, NULL, OPTION_FILES},
    {"tcp", required_argument, NULL, OPTION_TCP},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"no-check-files", no_argument, NULL, OPTION_NO_CHECK_FILES},
    {NULL, 0, NULL, 0}};

#define FIELD(name) offsetof(struct cr_restart_options, name)

/* Options that set one number; the last one of a group wins. */
static const struct {
    int option;
    size_t field;
    int value;
} settings[] = {
    {'q', FIELD(quiet), 1},
    {OPTION_RUN, FIELD(signal), 0},
    {OPTION_STOP, FIELD(signal), SIGSTOP},
    {OPTION_TERM, FIELD(signal), SIGTERM},
    {OPTION_ABORT, FIELD(signal), SIGABRT},
    {OPTION_KILL, FIELD(signal), SIGKILL},
    {OPTION_CONT, FIELD(signal), SIGCONT},
    {OPTION_OMIT_MAYBE, FIELD(omit), CR_OMIT_MAYBE},
    {OPTION_OMIT_ALWAYS, FIELD(omit), CR_OMIT_ALWAYS},
    {OPTION_OMIT_NEVER, FIELD(omit), CR_OMIT_NEVER},
    {OPTION_RESTORE_PID, FIELD(pid), CR_IDS_OLD},
    {OPTION_NO_RESTORE_PID, FIELD(pid), CR_IDS_NEW},
    {OPTION_RESTORE_PGID, FIELD(pgid), 1},
    {OPTION_NO_RESTORE_PGID, FIELD(pgid), 0},
    {OPTION_RESTORE_SID, FIELD(sid), 1},
    {OPTION_NO_RESTORE_SID, FIELD(sid), 0},
    {OPTION_PIDNS, FIELD(pid_namespace), 1},
    {OPTION_KMSG_NONE, FIELD(log), CR_CLI_LOG_NONE},
    {OPTION_KMSG_ERROR, FIELD(log), CR_CLI_LOG_ERROR},
    {OPTION_KMSG_WARNING, FIELD(log), CR_CLI_LOG_WARNING},
    {OPTION_CHECK, FIELD(check_only), 1},
    {OPTION_NO_CHECK_FILES, FIELD(no_check_files), 1},
};

static const char usage[] =
    "Usage: cr_restart [options] [FILE]\n"
    "Brings back the processes of an image, stands in for them, and ends as the eldest "
    "does.\n\n"
    "  -f, --file FILE         the image: a file or FIFO\n"
    "  -F, --fd FD             the image is read from the open descriptor FD\n"
    "  -d, --dir DIR           the image is what cr_checkpoint -d DIR wrote\n"
    "Where it differs:\n"
    "  --relocate OLD=NEW      what was below the path OLD is below NEW now; may be repeated,\n"
    "                          the first that fits counts; \\= and \\\\ stand for = and \\\n"
    "  --files reference|contents|check\n"
    "                          open files: as they are, as they were, or only if unchanged\n"
    "  --tcp close|restore|error\n"
    "                          connections to the outside: reset, restored, or a failure\n"
    "  --no-check-files        do not compare mapped files with those of the image\n"
    "Ids:\n"
    "  --restore-pid           fail if the old process and thread ids cannot be had\n"
    "  --no-restore-pid        do not try; the programs still see their old ids\n"
    "                          (default: the old ones where the kernel permits)\n"
    "  --restore-pgid, --no-restore-pgid (default: the process group of cr_restart)\n"
    "  --restore-sid, --no-restore-sid (default: the session of cr_restart)\n"
    "  --pidns                 the old ids in a pid namespace of its own\n"
    "What then:\n"
    "  --run                   the processes run (default)\n"
    "  --stop, --freeze, --term, --abort, --kill, --cont, --early-stop, --early-abrt,\n"
    "  -S, --signal NUM        all get this signal before they run\n"
    "  --omit-maybe (default), --omit-always, --omit-never\n"
    "                          is cr_restart itself left out of later checkpoints?\n"
    "  --run-on-success CMD    run CMD as soon as the processes run\n"
    "  --run-on-fail-args CMD, --run-on-fail-temp CMD, --run-on-fail-env CMD,\n"
    "  --run-on-fail-perm CMD, --run-on-failure CMD\n"
    "                          run CMD after bad options or a missing image; after a failure\n"
    "                          that may pass; one of the surroundings; another one; any\n"
    "  --check                 only say whether the image can be restarted here\n"
    "  --kmsg-none, --kmsg-error (default), --kmsg-warning\n"
    "                          show the log of the request never, on failure, always\n"
    "  -q, --quiet  -?, --help  -v, --version\n\n"
    "Exit status: that of the eldest process; or the low byte of an error number, see\n"
    "cr_restart(1).\n";

static void note(int *rc, int failed)
{
    if (*rc == 0)
        *rc = failed;
}

/* One half of OLD=NEW: up to an unescaped '=' or the end. Returns what follows, or NULL if there is no memory. */
static const char *take_half(const char *at, char **ret_half)
{
    char *out = malloc(strlen(at) + 1);
    size_t size = 0;

    if (out == NULL)
        return NULL;
    while (*at != '\0' && *at != '=') {
        if (at[0] == '\\' && (at[1] == '=' || at[1] == '\\'))
            at++;
        out[size++] = *at++;
    }
    while (size > 1 && out[size - 1] == '/')
        size--;
    out[size] = '\0';
    *ret_half = out;
    return at;
}

static int add_relocation(struct cr_restart_options *o, struct cr_error *err)
{
    struct cr_relocation *r = &o->relocations[o->relocation_count];
    const char *at;

    if (o->relocation_count == CR_RESTART_RELOCATIONS)
        return cr_fail(err, EINVAL, "more than %d --relocate", CR_RESTART_RELOCATIONS);
    at = take_half(optarg, &r->from);
    if (at != NULL && *at == '=')
        at = take_half(at + 1, &r->to);
    if (at == NULL || *at != '\0' || r->to == NULL || r->from[0] != '/' || r->to[0] != '/')
        return cr_fail(err, EINVAL,
                       "--relocate %s: not OLD=NEW with two absolute paths; write \\= for a = in "
                       "a path",
                       optarg);
    o->relocation_count++;
    return 0;
}

static int take_value(struct cr_restart_options *o, int option, struct cr_error *err)
{
    char *end;

    if (option >= OPTION_ON_SUCCESS && option <= OPTION_ON_FAIL_PERM) {
        o->hooks[option - OPTION_ON_SUCCESS] = optarg;
        return 0;
    }
    if (option == OPTION_RELOCATE)
        return add_relocation(o, err);
    if (option == OPTION_FILES)
        return cr_cli_choose("files", cr_cli_files_words, &o->files, err);
    if (option == OPTION_TCP)
        return cr_cli_choose("tcp", cr_cli_tcp_words, &o->tcp, err);
    if (option == 'S') {
        o->signal = cr_cli_signal(optarg);
        return o->signal < 0 ? cr_fail(err, EINVAL, "%s is not a signal (1 to 64)", optarg) : 0;
    }
    if (option == 'F') {
        o->fd = (int)strtol(optarg, &end, 10);
        return *optarg < '0' || *optarg > '9' || *end != '\0'
                   ? cr_fail(err, EINVAL, "--fd %s: not the number of a descriptor", optarg)
                   : 0;
    }
    *(option == 'd' ? &o->directory : &o->file) = optarg;
    return 0;
}

static int take_option(struct cr_restart_options *o, int option, char **argv, struct cr_error *err)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        if (settings[i].option != option)
            continue;
        *(int *)((char *)o + settings[i].field) = settings[i].value;
        return 0;
    }
    switch (option) {
    case OPTION_ON_FAILURE:
        for (int i = CR_HOOK_FAIL_ARGS; i <= CR_HOOK_FAIL_PERM; i++)
            o->hooks[i] = optarg;
        return 0;
    case 'v':
        printf("cr_restart: version %s\n", QUIESCE_VERSION);
        exit(0);
    case 'h':
    case '?':
        if (option == '?' && strcmp(argv[optind - 1], "-?") != 0)
            return cr_fail(err, CR_EUSAGE, "unknown option or missing value: %s; see --help",
                           argv[optind - 1]);
        fputs(usage, stdout);
        exit(0);
    default:
        return take_value(o, option, err);
    }
}

/* Exactly one source. */
static int check_source(const struct cr_restart_options *o, struct cr_error *err)
{
    int count = (o->file != NULL) + (o->directory != NULL) + (o->fd >= 0);

    if (count > 1)
        return cr_fail(err, EINVAL, "more than one image: give one FILE, -d or -F");
    return count == 1
               ? 0
               : cr_fail(err, CR_EUSAGE, "which image? give its FILE; see cr_restart --help");
}

int cr_restart_parse(int argc, char **argv, struct cr_restart_options *ret_options,
                     struct cr_error *err)
{
    struct cr_error first = {0};
    int option;
    int rc = 0;

    memset(ret_options, 0, sizeof(*ret_options));
    ret_options->fd = -1;
    ret_options->files = -1;
    ret_options->tcp = -1; /* as saved */
    ret_options->log = CR_CLI_LOG_ERROR;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "?vqf:F:d:S:", long_options, NULL)) != -1)
        note(&rc, take_option(ret_options, option, argv, rc == 0 ? err : &first));
    if (rc < 0)
        return rc;
    if (ret_options->file == NULL && optind < argc)
        ret_options->file = argv[optind++];
    if (optind < argc)
        return cr_fail(err, CR_EUSAGE, "too many arguments: %s; see cr_restart --help",
                       argv[optind]);
    return check_source(ret_options, err);
}

int cr_restart_status(int code)
{
    switch (code) {
    case CR_EUSAGE:
        return 255;
    case CR_ENOTIMAGE:
    case CR_EDAMAGED:
    case CR_EINCOMPLETE:
    case CR_EIMAGEVERSION:
        return EINVAL;
    case CR_ECPU:
    case CR_EVDSO:
    case CR_EKERNEL:
        return CR_EBADARCH & 255;
    case CR_EFILECHANGED:
        return ESTALE;
    case CR_EFILEMISSING:
        return ENOENT;
    case CR_ECOLLISION:
        return EADDRINUSE;
    case CR_EPIDTAKEN:
        return EBUSY;
    case CR_EREFUSED:
        return CR_EPERMFAIL & 255;
    case CR_ECLOCK:
    case CR_EPERMISSION:
        return EPERM;
    default:
        return code < 1000 || code >= CR_ETEMPFAIL ? code & 255 : EIO;
    }
}

int cr_restart_hook(int code)
{
    if (code == CR_EUSAGE)
        return CR_HOOK_FAIL_ARGS;
    switch (cr_restart_status(code)) {
    case ENOMEM:
    case EBUSY:
        return CR_HOOK_FAIL_TEMP;
    case EACCES:
    case EPERM:
    case ENOENT:
    case EEXIST:
    case EISDIR:
    case ENOTDIR:
        return CR_HOOK_FAIL_ENV;
    default:
        return CR_HOOK_FAIL_PERM;
    }
}
