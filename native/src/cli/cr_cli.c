/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int cr_cli_own_folder(char *out, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    char *slash;

    if (n <= 0)
        return -1;
    out[n] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL)
        return -1;
    *slash = '\0';
    return 0;
}

/* The libraries are in lib/ beside our own bin/, or where a packager put them. */
int cr_cli_library(const char *name, char *out, size_t size)
{
    static const char *const folders[] = {"../lib", "../lib/quiesce", "../lib64",
                                          "../lib/x86_64-linux-gnu"};
    char own[PATH_MAX];
    char wanted[PATH_MAX + 64];
    char real[PATH_MAX];

    if (cr_cli_own_folder(own, sizeof(own)) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        snprintf(wanted, sizeof(wanted), "%s/%s/%s", own, folders[i], name);
        if (access(wanted, R_OK) != 0 || realpath(wanted, real) == NULL)
            continue;
        /* By the name with the version, so that another cr_run recognises it. */
        *strrchr(real, '/') = '\0';
        return snprintf(out, size, "%s/%s", real, name) < (int)size ? 0 : -1;
    }
    return -1;
}

static int is_ours(const char *entry, size_t length)
{
    static const char *const names[] = {"libcr.so.0", "libcr_run.so.0", "libcr_omit.so.0"};
    const char *name = entry;
    size_t size;

    for (size_t i = 0; i < length; i++)
        if (entry[i] == '/')
            name = entry + i + 1;
    size = (size_t)(entry + length - name);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (size == strlen(names[i]) && strncmp(name, names[i], size) == 0)
            return 1;
    return 0;
}

int cr_cli_set_preload(const char *first)
{
    const char *old = getenv("LD_PRELOAD");
    char *value = calloc(1, (old != NULL ? strlen(old) : 0) + PATH_MAX + 2);

    if (value == NULL)
        return -1;
    if (first != NULL)
        strcpy(value, first);
    for (const char *at = old != NULL ? old : ""; *at != '\0';) {
        size_t length = strcspn(at, ": ");
        if (length > 0 && !is_ours(at, length)) {
            strcat(value, value[0] != '\0' ? ":" : "");
            strncat(value, at, length);
        }
        at += length + (at[length] != '\0');
    }
    if (value[0] != '\0')
        setenv("LD_PRELOAD", value, 1);
    else
        unsetenv("LD_PRELOAD");
    free(value);
    return 0;
}

int cr_cli_signal(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);

    if (*text != '\0' && *end == '\0')
        return number >= 1 && number <= 64 ? (int)number : -1;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int i = 1; i < 32; i++)
        if (sigabbrev_np(i) != NULL && strcasecmp(sigabbrev_np(i), text) == 0)
            return i;
    return -1;
}

const char *const cr_cli_files_words[3] = {"reference", "contents", "check"};
const char *const cr_cli_tcp_words[3] = {"close", "error", "restore"};

int cr_cli_choose(const char *option, const char *const *words, int *ret_choice,
                  struct cr_error *err)
{
    for (int i = 0; i < 3; i++) {
        if (strcmp(words[i], optarg) != 0)
            continue;
        *ret_choice = i;
        return 0;
    }
    return cr_fail(err, EINVAL, "--%s %s: not one of %s, %s, %s", option, optarg, words[0],
                   words[1], words[2]);
}

void cr_cli_bytes(uint64_t bytes, char *out, size_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
        value /= 1024;
        unit++;
    }
    snprintf(out, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* Bytes of the UTF-8 sequence that begins here; 0: none. Overlong forms and surrogates are none. */
static size_t utf8_length(const unsigned char *at)
{
    size_t length = *at >= 0xf0 && *at < 0xf5 ? 4 : *at >= 0xe0 ? 3 : 2;

    if (*at < 0xc2 || *at >= 0xf5 || (*at == 0xed && at[1] > 0x9f) ||
        (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90))
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

void cr_cli_json(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    if (text == NULL) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    while (*at != '\0') {
        size_t length = *at < 0x80 ? 0 : utf8_length(at);

        if (length > 0) {
            fwrite(at, 1, length, out);
            at += length;
            continue;
        }
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < ' ' || *at >= 0x7f)
            fprintf(out, "\\u%04x", *at);
        else
            fputc(*at, out);
        at++;
    }
    fputc('"', out);
}

static char **log_lines;
static size_t log_count;

void cr_cli_log(const char *line, void *unused)
{
    char **grown = realloc(log_lines, (log_count + 1) * sizeof(*grown));

    (void)unused;
    if (grown == NULL)
        return;
    log_lines = grown;
    log_lines[log_count] = strdup(line);
    if (log_lines[log_count] != NULL)
        log_count++;
}

void cr_cli_show_log(int when, int failed)
{
    if (when == CR_CLI_LOG_NONE || (when == CR_CLI_LOG_ERROR && !failed))
        return;
    for (size_t i = 0; i < log_count; i++)
        fprintf(stderr, "- %s\n", log_lines[i]);
}
