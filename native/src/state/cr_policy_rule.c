/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. The words of rules. */
#include "cr_policy.h"

#include "cr_fmt.h"

#include <string.h>

#define LARGEST (1UL << 47)

struct word {
    const char *text;
    uint32_t value;
};

static const struct word MEMORY_WORDS[] = {
    {"zero:", CR_ZERO}, {"drop:", CR_DROP}, {"keep:", CR_KEEP}, {NULL, 0}};

static const struct word FILE_WORDS[] = {{"reference:", CR_FILES_REFERENCE},
                                         {"contents:", CR_FILES_CONTENTS},
                                         {"check:", CR_FILES_CHECK},
                                         {NULL, 0}};

static const struct word *find_word(const struct word *words, const char *text)
{
    for (; words->text != NULL; words++) {
        if (cr_str_starts(text, words->text))
            return words;
    }
    return NULL;
}

static int is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static void skip_0x(const char **at)
{
    if ((*at)[0] == '0' && ((*at)[1] == 'x' || (*at)[1] == 'X'))
        *at += 2;
}

/* START-END. Returns 1; 0 if it is something else. */
static int parse_range(const char *at, struct cr_policy_rule *rule)
{
    skip_0x(&at);
    if (!is_digit(*at))
        return 0;
    rule->start = cr_parse_u64(&at, 16);
    if (*at != '-')
        return 0;
    at++;
    skip_0x(&at);
    if (!is_digit(*at))
        return 0;
    rule->end = cr_parse_u64(&at, 16);
    return *at == '\0' && rule->start < rule->end;
}

static int shift_of(char unit)
{
    switch (unit) {
    case 'K':
        return 10;
    case 'M':
        return 20;
    case 'G':
        return 30;
    case 'T':
        return 40;
    default:
        return 0;
    }
}

/* size>N. Returns 1, 0 if it is something else, -1 if it is wrong. */
static int parse_size(const char *at, struct cr_policy_rule *rule)
{
    int shift;

    if (!cr_str_starts(at, "size>"))
        return 0;
    at += sizeof("size>") - 1;
    if (*at < '0' || *at > '9')
        return -1;
    rule->larger_than = cr_parse_u64(&at, 10);
    shift = shift_of(*at);
    if (shift > 0)
        at++;
    if (*at != '\0' || rule->larger_than == 0 || rule->larger_than > LARGEST >> shift)
        return -1;
    rule->larger_than <<= shift;
    return 1;
}

static int fail_rule(const char *text, struct cr_error *err)
{
    return cr_fail(err, CR_EUSAGE,
                   "\"%s\" is no rule for memory; write [zero:|drop:|keep:] and START-END, size>N "
                   "(K, M, G, T) or the name of a mapping",
                   text);
}

int cr_policy_parse_rule(const char *text, size_t length, struct cr_policy_rule *ret_rule,
                         struct cr_error *err)
{
    struct cr_policy_rule rule = {.policy = CR_ZERO};
    const struct word *word;
    char copy[CR_POLICY_NAME];
    const char *at = copy;
    int sized;

    if (length >= sizeof(copy))
        return cr_fail(err, CR_EUSAGE, "a rule for memory has more than %zu characters",
                       sizeof(copy) - 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    word = find_word(MEMORY_WORDS, at);
    if (word != NULL) {
        rule.policy = word->value;
        at += cr_strlen(word->text);
    }
    sized = parse_size(at, &rule);
    if (*at == '\0' || sized < 0)
        return fail_rule(copy, err);
    if (sized == 0 && !parse_range(at, &rule)) {
        rule.start = rule.end = 0;
        cr_str_copy(rule.name, sizeof(rule.name), at);
    }
    *ret_rule = rule;
    return 0;
}

int cr_policy_parse_path(const char *text, size_t length, struct cr_policy_path *ret_path,
                         struct cr_error *err)
{
    struct cr_policy_path path = {0};
    const struct word *word;
    char copy[CR_POLICY_NAME + 16];

    if (length >= sizeof(path.pattern))
        return cr_fail(err, CR_EUSAGE, "a rule for files has more than %zu characters",
                       sizeof(path.pattern) - 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    word = find_word(FILE_WORDS, copy);
    if (word == NULL || copy[cr_strlen(word->text)] == '\0')
        return cr_fail(err, CR_EUSAGE,
                       "\"%s\" is no rule for files; write reference:, contents: or check: and a "
                       "path (* stands for any characters)",
                       copy);
    path.policy = word->value;
    cr_str_copy(path.pattern, sizeof(path.pattern), copy + cr_strlen(word->text));
    *ret_path = path;
    return 0;
}

/* Goes back to the last * only, which is enough: whatever an earlier one took, the last one can take too. */
int cr_policy_matches(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *resume = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = ++resume;
        } else {
            return 0;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
