/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_error.h"

#include "cr_fmt.h"

#include <errno.h>
#include <string.h>

struct code_words {
    int code;
    const char *words;
};

#define CR_ERROR(name, number, category, text) {number, text},
static const struct code_words OWN_CODES[] = {
#include "libcr_errors.def"
};
#undef CR_ERROR

/* The C library's strerror may take locks and memory; these are the ones that a user meets. */
static const struct code_words ERRNO_NAMES[] = {
    {EPERM, "EPERM, operation not permitted"},
    {ENOENT, "ENOENT, no such file or directory"},
    {ESRCH, "ESRCH, no such process"},
    {EINTR, "EINTR, interrupted"},
    {EIO, "EIO, input/output error"},
    {EBADF, "EBADF, bad file descriptor"},
    {EAGAIN, "EAGAIN, try again"},
    {ENOMEM, "ENOMEM, out of memory"},
    {EACCES, "EACCES, permission denied"},
    {EBUSY, "EBUSY, busy"},
    {EEXIST, "EEXIST, file exists"},
    {ENOTDIR, "ENOTDIR, not a directory"},
    {EISDIR, "EISDIR, is a directory"},
    {EINVAL, "EINVAL, invalid argument"},
    {EMFILE, "EMFILE, too many open files"},
    {EFBIG, "EFBIG, file too large"},
    {ENOSPC, "ENOSPC, no space left on device"},
    {EROFS, "EROFS, read-only file system"},
    {ENAMETOOLONG, "ENAMETOOLONG, file name too long"},
    {ENOSYS, "ENOSYS, not in this kernel"},
    {EOPNOTSUPP, "EOPNOTSUPP, not supported"},
    {EDQUOT, "EDQUOT, disk quota exceeded"},
    {EADDRINUSE, "EADDRINUSE, address in use"},
    {EADDRNOTAVAIL, "EADDRNOTAVAIL, address not of this host, or in use"},
    {ENOBUFS, "ENOBUFS, no room in a buffer"},
    {ENOTCONN, "ENOTCONN, not connected"},
    {EHOSTUNREACH, "EHOSTUNREACH, no route to the host"},
    {ENETUNREACH, "ENETUNREACH, no route to the network"},
    {EAFNOSUPPORT, "EAFNOSUPPORT, no such kind of address in this kernel"},
    {EPROTONOSUPPORT, "EPROTONOSUPPORT, no such protocol in this kernel"},
    {ECONNREFUSED, "ECONNREFUSED, connection refused"},
    {ECONNRESET, "ECONNRESET, connection reset"},
    {EPIPE, "EPIPE, the other end is gone"},
    {ETIMEDOUT, "ETIMEDOUT, timed out"},
};

static const char *find_words(const struct code_words *table, size_t count, int code)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].code == code)
            return table[i].words;
    }
    return NULL;
}

const char *cr_error_words(int code)
{
    const char *words = find_words(OWN_CODES, sizeof(OWN_CODES) / sizeof(*OWN_CODES), code);

    if (words == NULL)
        words = find_words(ERRNO_NAMES, sizeof(ERRNO_NAMES) / sizeof(*ERRNO_NAMES), code);
    return words != NULL ? words : "unknown error";
}

int cr_fail(struct cr_error *err, int code, const char *format, ...)
{
    va_list args;

    if (err == NULL)
        return -code;
    err->code = code;
    va_start(args, format);
    cr_vfmt(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -code;
}

int cr_error_prefix(struct cr_error *err, const char *format, ...)
{
    char old[CR_ERROR_TEXT_MAX];
    va_list args;
    size_t length;

    if (err == NULL)
        return -CR_EINTERNAL;
    memcpy(old, err->text, sizeof(old));
    va_start(args, format);
    length = cr_vfmt(err->text, sizeof(err->text), format, args);
    va_end(args);
    cr_fmt(err->text + length, sizeof(err->text) - length, ": %s", old);
    return -err->code;
}
