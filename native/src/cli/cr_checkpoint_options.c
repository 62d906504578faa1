/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_checkpoint_options.h"

#include "cr_cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPTION_VERSION = 256,
    OPTION_ATOMIC,
    OPTION_CLOBBER,
    OPTION_NOCLOBBER,
    OPTION_RUN,
    OPTION_STOP,
    OPTION_TERM,
    OPTION_ABORT,
    OPTION_KILL,
    OPTION_CONT,
    OPTION_SYNC,
    OPTION_NOSYNC,
    OPTION_DRY_RUN,
    OPTION_JSON,
};

static const struct option long_options[] = {{"verbose", no_argument, NULL, 'v'},
                                             {"quiet", no_argument, NULL, 'q'},
                                             {"help", no_argument, NULL, 'h'},
                                             {"version", no_argument, NULL, OPTION_VERSION},
                                             {"pid", no_argument, NULL, 'p'},
                                             {"process", no_argument, NULL, 'p'},
                                             {"cwd", no_argument, NULL, 'c'},
                                             {"dir", required_argument, NULL, 'd'},
                                             {"file", required_argument, NULL, 'f'},
                                             {"atomic", no_argument, NULL, OPTION_ATOMIC},
                                             {"clobber", no_argument, NULL, OPTION_CLOBBER},
                                             {"noclobber", no_argument, NULL, OPTION_NOCLOBBER},
                                             {"run", no_argument, NULL, OPTION_RUN},
                                             {"signal", required_argument, NULL, 'S'},
                                             {"stop", no_argument, NULL, OPTION_STOP},
                                             {"term", no_argument, NULL, OPTION_TERM},
                                             {"abort", no_argument, NULL, OPTION_ABORT},
                                             {"kill", no_argument, NULL, OPTION_KILL},
                                             {"cont", no_argument, NULL, OPTION_CONT},
                                             {"sync", no_argument, NULL, OPTION_SYNC},
                                             {"nosync", no_argument, NULL, OPTION_NOSYNC},
                                             {"time", required_argument, NULL, 't'},
                                             {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
                                             {"json", no_argument, NULL, OPTION_JSON},
                                             {NULL, 0, NULL, 0}};

static void print_usage(void)
{
    printf(
        "Usage: cr_checkpoint [options] PID\n"
        "Writes the image of process PID, which runs on unless told otherwise.\n\n"
        "  -f, --file FILE    write FILE (default: context.PID in the current directory)\n"
        "  -d, --dir DIR      write context.PID in DIR, which is made if need be\n"
        "  --noclobber        fail if the file exists; --atomic, --clobber: replace it (default)\n"
        "  --term, --kill, --stop, --cont, --abort, -S, --signal NUM\n"
        "                     send this signal after a successful checkpoint\n"
        "  --run              send none (default)\n"
        "  -t, --time SEC     give up after SEC seconds\n"
        "  --nosync           do not wait until the image is on disk\n"
        "  --dry-run          say whether the process can be checkpointed; write nothing\n"
        "  --json             print the result as JSON\n"
        "  -p, --pid          checkpoint one process (default)\n"
        "  -v, --verbose  -q, --quiet  -?, --help  --version\n");
}

struct destination {
    const char *file;
    const char *directory;
    int count;
};

static int set_signal(struct cr_checkpoint_options *o, int option, struct cr_error *err)
{
    static const struct {
        int option, number;
    } named[] = {{OPTION_RUN, 0},         {OPTION_STOP, SIGSTOP}, {OPTION_TERM, SIGTERM},
                 {OPTION_ABORT, SIGABRT}, {OPTION_KILL, SIGKILL}, {OPTION_CONT, SIGCONT}};

    if (option == 'S') {
        o->signal = cr_cli_signal(optarg);
        return o->signal < 0 ? cr_fail(err, EINVAL, "%s is not a signal (1 to 64)", optarg) : 0;
    }
    for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
        if (named[i].option == option)
            o->signal = named[i].number;
    return 0;
}

static int set_time(struct cr_checkpoint_options *o, struct cr_error *err)
{
    char *end;
    long seconds = strtol(optarg, &end, 10);

    if (*optarg == '\0' || *end != '\0' || seconds < 0 || seconds > 1000000)
        return cr_fail(err, EINVAL, "--time %s: not a number of seconds", optarg);
    o->timeout_seconds = (int)seconds;
    return 0;
}

static int take_flag(struct cr_checkpoint_options *o, int option)
{
    switch (option) {
    case 'v':
        o->verbose = 1;
        return 1;
    case 'q':
        o->quiet = 1;
        return 1;
    case 'p':
    case OPTION_ATOMIC:
        return 1;
    case OPTION_CLOBBER:
    case OPTION_NOCLOBBER:
        o->no_clobber = option == OPTION_NOCLOBBER;
        return 1;
    case OPTION_SYNC:
    case OPTION_NOSYNC:
        o->durable = option == OPTION_SYNC;
        return 1;
    case OPTION_DRY_RUN:
        o->dry_run = 1;
        return 1;
    case OPTION_JSON:
        o->json = 1;
        return 1;
    default:
        return 0;
    }
}

static int take_option(struct cr_checkpoint_options *o, struct destination *d, int option,
                       char **argv, struct cr_error *err)
{
    if (take_flag(o, option))
        return 0;
    switch (option) {
    case 'f':
    case 'd':
    case 'c':
        *(option == 'd' ? &d->directory : &d->file) = option == 'c' ? d->file : optarg;
        d->count++;
        return 0;
    case 't':
        return set_time(o, err);
    case OPTION_VERSION:
        printf("cr_checkpoint: version %s\n", QUIESCE_VERSION);
        exit(0);
    case 'h':
        print_usage();
        exit(0);
    case '?':
        if (strcmp(argv[optind - 1], "-?") == 0) {
            print_usage();
            exit(0);
        }
        return cr_fail(err, CR_EUSAGE, "unknown option or missing value: %s; see --help",
                       argv[optind - 1]);
    default:
        return set_signal(o, option, err);
    }
}

static int choose_file(struct cr_checkpoint_options *o, const struct destination *d,
                       struct cr_error *err)
{
    char base[PATH_MAX] = "";
    const char *name = d->file;
    char own[32];
    int n;

    if (d->count > 1)
        return cr_fail(err, EINVAL, "more than one destination given");
    if (d->directory != NULL && mkdir(d->directory, 0700) < 0 && errno != EEXIST)
        return cr_fail(err, errno, "cannot make the directory %s: %s", d->directory,
                       strerror(errno));
    if (name == NULL) {
        snprintf(own, sizeof(own), "context.%d", o->pid);
        name = own;
    }
    if (d->directory != NULL && realpath(d->directory, base) == NULL)
        return cr_fail(err, errno, "%s: %s", d->directory, strerror(errno));
    if (d->directory == NULL && name[0] != '/' && getcwd(base, sizeof(base)) == NULL)
        return cr_fail(err, errno, "cannot find the current directory: %s", strerror(errno));
    n = snprintf(o->file, sizeof(o->file), "%s%s%s", base, base[0] != '\0' ? "/" : "", name);
    return n < (int)sizeof(o->file) ? 0 : cr_fail(err, ENAMETOOLONG, "%s: name too long", name);
}

int cr_checkpoint_parse(int argc, char **argv, struct cr_checkpoint_options *ret_options,
                        struct cr_error *err)
{
    struct destination destination = {NULL, NULL, 0};
    char *end;
    long pid;
    int option;

    memset(ret_options, 0, sizeof(*ret_options));
    ret_options->durable = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "vq?pcd:f:t:S:", long_options, NULL)) != -1) {
        int rc = take_option(ret_options, &destination, option, argv, err);
        if (rc < 0)
            return rc;
    }
    if (optind + 1 != argc)
        return cr_fail(err, CR_EUSAGE, "%s; see cr_checkpoint --help",
                       optind == argc ? "which process? give its PID" : "more than one PID given");
    pid = strtol(argv[optind], &end, 10);
    if (*end != '\0' || pid <= 0 || pid > INT_MAX)
        return cr_fail(err, CR_EUSAGE, "%s is not a process id", argv[optind]);
    ret_options->pid = (pid_t)pid;
    return choose_file(ret_options, &destination, err);
}

void cr_checkpoint_print_json_text(const char *text)
{
    if (text == NULL) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}
