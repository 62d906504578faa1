/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Words for error numbers. */
#include "cr_api.h"

#include <stdio.h>
#include <string.h>

#define FIRST_OWN 1000

CR_EXPORT const char *cr_strerror(int number)
{
    static __thread char text[64];
    const char *words = NULL;

    if (number < 0)
        number = -number;
    words = number < FIRST_OWN ? strerrordesc_np(number) : cr_error_words(number);
    if (words != NULL && strcmp(words, "unknown error") != 0)
        return words;
    snprintf(text, sizeof(text), "unknown error %d", number);
    return text;
}
