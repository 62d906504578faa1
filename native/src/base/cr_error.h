/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. An error on its way up: a code, and a text for a person. */
#ifndef CR_ERROR_H
#define CR_ERROR_H

#include <stdarg.h>

#define CR_ERROR(name, number, category, text) name = number,
enum cr_error_code {
#include "libcr_errors.def"
};
#undef CR_ERROR

#define CR_ERROR_TEXT_MAX 512

struct cr_error {
    int code; /* positive: an errno (< 1000) or a CR_E code; 0: none */
    char text[CR_ERROR_TEXT_MAX];
};

/*
 * Fills ERR (which may be NULL) with CODE and the formatted text and returns -CODE, so that a function can
 * `return cr_fail(err, CR_EREFUSED, "descriptor %d: ...", fd)`. The text says what was tried, on what, and what to
 * do. Conversions: those of cr_fmt.h.
 */
int cr_fail(struct cr_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "CONTEXT: " before the text of ERR. Returns -code. */
int cr_error_prefix(struct cr_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The fixed first words for CODE: of libcr_errors.def, or the name of an errno such as "ENOSPC". Never NULL. */
const char *cr_error_words(int code);

#endif
