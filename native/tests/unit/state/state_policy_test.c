/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for memory and files: their words, damaged ones, and which of them counts. */
#include "state_support.h"

#include "cr_fmt.h"
#include "cr_policy.h"

#include <errno.h>

static int parses(const char *text, struct cr_policy_rule *rule)
{
    return cr_policy_parse_rule(text, strlen(text), rule, NULL) == 0;
}

static void test_words(void)
{
    struct cr_policy_rule r;

    tap_ok(parses("[heap]", &r) && r.policy == CR_ZERO && strcmp(r.name, "[heap]") == 0,
           "a name leaves contents out");
    tap_ok(parses("drop:size>3G", &r) && r.policy == CR_DROP && r.larger_than == 3UL << 30,
           "a size with its unit and policy");
    tap_ok(parses("keep:0x1000-2000", &r) && r.policy == CR_KEEP && r.start == 0x1000 &&
               r.end == 0x2000,
           "a range");
    tap_ok(parses("/lib/x-y", &r) && r.end == 0 && strcmp(r.name, "/lib/x-y") == 0,
           "a name with a dash is a name");
    tap_ok(parses("zero:2000-1000", &r) && r.end == 0 && r.larger_than == 0,
           "a range that ends before it begins is a name");
}

static void test_damage(void)
{
    static const char *const bad[] = {"",
                                      "zero:",
                                      "size>",
                                      "size>x",
                                      "size>0",
                                      "size>1KK",
                                      "drop:size>12Q",
                                      "size>-1",
                                      "size>300T",
                                      "keep:size>",
                                      "size>99999999999999999999T"};
    struct cr_policy_rule r;
    struct cr_policy_path p;
    struct cr_error err = {0};
    char longest[CR_POLICY_NAME + 1];
    int wrong = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (parses(bad[i], &r))
            wrong += printf("# taken: \"%s\"\n", bad[i]);
    }
    tap_ok(wrong == 0, "what is no rule is refused");
    memset(longest, 'x', sizeof(longest));
    tap_ok(cr_policy_parse_rule(longest, sizeof(longest), &r, &err) == -CR_EUSAGE &&
               cr_policy_parse_path(longest, sizeof(longest), &p, &err) == -CR_EUSAGE,
           "a rule that is too long is refused");
    tap_ok(cr_policy_parse_path("contents:", 9, &p, NULL) < 0 &&
               cr_policy_parse_path("/tmp/x", 6, &p, NULL) < 0 &&
               cr_policy_parse_path("check:*.db", 10, &p, NULL) == 0 && p.policy == CR_FILES_CHECK,
           "a rule for files needs a policy and a pattern");
    /* Any bytes: nothing is read behind the length. */
    for (int i = 0; i < 20000; i++) {
        char text[24];
        size_t length = (size_t)rand() % sizeof(text);

        for (size_t j = 0; j < length; j++)
            text[j] = "size>0-9KMGTabcdef:*zerodropkeep"[rand() % 32];
        cr_policy_parse_rule(text, length, &r, NULL);
        cr_policy_parse_path(text, length, &p, NULL);
    }
    tap_ok(1, "any bytes can be read");
}

static void test_patterns(void)
{
    tap_ok(cr_policy_matches("*", "") && cr_policy_matches("a*c", "abbc") &&
               cr_policy_matches("*b*b*", "abab") && cr_policy_matches("/x/*.so", "/x/y/z.so"),
           "a star stands for any characters");
    tap_ok(!cr_policy_matches("a*c", "abcd") && !cr_policy_matches("", "a") &&
               !cr_policy_matches("*x", "xy") && !cr_policy_matches("a", ""),
           "and the rest must fit");
}

static void test_order(void)
{
    const struct cr_policy_request request = {.rules = "size>1M\nkeep:[big]\n", .paths = ""};
    const struct cr_policy_request bad = {.rules = "size>1M\nsize>\n", .paths = ""};
    enum cr_policy_reason reason;
    struct cr_policy_rule own;
    struct cr_error err = {0};

    parses("[own]", &own);
    cr_policy_add_rule(&own);
    tap_ok(cr_policy_begin(&request, &err) == 0, "a request brings rules");
    tap_ok(cr_policy_of_mapping(0, 2 << 20, "[other]", &reason) == CR_ZERO &&
               reason == CR_LEFT_REQUEST,
           "a rule of the request counts");
    tap_ok(cr_policy_of_mapping(0, 2 << 20, "[big]", &reason) == CR_KEEP,
           "a later rule takes back an earlier one");
    tap_ok(cr_policy_of_mapping(0, 4096, "[own]", &reason) == CR_ZERO && reason == CR_LEFT_PROGRAM,
           "then those of the program");
    tap_ok(cr_policy_of_mapping(0, 4096, "[other]", &reason) == -1, "and most have none");
    tap_ok(cr_policy_begin(&bad, &err) == -CR_EUSAGE && strstr(err.text, "size>") != NULL,
           "a request with a wrong rule is refused by its words");
    cr_policy_end();
    tap_ok(cr_policy_of_mapping(0, 2 << 20, "[other]", &reason) == -1,
           "the request's rules end with it");
}

static int ranges_are(const char *wanted)
{
    const struct cr_policy_range *ranges;
    size_t count = cr_policy_ranges(&ranges);
    char text[512] = "";
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += cr_fmt(text + length, sizeof(text) - length, "%lx-%lx=%u ", ranges[i].start,
                         ranges[i].end, ranges[i].policy);
    if (strcmp(text, wanted) != 0)
        printf("# \"%s\" instead of \"%s\"\n", text, wanted);
    return strcmp(text, wanted) == 0;
}

static void test_ranges(void)
{
    cr_policy_set_range(0x3000, 0x9000, CR_ZERO);
    cr_policy_set_range(0x1000, 0x2000, CR_KEEP);
    tap_ok(ranges_are("1000-2000=0 3000-9000=1 "), "ranges ascend");
    cr_policy_forget_range(0x4000, 0x5000);
    tap_ok(ranges_are("1000-2000=0 3000-4000=1 5000-9000=1 "), "a hole makes two of one");
    cr_policy_set_range(0x1800, 0x6000, CR_DROP);
    tap_ok(ranges_are("1000-1800=0 1800-6000=2 6000-9000=1 "), "what is said last counts");
    cr_policy_forget_range(0, 0x100000);
    tap_ok(ranges_are(""), "all can be taken back");
    for (uint64_t i = 0; i < 512; i++)
        cr_policy_set_range(i * 0x2000, i * 0x2000 + 0x1000, CR_ZERO);
    tap_ok(cr_policy_set_range(0x900000, 0x901000, CR_ZERO) == -ENOSPC, "there is an end to it");
    cr_policy_forget_range(0, UINT64_MAX);
}

int main(void)
{
    test_words();
    test_damage();
    test_patterns();
    test_order();
    test_ranges();
    return tap_done();
}
