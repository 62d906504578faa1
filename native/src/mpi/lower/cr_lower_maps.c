/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_lower_maps.h"

#include "cr_fmt.h"
#include "cr_sys.h"

#include <errno.h>
#include <sys/mman.h>

/* One mapping per line; the kernel shows names of up to PATH_MAX characters, each perhaps escaped.
 * */
#define BUFFER_SIZE 32768

static void skip_field(const char **at)
{
    while (**at != '\0' && **at != ' ')
        (*at)++;
    while (**at == ' ')
        (*at)++;
}

static int parse_protection(const char *at)
{
    int protection = 0;

    if (at[0] == 'r')
        protection |= PROT_READ;
    if (at[0] != '\0' && at[1] == 'w')
        protection |= PROT_WRITE;
    if (at[0] != '\0' && at[1] != '\0' && at[2] == 'x')
        protection |= PROT_EXEC;
    return protection;
}

/* "START-END rwxp OFFSET DEVICE INODE   NAME" */
static void parse_line(const char *at, struct cr_lower_map *ret_map)
{
    int i;

    ret_map->start = cr_parse_u64(&at, 16);
    if (*at == '-')
        at++;
    ret_map->end = cr_parse_u64(&at, 16);
    if (*at == ' ')
        at++;
    ret_map->protection = parse_protection(at);
    for (i = 0; i < 4; i++)
        skip_field(&at);
    ret_map->name = at;
}

/* Hands the complete lines of BUFFER to FN and returns how many bytes they are. */
static size_t take_lines(char *buffer, size_t length, cr_lower_map_fn fn, void *argument, int *rc)
{
    size_t begin = 0, i;

    for (i = 0; i < length && *rc == 0; i++) {
        struct cr_lower_map map;
        if (buffer[i] != '\n')
            continue;
        buffer[i] = '\0';
        parse_line(buffer + begin, &map);
        begin = i + 1;
        *rc = fn(argument, &map);
    }
    return begin;
}

int cr_lower_maps_walk(cr_lower_map_fn fn, void *argument)
{
    char buffer[BUFFER_SIZE];
    size_t length = 0;
    int rc = 0;
    int fd = cr_sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return fd;
    while (rc == 0) {
        size_t taken, i;
        long n = cr_sys_read(fd, buffer + length, sizeof buffer - length);
        if (n == -EINTR)
            continue;
        if (n <= 0) {
            rc = (int)n;
            break;
        }
        length += (size_t)n;
        taken = take_lines(buffer, length, fn, argument, &rc);
        for (i = taken; i < length; i++)
            buffer[i - taken] = buffer[i];
        length -= taken;
        if (length == sizeof buffer)
            rc = -E2BIG;
    }
    cr_sys_close(fd);
    return rc;
}
