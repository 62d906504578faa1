/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_slurm_wishes.h"

#include "cr_slurm_time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BEFORE_END_SECONDS 120
#define END_AND_TIME "end:"

static int refuse(struct cr_slurm_refusal *refusal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct cr_slurm_refusal *refusal, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(refusal->text, sizeof(refusal->text), format, values);
    va_end(values);
    return -1;
}

static int take_when(struct cr_slurm_wishes *wishes, const char *name, const char *value,
                     struct cr_slurm_refusal *refusal)
{
    int before_end = strncmp(value, END_AND_TIME, strlen(END_AND_TIME)) == 0;

    if (strcmp(value, "signal") == 0) {
        wishes->when = CR_SLURM_SIGNAL;
        return 0;
    }
    if (strcmp(value, "end") == 0) {
        wishes->when = CR_SLURM_END;
        wishes->seconds = BEFORE_END_SECONDS;
        return 0;
    }
    if (cr_slurm_time_parse(before_end ? value + strlen(END_AND_TIME) : value, &wishes->seconds) <
        0)
        return refuse(refusal,
                      "%s: \"%.100s\" is neither signal nor end nor end:TIME nor a time such as 30 "
                      "(minutes), 30:00, 1:30:00 or 1-12, of 100 days at most",
                      name, value);
    wishes->when = before_end ? CR_SLURM_END : CR_SLURM_EVERY;
    return 0;
}

/* Whatever ends a line, or is none of the printable characters, would make a mess of Slurm's own records of a job. */
static int is_clean(const char *value)
{
    for (; *value != '\0'; value++) {
        if ((unsigned char)*value < ' ' || *value == 0x7f)
            return 0;
    }
    return 1;
}

static int take_dir(char *dir, const char *name, const char *value,
                    struct cr_slurm_refusal *refusal)
{
    char base[PATH_MAX] = "";
    size_t length;

    if (*value == '\0')
        return refuse(refusal, "%s needs a directory", name);
    if (!is_clean(value))
        return refuse(refusal, "%s: the directory's name has control characters", name);
    if (*value != '/' && getcwd(base, sizeof(base)) == NULL)
        return refuse(refusal, "%s: \"%.100s\" counts from a working directory that is gone", name,
                      value);
    if (strlen(base) + 1 + strlen(value) >= PATH_MAX)
        return refuse(refusal, "%s: the directory's name is too long", name);
    strcpy(dir, base);
    if (*value != '/')
        strcat(dir, "/");
    strcat(dir, value);
    for (length = strlen(dir); length > 1 && dir[length - 1] == '/'; length--)
        dir[length - 1] = '\0';
    return 0;
}

int cr_slurm_wishes_take(struct cr_slurm_wishes *wishes, enum cr_slurm_option option,
                         const char *name, const char *value, struct cr_slurm_refusal *refusal)
{
    int rc = -1;

    switch (option) {
    case CR_SLURM_CHECKPOINT:
        rc = take_when(wishes, name, value, refusal);
        break;
    case CR_SLURM_CHECKPOINT_DIR:
        rc = take_dir(wishes->dir, name, value, refusal);
        break;
    case CR_SLURM_RESTART_DIR:
        rc = take_dir(wishes->restart_dir, name, value, refusal);
        break;
    case CR_SLURM_OPTIONS:
        break;
    }
    if (rc == 0)
        wishes->given[option] = 1;
    return rc;
}

int cr_slurm_wishes_take_variables(struct cr_slurm_wishes *wishes,
                                   const char *const variables[CR_SLURM_OPTIONS],
                                   struct cr_slurm_refusal *refusal)
{
    for (int i = 0; i < CR_SLURM_OPTIONS; i++) {
        const char *value = variables[i] != NULL ? getenv(variables[i]) : NULL;

        if (value == NULL || *value == '\0' || wishes->given[i])
            continue;
        if (cr_slurm_wishes_take(wishes, (enum cr_slurm_option)i, variables[i], value, refusal) < 0)
            return -1;
    }
    return 0;
}

int cr_slurm_wishes_check(const struct cr_slurm_wishes *wishes, struct cr_slurm_refusal *refusal)
{
    if (wishes->given[CR_SLURM_CHECKPOINT_DIR] && wishes->given[CR_SLURM_RESTART_DIR] &&
        strcmp(wishes->dir, wishes->restart_dir) != 0)
        return refuse(
            refusal, "--checkpoint-dir and --restart-dir name two directories, but a restarted job "
                     "goes on in the one that it comes from; leave --checkpoint-dir out");
    return 0;
}

int cr_slurm_wishes_any(const struct cr_slurm_wishes *wishes)
{
    for (int i = 0; i < CR_SLURM_OPTIONS; i++) {
        if (wishes->given[i])
            return 1;
    }
    return 0;
}
