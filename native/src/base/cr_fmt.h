/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. Text without stdio, malloc or locale: formatting and reading of numbers. */
#ifndef CR_FMT_H
#define CR_FMT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes at most SIZE - 1 characters and a NUL to OUT; SIZE > 0. Conversions: %s %c %d %u %x %p %% with the length
 * modifiers l, ll and z, a width, and flag 0. Anything else is copied as it stands. Returns the length written,
 * which is less than SIZE.
 */
size_t cr_fmt(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t cr_vfmt(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* Reads an unsigned number in BASE (10, 8 or 16) at *AT and moves *AT behind its last digit; 0 if there is none. */
uint64_t cr_parse_u64(const char **at, unsigned base);

/* The same with an optional minus sign. */
int64_t cr_parse_i64(const char **at);

/* strlen, strcmp == 0, and "does TEXT begin with PREFIX", without the C library's indirect functions. */
size_t cr_strlen(const char *text);
int cr_str_equal(const char *a, const char *b);
int cr_str_starts(const char *text, const char *prefix);

/* Copies TEXT with its NUL into OUT, cut to SIZE - 1 characters. Returns the length copied. */
size_t cr_str_copy(char *out, size_t size, const char *text);

#endif
