/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Times in Slurm's forms, what is refused, and the command that options become. */
#include "cr_slurm_start.h"
#include "cr_slurm_time.h"
#include "tap.h"

#include <unistd.h>

static long parsed(const char *text)
{
    long seconds = -1;

    return cr_slurm_time_parse(text, &seconds) == 0 ? seconds : -1;
}

static void check_times(void)
{
    static const struct {
        const char *text;
        long seconds;
    } times[] = {
        {"30", 1800},     {"1", 60},         {"0:05", 5},          {"5:30", 330},
        {"90:00", 5400},  {"1:30:00", 5400}, {"0:0:1", 1},         {"2-0", 172800},
        {"1-12", 129600}, {"0-1:30", 5400},  {"1-2:03:04", 93784}, {"100-0", 8640000},
        {"", -1},         {"0", -1},         {"0:0", -1},          {"0-0", -1},
        {"-5", -1},       {"5m", -1},        {"1:", -1},           {":5", -1},
        {"1:2:3:4", -1},  {"1-", -1},        {"1-2-3", -1},        {" 5", -1},
        {"5 ", -1},       {"1.5", -1},       {"UNLIMITED", -1},    {"100-0:0:1", -1},
        {"+5", -1},       {"0x10", -1},      {"99999999", -1},     {"99999999999999999999", -1},
        {"-", -1},        {"1-1:1:1:1", -1},
    };

    for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
        char text[80];

        snprintf(text, sizeof(text), "\"%s\" is %ld seconds", times[i].text, times[i].seconds);
        tap_ok(parsed(times[i].text) == times[i].seconds, text);
    }
}

static struct cr_slurm_refusal refusal;

static int take(struct cr_slurm_wishes *wishes, enum cr_slurm_option option, const char *value)
{
    return cr_slurm_wishes_take(wishes, option, "--option", value, &refusal);
}

static void check_refusals(void)
{
    struct cr_slurm_wishes wishes = {0};
    static char longest[PATH_MAX + 1];

    memset(longest, 'x', PATH_MAX);
    longest[0] = '/';
    tap_ok(!cr_slurm_wishes_any(&wishes), "nothing is asked for");
    tap_ok(take(&wishes, CR_SLURM_CHECKPOINT, "soon") < 0, "no time");
    tap_ok(strstr(refusal.text, "--option: \"soon\"") == refusal.text, "the option is named");
    tap_ok(strchr(refusal.text, '\n') == NULL, "in one line");
    tap_ok(take(&wishes, CR_SLURM_CHECKPOINT, "end:") < 0 &&
               take(&wishes, CR_SLURM_CHECKPOINT, "end:soon") < 0 &&
               take(&wishes, CR_SLURM_CHECKPOINT, "ends") < 0,
           "no time before the end");
    tap_ok(take(&wishes, CR_SLURM_CHECKPOINT_DIR, "") < 0, "no directory");
    tap_ok(take(&wishes, CR_SLURM_CHECKPOINT_DIR, "/a\nb") < 0, "a directory of two lines");
    tap_ok(take(&wishes, CR_SLURM_RESTART_DIR, longest) < 0, "a directory that is too long");
    tap_ok(!cr_slurm_wishes_any(&wishes), "what was refused does not count");
    take(&wishes, CR_SLURM_CHECKPOINT_DIR, "/a/");
    take(&wishes, CR_SLURM_RESTART_DIR, "/b");
    tap_ok(cr_slurm_wishes_check(&wishes, &refusal) < 0, "two directories");
    take(&wishes, CR_SLURM_RESTART_DIR, "/a");
    tap_ok(cr_slurm_wishes_check(&wishes, &refusal) == 0, "one directory, written in two ways");
}

static void check_directories(void)
{
    struct cr_slurm_wishes wishes = {0};

    tap_ok(chdir("/usr") == 0 && take(&wishes, CR_SLURM_CHECKPOINT_DIR, "a/b//") == 0,
           "a relative directory is taken");
    tap_equal_text(wishes.dir, "/usr/a/b", "it counts from the working directory");
    take(&wishes, CR_SLURM_CHECKPOINT_DIR, "/");
    tap_equal_text(wishes.dir, "/", "the root stays");
}

static void check_variables(void)
{
    static const char *const variables[CR_SLURM_OPTIONS] = {"T_WHEN", "T_DIR", NULL};
    struct cr_slurm_wishes wishes = {0};

    setenv("T_WHEN", "", 1);
    setenv("T_DIR", "/from/variable", 1);
    tap_ok(cr_slurm_wishes_take_variables(&wishes, variables, &refusal) == 0 &&
               !wishes.given[CR_SLURM_CHECKPOINT],
           "an empty variable is none");
    tap_equal_text(wishes.dir, "/from/variable", "a variable counts");
    take(&wishes, CR_SLURM_CHECKPOINT_DIR, "/from/option");
    cr_slurm_wishes_take_variables(&wishes, variables, &refusal);
    tap_equal_text(wishes.dir, "/from/option", "an option comes before it");
    setenv("T_WHEN", "never", 1);
    tap_ok(cr_slurm_wishes_take_variables(&wishes, variables, &refusal) < 0 &&
               strstr(refusal.text, "T_WHEN") == refusal.text,
           "a bad variable is refused by its name");
}

static const char *command(const char *when, const char *dir, const char *restart)
{
    static char line[4096];
    char *launcher[] = {(char *)"srun", (char *)"a b", NULL};
    struct cr_slurm_wishes wishes = {0};
    char **words;

    if (when != NULL)
        take(&wishes, CR_SLURM_CHECKPOINT, when);
    if (dir != NULL)
        take(&wishes, CR_SLURM_CHECKPOINT_DIR, dir);
    if (restart != NULL)
        take(&wishes, CR_SLURM_RESTART_DIR, restart);
    words = cr_slurm_start_words("/q", &wishes, launcher);
    line[0] = '\0';
    for (; *words != NULL; words++) {
        strcat(line, *words);
        strcat(line, "|");
    }
    return line;
}

static void check_commands(void)
{
    tap_equal_text(command("1:30", NULL, NULL),
                   "/q/bin/quiesce|run|--of-plugin|--interval|90s|--|srun|a b|", "every so often");
    tap_equal_text(command(NULL, "/d e", NULL),
                   "/q/bin/quiesce|run|--of-plugin|--dir=/d e|--|srun|a b|", "on request");
    tap_equal_text(command(NULL, NULL, "/d"),
                   "/q/bin/quiesce|run|--of-plugin|--restart-dir=/d|--|srun|a b|", "a restart");
    tap_equal_text(command("2", "/d", "/d"),
                   "/q/bin/quiesce|run|--of-plugin|--interval|120s|--dir=/d|--restart|--|srun|a b|",
                   "start or restart");
    tap_equal_text(command("signal", "/d", NULL),
                   "/q/bin/quiesce|run|--of-plugin|--requeue|--dir=/d|--|srun|a b|", "at a signal");
    tap_equal_text(command("end", "/d", "/d"),
                   "/q/bin/quiesce|run|--of-plugin|--before-end|120s|--requeue|--dir=/d|--restart|"
                   "--|srun|a b|",
                   "before the end, to go on after that");
    tap_equal_text(command("end:10", NULL, NULL),
                   "/q/bin/quiesce|run|--of-plugin|--before-end|600s|--requeue|--|srun|a b|",
                   "ten minutes before the end");
}

int main(void)
{
    check_times();
    check_refusals();
    check_directories();
    check_variables();
    check_commands();
    return tap_done();
}
