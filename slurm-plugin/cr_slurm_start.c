/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_slurm_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Slurm hands options of a plugin on under such names, which its documentation of plugins tells. */
#define OPTION "SLURM_SPANK__SLURM_SPANK_OPTION_quiesce_"

const char *const cr_slurm_start_variables[CR_SLURM_OPTIONS] = {
    OPTION "checkpoint", OPTION "checkpoint_dir", OPTION "restart_dir"};

const char *const cr_slurm_start_old_variables[CR_SLURM_OPTIONS] = {
    "SLURM_CHECKPOINT", "SLURM_CHECKPOINT_DIR", "SLURM_RESTART_DIR"};

#define MOST_WORDS 12 /* of our own */

struct words {
    char **list;
    size_t count;
    int failed;
};

int cr_slurm_start_is_under(void)
{
    return getenv("QUIESCE_JOB_DIR") != NULL;
}

int cr_slurm_start_prefix(const char *file, int levels, char prefix[PATH_MAX])
{
    if (realpath(file, prefix) == NULL)
        return -1;
    for (; levels >= 0; levels--) {
        char *slash = strrchr(prefix, '/');

        if (slash == NULL)
            return -1;
        *slash = '\0';
    }
    return 0;
}

static void add(struct words *words, const char *format, const char *value)
{
    char *word = NULL;

    if (asprintf(&word, format, value) < 0) {
        words->failed = 1;
        word = NULL;
    }
    words->list[words->count++] = word;
}

static void write_seconds(long seconds, char *text, size_t size)
{
    snprintf(text, size, "%lds", seconds);
}

int cr_slurm_start_interval(const struct cr_slurm_wishes *wishes, char *text, size_t size)
{
    if (wishes->when != CR_SLURM_EVERY)
        return 0;
    write_seconds(wishes->seconds, text, size);
    return 1;
}

static void add_seconds(struct words *words, const char *option, long seconds)
{
    char value[32];

    write_seconds(seconds, value, sizeof(value));
    add(words, "%s", option);
    add(words, "%s", value);
}

static void add_wishes(struct words *words, const struct cr_slurm_wishes *wishes)
{
    switch (wishes->when) {
    case CR_SLURM_UNASKED:
        break;
    case CR_SLURM_EVERY:
        add_seconds(words, "--interval", wishes->seconds);
        break;
    case CR_SLURM_END:
        add_seconds(words, "--before-end", wishes->seconds);
        add(words, "%s", "--requeue");
        break;
    case CR_SLURM_SIGNAL:
        add(words, "%s", "--requeue");
        break;
    }
    if (wishes->given[CR_SLURM_CHECKPOINT_DIR]) {
        add(words, "--dir=%s", wishes->dir);
        /* The same script, run for the first time, has nothing to go on from. */
        if (wishes->given[CR_SLURM_RESTART_DIR])
            add(words, "%s", "--restart");
    } else if (wishes->given[CR_SLURM_RESTART_DIR]) {
        add(words, "--restart-dir=%s", wishes->restart_dir);
    }
}

char **cr_slurm_start_words(const char *prefix, const struct cr_slurm_wishes *wishes,
                            char *const launcher[])
{
    struct words words = {NULL, 0, 0};
    size_t count = 0;

    while (launcher[count] != NULL)
        count++;
    words.list = calloc(MOST_WORDS + count + 1, sizeof(*words.list));
    if (words.list == NULL)
        return NULL;
    add(&words, "%s/bin/quiesce", prefix);
    add(&words, "%s", "run");
    add(&words, "%s", "--of-plugin");
    add_wishes(&words, wishes);
    add(&words, "%s", "--");
    if (words.failed)
        return NULL;
    memcpy(words.list + words.count, launcher, count * sizeof(*launcher));
    return words.list;
}

void cr_slurm_start(const char *prefix, const struct cr_slurm_wishes *wishes,
                    char *const launcher[], struct cr_slurm_refusal *refusal)
{
    char **words = cr_slurm_start_words(prefix, wishes, launcher);

    if (words == NULL) {
        snprintf(refusal->text, sizeof(refusal->text), "no memory for the words of quiesce run");
        return;
    }
    for (int i = 0; i < CR_SLURM_OPTIONS; i++) {
        unsetenv(cr_slurm_start_variables[i]);
        unsetenv(cr_slurm_start_old_variables[i]);
    }
    if (wishes->given[CR_SLURM_CHECKPOINT])
        unsetenv("QUIESCE_INTERVAL");
    execv(words[0], words);
    snprintf(refusal->text, sizeof(refusal->text),
             "cannot start %.*s: %s; is Quiesce installed on this host?", PATH_MAX, words[0],
             strerror(errno));
}
