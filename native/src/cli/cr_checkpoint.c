/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_checkpoint: writes an image of running processes. */
#include "cr_checkpoint_attach.h"
#include "cr_checkpoint_options.h"

#include "cr_checkpoint_relay.h"
#include "cr_checkpoint_target.h"
#include "cr_cli.h"
#include "cr_error.h"
#include "cr_group.h"
#include "cr_output.h"
#include "cr_reply.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXCLUDES_MAX 4096 /* what a request can say */

static int to_status(int code)
{
    switch (code) {
    case CR_ENOAGENT:
        return CR_ENOSUPPORT & 255;
    case CR_EBUSY:
        return EBUSY;
    case CR_EREFUSED:
    case CR_EDISABLED:
        return CR_EPERMFAIL & 255;
    case CR_ENOPARK:
    case CR_ECANCELLED:
        return CR_ETEMPFAIL & 255;
    case CR_ETIMEOUT:
        return ETIMEDOUT;
    case CR_ERANKLOST:
    case CR_EOMITTED:
        return ESRCH;
    case CR_EUSAGE:
        return CR_CHECKPOINT_USAGE;
    default:
        return code < 1000 ? code : code >= CR_ETEMPFAIL ? code & 255 : EIO;
    }
}

static int cancel_fd = -1;
static volatile sig_atomic_t interrupted;
static time_t deadline; /* 0: none */

/* The process in hand is let go before we end; a call that blocks returns, and again. */
static void interrupt(int number)
{
    const struct itimerval again = {{0, 100000}, {0, 100000}};
    const uint64_t one = 1;
    int code = errno;

    if (number != SIGALRM) {
        interrupted = 1;
        if (write(cancel_fd, &one, sizeof(one)) < 0)
            interrupted = 2;
    }
    setitimer(ITIMER_REAL, &again, NULL);
    errno = code;
}

static int ask_interrupt(void)
{
    if (interrupted)
        return CR_ECANCELLED;
    return deadline != 0 && time(NULL) > deadline ? CR_ETIMEOUT : 0;
}

static void catch_interrupts(const struct cr_checkpoint_options *o)
{
    /* Later than the engine's own limit, which says more. */
    const struct itimerval late = {{0, 0}, {o->timeout_seconds + 1, 0}};
    struct sigaction action = {.sa_handler = interrupt};

    cancel_fd = eventfd(0, EFD_CLOEXEC);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (o->timeout_seconds > 0) {
        deadline = time(NULL) + o->timeout_seconds;
        setitimer(ITIMER_REAL, &late, NULL);
    }
}

static void show_phase(const char *phase, void *argument)
{
    struct cr_checkpoint_progress *p = argument;

    snprintf(p->phase, sizeof(p->phase), "%s", phase);
}

static int commit(void *argument, struct cr_error *err)
{
    return cr_output_commit(argument, err);
}

/* What a dry run has found. */
static struct refusal {
    pid_t pid;
    char *text;
} *refusals;
static size_t refusal_count;

/* All refusals of a dry run; the first is the command's error as well. */
static void note_refusal(pid_t pid, const struct cr_error *err, void *unused)
{
    struct refusal *grown = realloc(refusals, (refusal_count + 1) * sizeof(*grown));

    (void)unused;
    if (grown == NULL)
        return;
    refusals = grown;
    refusals[refusal_count++] = (struct refusal){pid, strdup(err->text)};
    if (refusal_count > 1)
        cr_cli_log(err->text, NULL);
}

static void print_json(const struct cr_checkpoint_options *o, const struct cr_output *output,
                       const struct cr_group_result *r, const struct cr_error *err)
{
    static const char *const scopes[] = {"process", "group", "session", "tree"};

    printf("{\"pid\":%d,\"scope\":\"%s\",\"file\":", o->target, scopes[o->scope]);
    cr_cli_json(stdout, o->dry_run || output->name[0] == '\0' ? NULL : output->name);
    printf(",\"error\":%d,\"status\":%d,\"text\":", err->code,
           err->code != 0 ? to_status(err->code) : 0);
    cr_cli_json(stdout, err->code != 0 ? err->text : NULL);
    printf(",\"pause_us\":%lu,\"stop_us\":%lu,\"dump_us\":%lu,\"seal_us\":%lu,\"data_bytes\":%lu,"
           "\"file_bytes\":%lu,\"digest\":\"%016lx%016lx\",\"processes\":%u,\"zombies\":%u,"
           "\"left_out\":%u,",
           r->pause_micros, r->stop_micros, r->dump_micros, r->seal_micros, r->data_bytes,
           r->file_bytes, r->digest_high, r->digest_low, r->processes, r->zombies, r->left_out);
    printf("\"memory_left_out\":{\"dontdump\":%lu,\"freed\":%lu,\"program\":%lu,\"request\":%lu},"
           "\"refused\":[",
           r->left_dontdump, r->left_freed, r->left_program, r->left_request);
    for (size_t i = 0; i < refusal_count; i++) {
        printf("%s{\"pid\":%d,\"text\":", i > 0 ? "," : "", refusals[i].pid);
        cr_cli_json(stdout, refusals[i].text);
        putchar('}');
    }
    printf("]}\n");
}

/* Memory that is not in the image, by reason. */
static void report_left_out(const struct cr_group_result *r)
{
    const uint64_t bytes[] = {r->left_dontdump, r->left_freed, r->left_program, r->left_request};
    static const char *const words[] = {"advised not to dump", "given up by the program",
                                        "excluded by the program", "excluded by --exclude"};
    char size[32];

    for (size_t i = 0; i < sizeof(bytes) / sizeof(*bytes); i++) {
        if (bytes[i] == 0)
            continue;
        cr_cli_bytes(bytes[i], size, sizeof(size));
        fprintf(stderr, "cr_checkpoint: left out: %s of memory %s\n", size, words[i]);
    }
}

static void report(const struct cr_checkpoint_options *o, const struct cr_output *output,
                   const struct cr_group_result *r)
{
    char size[32];

    if (o->quiet || !o->verbose)
        return;
    report_left_out(r);
    if (o->dry_run) {
        cr_cli_bytes(r->data_bytes, size, sizeof(size));
        fprintf(stderr, "cr_checkpoint: process %d%s can be checkpointed: %s of memory\n",
                o->target, o->scope == CR_TARGET_PROC ? "" : " and all that belongs to it", size);
        return;
    }
    cr_cli_bytes(r->file_bytes, size, sizeof(size));
    fprintf(stderr,
            "cr_checkpoint: %s: %s, %u %s; stopped for %.1f ms (%.1f until all stood still, %.1f "
            "copying), "
            "%.1f ms for checksums and name\n",
            output->name, size, r->processes, r->processes == 1 ? "process" : "processes",
            (double)r->pause_micros / 1000, (double)r->stop_micros / 1000,
            (double)r->dump_micros / 1000, (double)r->seal_micros / 1000);
}

/* The values of an option that may be repeated, one a line. */
static int join(const char *const *values, int count, const char *option, char *out,
                struct cr_error *err)
{
    size_t length = 0;

    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        int n = snprintf(out + length, EXCLUDES_MAX - length, "%s\n", values[i]);
        if (n < 0 || (size_t)n >= EXCLUDES_MAX - length)
            return cr_fail(err, EINVAL, "the values of %s are too long together", option);
        length += (size_t)n;
    }
    return 0;
}

static struct cr_group_options group_options(const struct cr_checkpoint_options *o,
                                             const struct cr_checkpoint_target *target,
                                             struct cr_checkpoint_progress *progress,
                                             const char *excludes, const char *paths)
{
    return (struct cr_group_options){.scope = (enum cr_group_scope)target->scope,
                                     .target = target->target,
                                     .omit = target->omitted,
                                     .omit_count = target->omitted_count,
                                     .durable = o->output.durable,
                                     .signal = o->signal,
                                     .early = o->early,
                                     .dry_run = o->dry_run,
                                     .timeout_ms = o->timeout_seconds * 1000,
                                     .cancel_fd = cancel_fd,
                                     .save = (uint32_t)o->save,
                                     .files = (uint32_t)o->files,
                                     .tcp = (uint32_t)o->tcp,
                                     .exclude = excludes,
                                     .paths = paths,
                                     .keep_dontdump = o->keep_dontdump,
                                     .ptraced = (enum cr_group_trace)o->traced,
                                     .ptracer = (enum cr_group_trace)o->tracer,
                                     .attach = cr_checkpoint_attach,
                                     .progress = show_phase,
                                     .refused = note_refusal,
                                     .log = cr_cli_log,
                                     .argument = progress};
}

static int run(const struct cr_checkpoint_options *o, struct cr_checkpoint_progress *progress,
               struct cr_output *output, struct cr_group_result *result, struct cr_error *err)
{
    static struct cr_checkpoint_target target;
    static char excludes[EXCLUDES_MAX];
    static char paths[EXCLUDES_MAX];
    struct cr_group_options group;
    int rc = join(o->excludes, o->exclude_count, "--exclude", excludes, err);

    if (rc == 0)
        rc = join(o->path_rules, o->path_rule_count, "--files", paths, err);
    cr_checkpoint_find_target(o, &target);
    group = group_options(o, &target, progress, excludes, paths);
    if (rc == 0 && !o->dry_run) {
        rc = cr_output_open(&o->output, ask_interrupt, output, err);
        group.file = output->work;
        group.destination = output->name;
        group.commit = commit;
        group.commit_argument = output;
        snprintf(progress->file, sizeof(progress->file), "%.*s.partial", PATH_MAX - 16,
                 output->work);
    }
    if (rc == 0)
        rc = cr_group_checkpoint(&group, result, err);
    if (rc < 0)
        cr_output_discard(output);
    return rc;
}

/* A target that is not ours has no agent that we could see. */
static void explain(const struct cr_checkpoint_options *o, struct cr_error *err)
{
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%d", o->target);
    if (err->code == CR_ENOAGENT && geteuid() != 0 && stat(path, &st) == 0 &&
        st.st_uid != geteuid()) {
        *err = (struct cr_error){0};
        cr_fail(err, EPERM, "process %d belongs to another user", o->target);
    }
}

int main(int argc, char **argv)
{
    static struct cr_checkpoint_options options;
    static struct cr_output output;
    struct cr_checkpoint_progress *progress;
    struct cr_group_result result;
    struct cr_error err = {0};
    int rc = cr_checkpoint_parse(argc, argv, &options, &err);

    cr_reply_init();
    memset(&result, 0, sizeof(result));
    output.stream = -1;
    if (rc == 0) {
        cr_checkpoint_join_targets(&options, argv);
        cr_checkpoint_relay(!options.quiet && isatty(2), options.quiet, &progress);
        catch_interrupts(&options);
        rc = run(&options, progress, &output, &result, &err);
    }
    if (rc < 0)
        explain(&options, &err);
    if (options.json)
        print_json(&options, &output, &result, &err);
    if (options.json && fflush(stdout) != 0 && rc == 0)
        rc = cr_fail(&err, errno, "standard output: %s", strerror(errno));
    cr_reply_send(err.code, 0, err.text);
    if (!options.quiet)
        cr_cli_show_log(options.log, rc < 0);
    if (rc < 0 && !options.quiet)
        fprintf(stderr, "cr_checkpoint: %s\n", err.text);
    if (rc < 0)
        return to_status(err.code);
    report(&options, &output, &result);
    return 0;
}
