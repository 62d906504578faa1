/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_fmt.h"

struct sink {
    char *out;
    size_t size;
    size_t length;
};

struct conversion {
    int zero;
    unsigned width;
    int longs; /* how many l, or 1 for z */
    char what;
};

static void put(struct sink *s, char c)
{
    if (s->length + 1 < s->size)
        s->out[s->length++] = c;
}

static void put_text(struct sink *s, const char *text)
{
    if (text == NULL)
        text = "(null)";
    while (*text != '\0')
        put(s, *text++);
}

static void put_number(struct sink *s, uint64_t value, unsigned base, int negative,
                       const struct conversion *c)
{
    char digits[24];
    unsigned count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative)
        put(s, '-');
    for (unsigned i = count + (negative != 0); i < c->width; i++)
        put(s, c->zero ? '0' : ' ');
    while (count > 0)
        put(s, digits[--count]);
}

static const char *parse_conversion(const char *at, struct conversion *c)
{
    *c = (struct conversion){0};
    if (*at == '0') {
        c->zero = 1;
        at++;
    }
    c->width = (unsigned)cr_parse_u64(&at, 10);
    for (; *at == 'l' || *at == 'z'; at++)
        c->longs++;
    c->what = *at;
    return *at != '\0' ? at + 1 : at;
}

static void put_signed(struct sink *s, const struct conversion *c, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    put_number(s, magnitude, 10, value < 0, c);
}

size_t cr_vfmt(char *out, size_t size, const char *format, va_list args)
{
    struct sink s = {out, size, 0};
    struct conversion c;

    while (*format != '\0') {
        if (*format != '%') {
            put(&s, *format++);
            continue;
        }
        format = parse_conversion(format + 1, &c);
        switch (c.what) {
        case 's':
            put_text(&s, va_arg(args, const char *));
            break;
        case 'c':
            put(&s, (char)va_arg(args, int));
            break;
        case 'd':
            put_signed(&s, &c, c.longs ? va_arg(args, long) : va_arg(args, int));
            break;
        case 'u':
        case 'x':
            put_number(&s, c.longs ? va_arg(args, unsigned long) : va_arg(args, unsigned),
                       c.what == 'x' ? 16 : 10, 0, &c);
            break;
        case 'p':
            put_text(&s, "0x");
            put_number(&s, (uintptr_t)va_arg(args, void *), 16, 0, &c);
            break;
        default:
            put(&s, c.what);
            break;
        }
    }
    if (size > 0)
        out[s.length] = '\0';
    return s.length;
}

size_t cr_fmt(char *out, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = cr_vfmt(out, size, format, args);
    va_end(args);
    return length;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

uint64_t cr_parse_u64(const char **at, unsigned base)
{
    uint64_t value = 0;

    while ((unsigned)digit_value(**at) < base)
        value = value * base + (uint64_t)digit_value(*(*at)++);
    return value;
}

int64_t cr_parse_i64(const char **at)
{
    int negative = **at == '-';

    if (negative)
        (*at)++;
    return negative ? -(int64_t)cr_parse_u64(at, 10) : (int64_t)cr_parse_u64(at, 10);
}

size_t cr_strlen(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0')
        n++;
    return n;
}

int cr_str_equal(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int cr_str_starts(const char *text, const char *prefix)
{
    while (*prefix != '\0') {
        if (*text++ != *prefix++)
            return 0;
    }
    return 1;
}

size_t cr_str_copy(char *out, size_t size, const char *text)
{
    size_t n = 0;

    for (; text[n] != '\0' && n + 1 < size; n++)
        out[n] = text[n];
    if (size > 0)
        out[n] = '\0';
    return n;
}
