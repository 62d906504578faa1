/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_slurm_time.h"

#include <stddef.h>

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

#define MOST_FIELDS 3
#define MOST_DIGITS 7 /* of a field: all sums stay far below what a long holds */

/* Digits from *TEXT on, which is left behind them. -1: there is none, or there are too many. */
static long take_number(const char **text)
{
    long number = 0;
    int digits = 0;

    for (; **text >= '0' && **text <= '9' && digits <= MOST_DIGITS; (*text)++, digits++)
        number = number * 10 + (**text - '0');
    return digits >= 1 && digits <= MOST_DIGITS ? number : -1;
}

/* Fields between colons up to the end. Returns how many, or -1. */
static int take_fields(const char *text, long fields[MOST_FIELDS])
{
    int count = 0;

    while (count < MOST_FIELDS) {
        fields[count] = take_number(&text);
        if (fields[count] < 0)
            return -1;
        count++;
        if (*text == '\0')
            return count;
        if (*text++ != ':')
            return -1;
    }
    return -1;
}

int cr_slurm_time_parse(const char *text, long *seconds)
{
    /* What the first field counts: by the number of fields, behind days and without. */
    static const long first_of[MOST_FIELDS + 1] = {0, MINUTE, MINUTE, HOUR};
    long fields[MOST_FIELDS] = {0, 0, 0};
    const char *rest = text;
    long days = take_number(&rest);
    long unit;
    long sum = 0;
    int count;

    if (days >= 0 && *rest == '-') {
        sum = days * DAY;
        text = rest + 1;
    } else {
        rest = NULL;
    }
    count = take_fields(text, fields);
    if (count < 0)
        return -1;
    unit = rest != NULL ? HOUR : first_of[count];
    for (int i = 0; i < count; i++, unit /= 60)
        sum += fields[i] * unit;
    if (sum <= 0 || sum > CR_SLURM_TIME_LONGEST)
        return -1;
    *seconds = sum;
    return 0;
}
