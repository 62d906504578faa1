/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* TAP output for test programs: one program per source file, `return tap_done();` at the end. */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failures;

/* One test point; the text says what should be true. */
#define tap_ok(condition, text)                                                                    \
    do {                                                                                           \
        int tap_good = (condition) != 0;                                                           \
        printf("%sok %d - %s\n", tap_good ? "" : "not ", ++tap_count, text);                       \
        if (!tap_good) {                                                                           \
            tap_failures++;                                                                        \
            printf("# failed at %s:%d: %s\n", __FILE__, __LINE__, #condition);                     \
        }                                                                                          \
        fflush(stdout);                                                                            \
    } while (0)

#define tap_equal_u64(actual, expected, text)                                                      \
    do {                                                                                           \
        unsigned long long tap_a = (unsigned long long)(actual);                                   \
        unsigned long long tap_e = (unsigned long long)(expected);                                 \
        tap_ok(tap_a == tap_e, text);                                                              \
        if (tap_a != tap_e)                                                                        \
            printf("# got %llu (0x%llx), expected %llu (0x%llx)\n", tap_a, tap_a, tap_e, tap_e);   \
    } while (0)

#define tap_equal_text(actual, expected, text)                                                     \
    do {                                                                                           \
        const char *tap_a = (actual);                                                              \
        const char *tap_e = (expected);                                                            \
        tap_ok(strcmp(tap_a, tap_e) == 0, text);                                                   \
        if (strcmp(tap_a, tap_e) != 0)                                                             \
            printf("# got \"%s\", expected \"%s\"\n", tap_a, tap_e);                               \
    } while (0)

/* Ends the program as skipped; REASON names what the machine lacks. */
static inline void tap_skip_all(const char *reason)
{
    printf("1..0 # SKIP %s\n", reason);
    exit(77);
}

static inline int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failures == 0 ? 0 : 1;
}

#endif
