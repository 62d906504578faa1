/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: frozen. */
#include "cr_tar.h"

#include "cr_fmt.h"

#include <stddef.h>
#include <string.h>

#define PAX_SIZE (CR_TAR_HEAD - 2 * CR_TAR_BLOCK)
#define OCTAL_SIZE_MAX (1ULL << 33) /* what eleven octal digits hold */
#define SIZE_RECORD_LENGTH 29U      /* "29 size=", 20 digits, a newline */
#define COMMENT "comment=Quiesce: the image after this header begins on a page"

struct header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user[32];
    char group[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct header) == CR_TAR_BLOCK, "a tar header is one block");

static void put_octal(char *out, size_t digits, uint64_t value)
{
    for (size_t i = digits; i > 0; i--, value >>= 3)
        out[i - 1] = (char)('0' + (value & 7));
}

static unsigned checksum(const struct header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    unsigned sum = 0;

    for (size_t i = 0; i < sizeof(*h); i++)
        sum += i >= offsetof(struct header, checksum) && i < offsetof(struct header, type)
                   ? ' '
                   : bytes[i];
    return sum;
}

static void put_header(uint8_t *out, const char *name, uint64_t size, int64_t mtime, char type)
{
    struct header h;

    memset(&h, 0, sizeof(h));
    cr_str_copy(h.name, sizeof(h.name), name);
    put_octal(h.mode, 7, 0600);
    put_octal(h.uid, 7, 0);
    put_octal(h.gid, 7, 0);
    put_octal(h.size, 11, size < OCTAL_SIZE_MAX ? size : 0);
    put_octal(h.mtime, 11, mtime > 0 ? (uint64_t)mtime : 0);
    h.type = type;
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    put_octal(h.checksum, 6, checksum(&h));
    h.checksum[7] = ' ';
    memcpy(out, &h, sizeof(h));
}

/* PAX_SIZE bytes of records; each begins with its own length. */
static void put_pax(char *out, uint64_t size)
{
    char text[64];
    size_t at = 0;

    memset(out, ' ', PAX_SIZE);
    if (size >= OCTAL_SIZE_MAX) {
        at = cr_fmt(text, sizeof(text), "%u size=%020lu\n", SIZE_RECORD_LENGTH, size);
        memcpy(out, text, at);
    }
    cr_fmt(text, sizeof(text), "%u ", (unsigned)(PAX_SIZE - at));
    memcpy(out + at, text, cr_strlen(text));
    memcpy(out + at + cr_strlen(text), COMMENT, sizeof(COMMENT) - 1);
    out[PAX_SIZE - 1] = '\n';
}

void cr_tar_image_head(uint8_t *out, const char *name, uint64_t size, int64_t mtime)
{
    char extended[CR_TAR_NAME_MAX];

    cr_fmt(extended, sizeof(extended), "PaxHeaders/%s", name);
    put_header(out, extended, PAX_SIZE, mtime, 'x');
    put_pax((char *)out + CR_TAR_BLOCK, size);
    put_header(out + CR_TAR_BLOCK + PAX_SIZE, name, size, mtime, '0');
}

void cr_tar_plain_head(uint8_t *out, const char *name, uint64_t size, int64_t mtime)
{
    put_header(out, name, size, mtime, '0');
}

/* DIGITS octal digits and an end that is not one. */
static int get_octal(const char *text, size_t digits, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '7')
            return 0;
        value = value << 3 | (uint64_t)(text[i] - '0');
    }
    *ret_value = value;
    return text[digits] == '\0' || text[digits] == ' ';
}

/* One header block of type TYPE with the right checksum. */
static int get_header(const uint8_t *block, char type, struct cr_tar_entry *entry)
{
    struct header h;
    uint64_t sum;

    memcpy(&h, block, sizeof(h));
    if (memcmp(h.magic, "ustar", 6) != 0 || h.type != type || !get_octal(h.checksum, 6, &sum) ||
        sum != checksum(&h) || !get_octal(h.size, 11, &entry->size))
        return -CR_EDAMAGED;
    memcpy(entry->name, h.name, sizeof(h.name));
    entry->name[CR_TAR_NAME_MAX] = '\0';
    return 1;
}

static int is_zero(const uint8_t *block)
{
    for (size_t i = 0; i < CR_TAR_BLOCK; i++) {
        if (block[i] != 0)
            return 0;
    }
    return 1;
}

/* The size in an extended header, if it has one. */
static uint64_t pax_size(const uint8_t *pax, uint64_t otherwise)
{
    char text[SIZE_RECORD_LENGTH + 1];
    const char *digits = text + sizeof("29 size=") - 1;

    memcpy(text, pax, SIZE_RECORD_LENGTH);
    text[SIZE_RECORD_LENGTH] = '\0';
    return cr_str_starts(text, "29 size=") ? cr_parse_u64(&digits, 10) : otherwise;
}

int cr_tar_parse(const uint8_t *head, uint64_t size, struct cr_tar_entry *ret_entry)
{
    struct cr_tar_entry entry;
    uint8_t expected[CR_TAR_HEAD];
    int64_t mtime = 0;

    if (size < CR_TAR_BLOCK)
        return -CR_EDAMAGED;
    if (is_zero(head))
        return 0;
    entry.data = CR_TAR_BLOCK;
    if (get_header(head, '0', &entry) > 0) {
        *ret_entry = entry;
        return 1;
    }
    if (size < CR_TAR_HEAD || get_header(head, 'x', &entry) < 0 || entry.size != PAX_SIZE ||
        get_header(head + CR_TAR_BLOCK + PAX_SIZE, '0', &entry) < 0)
        return -CR_EDAMAGED;
    entry.size = pax_size(head + CR_TAR_BLOCK, entry.size);
    entry.data = CR_TAR_HEAD;
    get_octal(((const struct header *)head)->mtime, 11, (uint64_t *)&mtime);
    cr_tar_image_head(expected, entry.name, entry.size, mtime);
    if (memcmp(expected, head, CR_TAR_HEAD) != 0)
        return -CR_EDAMAGED;
    *ret_entry = entry;
    return 1;
}
