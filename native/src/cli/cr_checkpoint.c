/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. cr_checkpoint: writes the image of a process. */
#include "cr_checkpoint_options.h"

#include "cr_cli.h"
#include "cr_error.h"
#include "cr_single.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SHOW_AFTER_SECONDS 2

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

struct progress {
    time_t begun;
    int shown;
};

/* A phase that begins long after the start is worth a line, on a terminal. */
static void show_phase(const char *phase, void *argument)
{
    struct progress *p = argument;

    if (time(NULL) - p->begun < SHOW_AFTER_SECONDS)
        return;
    fprintf(stderr, "\rcr_checkpoint: %-12s", phase);
    p->shown = 1;
}

/* Ctrl-C becomes readable, so that the process in hand is let go before we end. */
static int catch_interrupts(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int check_destination(const struct cr_checkpoint_options *o, struct cr_error *err)
{
    struct stat st;

    if (stat(o->file, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        return cr_fail(err, EISDIR, "%s is a directory; use -d to write into one", o->file);
    if (o->no_clobber)
        return cr_fail(err, EEXIST, "%s exists; choose another name, or leave out --noclobber",
                       o->file);
    if (!S_ISREG(st.st_mode))
        return cr_fail(err, EINVAL, "%s is not a regular file", o->file);
    return 0;
}

static void print_json(const struct cr_checkpoint_options *o, const struct cr_single_result *r,
                       const struct cr_error *err)
{
    printf("{\"pid\":%d,\"file\":", o->pid);
    cr_checkpoint_print_json_text(o->dry_run ? NULL : o->file);
    printf(",\"error\":%d,\"text\":", err->code);
    cr_checkpoint_print_json_text(err->code != 0 ? err->text : NULL);
    printf(",\"pause_us\":%lu,\"stop_us\":%lu,\"dump_us\":%lu,\"seal_us\":%lu,\"data_bytes\":%lu,"
           "\"file_bytes\":%lu,\"digest\":\"%016lx%016lx\"}\n",
           r->pause_micros, r->stop_micros, r->dump_micros, r->seal_micros, r->data_bytes,
           r->file_bytes, r->digest_high, r->digest_low);
}

static void report(const struct cr_checkpoint_options *o, const struct cr_single_result *r)
{
    char size[32];

    if (o->quiet || !o->verbose)
        return;
    if (o->dry_run) {
        fprintf(stderr, "cr_checkpoint: process %d can be checkpointed\n", o->pid);
        return;
    }
    cr_cli_bytes(r->file_bytes, size, sizeof(size));
    fprintf(
        stderr,
        "cr_checkpoint: %s: %s; stopped for %.1f ms (%.1f until all stood still, %.1f copying), "
        "%.1f ms for checksums and name\n",
        o->file, size, (double)r->pause_micros / 1000, (double)r->stop_micros / 1000,
        (double)r->dump_micros / 1000, (double)r->seal_micros / 1000);
}

static int run(const struct cr_checkpoint_options *o, struct cr_single_result *result,
               struct cr_error *err)
{
    struct progress progress = {time(NULL), 0};
    struct cr_single_options single = {.pid = o->pid,
                                       .file = o->file,
                                       .durable = o->durable,
                                       .signal = o->signal,
                                       .dry_run = o->dry_run,
                                       .timeout_ms = o->timeout_seconds * 1000,
                                       .cancel_fd = catch_interrupts()};
    int rc = o->dry_run ? 0 : check_destination(o, err);

    if (!o->quiet && isatty(2)) {
        single.progress = show_phase;
        single.argument = &progress;
    }
    if (rc == 0)
        rc = cr_single_checkpoint(&single, result, err);
    if (progress.shown)
        fprintf(stderr, "\r%40s\r", "");
    return rc;
}

int main(int argc, char **argv)
{
    struct cr_checkpoint_options options;
    struct cr_single_result result;
    struct cr_error err = {0};
    int rc;

    memset(&result, 0, sizeof(result));
    rc = cr_checkpoint_parse(argc, argv, &options, &err);
    if (rc == 0)
        rc = run(&options, &result, &err);
    if (options.json)
        print_json(&options, &result, &err);
    if (rc < 0) {
        if (!options.quiet)
            fprintf(stderr, "cr_checkpoint: %s\n", err.text);
        return to_status(err.code);
    }
    report(&options, &result);
    return 0;
}
