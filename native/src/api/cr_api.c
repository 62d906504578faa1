/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. The functions of libcr.h. */
#include "libcr.h"

#include "cr_agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CR_EXPORT __attribute__((visibility("default")))

CR_EXPORT int cr_available(void)
{
    return cr_agent_is_ready();
}

CR_EXPORT cr_client_id_t cr_init(void)
{
    if (!cr_agent_is_ready()) {
        errno = ENOSYS;
        return -1;
    }
    return 0;
}

static int is_bad(cr_client_id_t id)
{
    if (id >= 0)
        return 0;
    errno = EINVAL;
    return 1;
}

CR_EXPORT int cr_enter_cs(cr_client_id_t id)
{
    if (is_bad(id))
        return -1;
    cr_section_enter();
    return 0;
}

CR_EXPORT int cr_tryenter_cs(cr_client_id_t id)
{
    if (is_bad(id))
        return -1;
    return cr_section_try_enter() ? 0 : 1;
}

CR_EXPORT int cr_leave_cs(cr_client_id_t id)
{
    if (is_bad(id))
        return -1;
    if (cr_section_leave() == 0)
        return 0;
    errno = EINVAL;
    return -1;
}

CR_EXPORT int cr_status(void)
{
    return cr_agent_status();
}

static int make_absolute(const char *file, char *out, size_t size)
{
    char directory[4096] = "";
    int n;

    if (file[0] != '/' && getcwd(directory, sizeof(directory)) == NULL)
        return -1;
    n = snprintf(out, size, "%s%s%s", directory, file[0] != '/' ? "/" : "", file);
    if (n >= 0 && (size_t)n < size)
        return 0;
    errno = ENAMETOOLONG;
    return -1;
}

CR_EXPORT int cr_checkpoint_self(const char *file)
{
    struct cr_agent_request *request;
    int result;

    if (!cr_agent_is_ready()) {
        errno = ENOSYS;
        return -1;
    }
    request = calloc(1, sizeof(*request));
    if (request == NULL)
        return -1;
    result = make_absolute(file, request->file, sizeof(request->file));
    request->durable = 1;
    if (result == 0) {
        result = cr_agent_checkpoint(request);
        if (result == 0)
            result = request->result < 0 ? request->result : request->restarted;
        if (result < 0)
            errno = -result;
    }
    free(request);
    return result < 0 ? -1 : result;
}

CR_EXPORT int cr_request_file(const char *file)
{
    return cr_checkpoint_self(file) < 0 ? -1 : 0;
}
