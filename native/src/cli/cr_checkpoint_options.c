/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_checkpoint_options.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPTION_VERSION = 256,
    OPTION_ATOMIC,
    OPTION_BACKUP,
    OPTION_CLOBBER,
    OPTION_NOCLOBBER,
    OPTION_RUN,
    OPTION_STOP,
    OPTION_TERM,
    OPTION_ABORT,
    OPTION_KILL,
    OPTION_CONT,
    OPTION_EARLY_STOP,
    OPTION_EARLY_ABORT,
    OPTION_SYNC,
    OPTION_NOSYNC,
    OPTION_SAVE_NONE,
    OPTION_SAVE_EXE,
    OPTION_SAVE_PRIVATE,
    OPTION_SAVE_SHARED,
    OPTION_SAVE_ALL,
    OPTION_PTRACED_ERROR,
    OPTION_PTRACED_SKIP,
    OPTION_PTRACED_ALLOW,
    OPTION_PTRACER_ERROR,
    OPTION_PTRACER_SKIP,
    OPTION_KMSG_NONE,
    OPTION_KMSG_ERROR,
    OPTION_KMSG_WARNING,
    OPTION_EXCLUDE,
    OPTION_KEEP_DONTDUMP,
    OPTION_FILES,
    OPTION_TCP,
    OPTION_DRY_RUN,
    OPTION_JSON,
};

static const struct option long_options[] = {
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"tree", no_argument, NULL, 'T'},
    {"pid", no_argument, NULL, 'p'},
    {"process", no_argument, NULL, 'p'},
    {"pgid", no_argument, NULL, 'g'},
    {"group", no_argument, NULL, 'g'},
    {"sid", no_argument, NULL, 's'},
    {"session", no_argument, NULL, 's'},
    {"cwd", no_argument, NULL, 'c'},
    {"dir", required_argument, NULL, 'd'},
    {"file", required_argument, NULL, 'f'},
    {"fd", required_argument, NULL, 'F'},
    {"atomic", no_argument, NULL, OPTION_ATOMIC},
    {"backup", optional_argument, NULL, OPTION_BACKUP},
    {"clobber", no_argument, NULL, OPTION_CLOBBER},
    {"noclobber", no_argument, NULL, OPTION_NOCLOBBER},
    {"run", no_argument, NULL, OPTION_RUN},
    {"signal", required_argument, NULL, 'S'},
    {"stop", no_argument, NULL, OPTION_STOP},
    {"term", no_argument, NULL, OPTION_TERM},
    {"abort", no_argument, NULL, OPTION_ABORT},
    {"kill", no_argument, NULL, OPTION_KILL},
    {"cont", no_argument, NULL, OPTION_CONT},
    {"early-stop", no_argument, NULL, OPTION_EARLY_STOP},
    {"early-abrt", no_argument, NULL, OPTION_EARLY_ABORT},
    {"early-abort", no_argument, NULL, OPTION_EARLY_ABORT},
    {"sync", no_argument, NULL, OPTION_SYNC},
    {"nosync", no_argument, NULL, OPTION_NOSYNC},
    {"save-none", no_argument, NULL, OPTION_SAVE_NONE},
    {"save-exe", no_argument, NULL, OPTION_SAVE_EXE},
    {"save-private", no_argument, NULL, OPTION_SAVE_PRIVATE},
    {"save-shared", no_argument, NULL, OPTION_SAVE_SHARED},
    {"save-all", no_argument, NULL, OPTION_SAVE_ALL},
    {"ptraced-error", no_argument, NULL, OPTION_PTRACED_ERROR},
    {"ptraced-skip", no_argument, NULL, OPTION_PTRACED_SKIP},
    {"ptraced-allow", no_argument, NULL, OPTION_PTRACED_ALLOW},
    {"ptracer-error", no_argument, NULL, OPTION_PTRACER_ERROR},
    {"ptracer-skip", no_argument, NULL, OPTION_PTRACER_SKIP},
    {"kmsg-none", no_argument, NULL, OPTION_KMSG_NONE},
    {"kmsg-error", no_argument, NULL, OPTION_KMSG_ERROR},
    {"kmsg-warning", no_argument, NULL, OPTION_KMSG_WARNING},
    {"time", required_argument, NULL, 't'},
    {"exclude", required_argument, NULL, OPTION_EXCLUDE},
    {"keep-dontdump", no_argument, NULL, OPTION_KEEP_DONTDUMP},
    {"files", required_argument, NULL, OPTION_FILES},
    {"tcp", required_argument, NULL, OPTION_TCP},
    {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
    {"json", no_argument, NULL, OPTION_JSON},
    {NULL, 0, NULL, 0}};

#define FIELD(name) offsetof(struct cr_checkpoint_options, name)

/* Options that set one number; the last one of a group wins. */
static const struct {
    int option;
    size_t field;
    int value;
} settings[] = {
    {'v', FIELD(verbose), 1},
    {OPTION_KEEP_DONTDUMP, FIELD(keep_dontdump), 1},
    {'q', FIELD(quiet), 1},
    {'T', FIELD(scope), CR_TARGET_TREE},
    {'p', FIELD(scope), CR_TARGET_PROC},
    {'g', FIELD(scope), CR_TARGET_PGRP},
    {'s', FIELD(scope), CR_TARGET_SESS},
    {OPTION_ATOMIC, FIELD(output.replace), CR_OUTPUT_ATOMIC},
    {OPTION_BACKUP, FIELD(output.replace), CR_OUTPUT_BACKUP},
    {OPTION_CLOBBER, FIELD(output.replace), CR_OUTPUT_CLOBBER},
    {OPTION_NOCLOBBER, FIELD(output.replace), CR_OUTPUT_NOCLOBBER},
    {OPTION_RUN, FIELD(signal), 0},
    {OPTION_STOP, FIELD(signal), SIGSTOP},
    {OPTION_TERM, FIELD(signal), SIGTERM},
    {OPTION_ABORT, FIELD(signal), SIGABRT},
    {OPTION_KILL, FIELD(signal), SIGKILL},
    {OPTION_CONT, FIELD(signal), SIGCONT},
    {OPTION_EARLY_STOP, FIELD(signal), SIGSTOP},
    {OPTION_EARLY_ABORT, FIELD(signal), SIGABRT},
    {OPTION_SYNC, FIELD(output.durable), 1},
    {OPTION_NOSYNC, FIELD(output.durable), 0},
    {OPTION_PTRACED_ERROR, FIELD(traced), CR_TRACED_ERROR},
    {OPTION_PTRACED_SKIP, FIELD(traced), CR_TRACED_SKIP},
    {OPTION_PTRACED_ALLOW, FIELD(traced), CR_TRACED_ALLOW},
    {OPTION_PTRACER_ERROR, FIELD(tracer), CR_TRACED_ERROR},
    {OPTION_PTRACER_SKIP, FIELD(tracer), CR_TRACED_SKIP},
    {OPTION_KMSG_NONE, FIELD(log), CR_CLI_LOG_NONE},
    {OPTION_KMSG_ERROR, FIELD(log), CR_CLI_LOG_ERROR},
    {OPTION_KMSG_WARNING, FIELD(log), CR_CLI_LOG_WARNING},
    {OPTION_DRY_RUN, FIELD(dry_run), 1},
    {OPTION_JSON, FIELD(json), 1},
};

static const char usage[] =
    "Usage: cr_checkpoint [options] ID\n"
    "Writes an image of running processes, which run on unless told otherwise.\n\n"
    "Which processes:\n"
    "  -T, --tree            process ID and all its descendants (default)\n"
    "  -p, --pid             process ID with all its threads\n"
    "  -g, --pgid            the process group ID\n"
    "  -s, --sid             the session ID\n"
    "Where to:\n"
    "  -c, --cwd             context.ID in the current directory (default)\n"
    "  -f, --file FILE       FILE: a regular file, FIFO or socket\n"
    "  -F, --fd FD           the open descriptor FD\n"
    "  -d, --dir DIR         one context.PID for each process in the new directory DIR\n"
    "  --atomic              replace an old file in one step (default)\n"
    "  --backup[=NAME]       and keep the old file as NAME, or FILE.~1~, FILE.~2~, ...\n"
    "  --clobber             write over the old file\n"
    "  --noclobber           fail if the file exists\n"
    "  --sync, --nosync      wait until the image is on disk (default), or not\n"
    "What then:\n"
    "  --run                 the processes run on (default)\n"
    "  --stop, --term, --abort, --kill, --cont, -S, --signal NUM\n"
    "                        send this signal to all of them after success\n"
    "  --early-stop, --early-abrt\n"
    "                        send it before they go on\n"
    "What is in the image:\n"
    "  --save-exe, --save-private, --save-shared, --save-all, --save-none (default)\n"
    "                        contents of the executable, of private or of shared file "
    "mappings\n"
    "  --exclude MAPPING     leave out the contents of MAPPING; may be repeated\n"
    "  --keep-dontdump       save memory that the program has advised not to dump, too\n"
    "  --files reference|contents|check[:PATTERN]\n"
    "                        of open files: path and size (default), contents, or a digest;\n"
    "                        with PATTERN: of those whose path matches it\n"
    "  --tcp close|restore|error\n"
    "                        connections to the outside: reset at a restart (default), "
    "restored,\n"
    "                        or refused now\n"
    "  --ptraced-error (default), --ptraced-skip, --ptraced-allow\n"
    "  --ptracer-error (default), --ptracer-skip\n"
    "                        a target is traced, or traces: fail, leave it out, save it\n"
    "How:\n"
    "  -t, --time SEC        give up after SEC seconds; the processes run on\n"
    "  --dry-run             say what would be refused and why; write nothing\n"
    "  --json                print the result as JSON\n"
    "  --kmsg-none, --kmsg-error (default), --kmsg-warning\n"
    "                        show the log of the request never, on failure, always\n"
    "  -v, --verbose  -q, --quiet  -?, --help  --version\n\n"
    "Exit status: 0, or the low byte of an error number; see cr_checkpoint(1).\n";

static int read_number(const char *what, const char *text, long most, int *ret_number,
                       struct cr_error *err)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || number > most)
        return cr_fail(err, EINVAL, "%s %s: not a number from 0 to %ld", what, text, most);
    *ret_number = (int)number;
    return 0;
}

static int set_signal(struct cr_checkpoint_options *o, struct cr_error *err)
{
    o->early = 0;
    o->signal = cr_cli_signal(optarg);
    return o->signal < 0 ? cr_fail(err, EINVAL, "%s is not a signal (1 to 64)", optarg) : 0;
}

static int set_destination(struct cr_checkpoint_options *o, int option, int *count,
                           struct cr_error *err)
{
    if (++*count > 1)
        return cr_fail(err, EINVAL, "more than one destination: give one of -c, -d, -f, -F");
    if (option == 'F')
        return read_number("--fd", optarg, 1 << 30, &o->output.fd, err);
    if (option == 'f')
        o->output.file = optarg;
    if (option == 'd')
        o->output.directory = optarg;
    if (option != 'c' && *optarg == '\0')
        return cr_fail(err, ENOENT, "the name of the destination is empty");
    return 0;
}

static void set_save(struct cr_checkpoint_options *o, int option)
{
    if (option == OPTION_SAVE_NONE)
        o->save = 0;
    if (option == OPTION_SAVE_EXE || option == OPTION_SAVE_ALL)
        o->save |= CR_SAVE_EXE;
    if (option == OPTION_SAVE_PRIVATE || option == OPTION_SAVE_ALL)
        o->save |= CR_SAVE_PRIVATE;
    if (option == OPTION_SAVE_SHARED || option == OPTION_SAVE_ALL)
        o->save |= CR_SAVE_SHARED;
}

static int add_exclude(struct cr_checkpoint_options *o, struct cr_error *err)
{
    if (o->exclude_count == CR_CHECKPOINT_EXCLUDES)
        return cr_fail(err, EINVAL, "more than %d --exclude", CR_CHECKPOINT_EXCLUDES);
    o->excludes[o->exclude_count++] = optarg;
    return 0;
}

/* Of all open files, or with a pattern of those whose path matches. */
static int set_files(struct cr_checkpoint_options *o, struct cr_error *err)
{
    if (strchr(optarg, ':') == NULL)
        return cr_cli_choose("files", cr_cli_files_words, &o->files, err);
    if (o->path_rule_count == CR_CHECKPOINT_EXCLUDES)
        return cr_fail(err, EINVAL, "more than %d --files with a pattern", CR_CHECKPOINT_EXCLUDES);
    o->path_rules[o->path_rule_count++] = optarg;
    return 0;
}

static int take_setting(struct cr_checkpoint_options *o, int option)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        if (settings[i].option != option)
            continue;
        *(int *)((char *)o + settings[i].field) = settings[i].value;
        if (settings[i].field == FIELD(signal))
            o->early = option == OPTION_EARLY_STOP || option == OPTION_EARLY_ABORT;
        if (option == OPTION_BACKUP)
            o->output.backup = optarg;
        return 1;
    }
    return 0;
}

static int take_option(struct cr_checkpoint_options *o, int *destinations, int option, char **argv,
                       struct cr_error *err)
{
    if (take_setting(o, option))
        return 0;
    switch (option) {
    case 'c':
    case 'd':
    case 'f':
    case 'F':
        return set_destination(o, option, destinations, err);
    case 'S':
        return set_signal(o, err);
    case 't':
        return read_number("--time", optarg, 1000000, &o->timeout_seconds, err);
    case OPTION_EXCLUDE:
        return add_exclude(o, err);
    case OPTION_FILES:
        return set_files(o, err);
    case OPTION_TCP:
        return cr_cli_choose("tcp", cr_cli_tcp_words, &o->tcp, err);
    case OPTION_VERSION:
        printf("cr_checkpoint: version %s\n", QUIESCE_VERSION);
        exit(0);
    case 'h':
    case '?':
        if (option == 'h' || strcmp(argv[optind - 1], "-?") == 0) {
            fputs(usage, stdout);
            exit(0);
        }
        return cr_fail(err, CR_EUSAGE, "unknown option or missing value: %s; see --help",
                       argv[optind - 1]);
    default:
        set_save(o, option);
        return 0;
    }
}

static int take_target(struct cr_checkpoint_options *o, const char *text, struct cr_error *err)
{
    static const char *const words[] = {"process", "process group", "session", "process"};
    char *end;
    long id = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || id <= 0 || id > INT_MAX)
        return cr_fail(err, CR_EUSAGE, "%s is not the id of a %s", text, words[o->scope]);
    o->target = (pid_t)id;
    o->output.id = o->target;
    return 0;
}

int cr_checkpoint_parse(int argc, char **argv, struct cr_checkpoint_options *ret_options,
                        struct cr_error *err)
{
    int destinations = 0;
    int option;

    memset(ret_options, 0, sizeof(*ret_options));
    ret_options->scope = CR_TARGET_TREE;
    ret_options->log = CR_CLI_LOG_ERROR;
    ret_options->output.durable = 1;
    ret_options->output.fd = -1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "vq?Tpgscd:f:F:t:S:", long_options, NULL)) != -1) {
        int rc = take_option(ret_options, &destinations, option, argv, err);
        if (rc < 0)
            return rc;
    }
    if (optind + 1 != argc)
        return cr_fail(err, CR_EUSAGE, "%s; see cr_checkpoint --help",
                       optind == argc ? "which process? give its ID" : "more than one ID given");
    if (ret_options->tcp == CR_CLI_TCP_RESTORE && ret_options->signal != SIGKILL)
        return cr_fail(err, CR_EUSAGE,
                       "--tcp=restore needs --kill: a connection cannot live on in the program and "
                       "in its image");
    return take_target(ret_options, argv[optind], err);
}
