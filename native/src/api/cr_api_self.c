/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Checkpoints of the calling process by its own agent, without anybody's help. */
#include "cr_api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int make_absolute(const char *file, char *out, size_t size)
{
    char directory[4096] = "";
    int n;

    if (file[0] != '/' && getcwd(directory, sizeof(directory)) == NULL)
        return -errno;
    n = snprintf(out, size, "%s%s%s", directory, file[0] != '/' ? "/" : "", file);
    return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static int take(struct cr_agent_request *request)
{
    int rc;

    request->durable = 1;
    rc = cr_agent_checkpoint(request);
    if (rc < 0)
        return rc;
    return request->result < 0 ? request->result : request->restarted;
}

CR_EXPORT int cr_checkpoint_self(const char *file)
{
    struct cr_agent_request *request;
    int result;

    if (!cr_available())
        return cr_api_fail(ENOSYS);
    /* It would wait for itself. */
    if (cr_section_depth() != 0 || cr_api_in_callback())
        return cr_api_fail(EDEADLK);
    request = calloc(1, sizeof(*request));
    if (request == NULL)
        return -1;
    result = make_absolute(file, request->file, sizeof(request->file));
    if (result == 0)
        result = take(request);
    free(request);
    return result < 0 ? cr_api_fail(-result) : result;
}

/* ---- the deprecated calls, which only start it ---- */

static struct cr_agent_request pending;

static void give_up(const char *what, int code)
{
    fprintf(stderr, "libcr: cannot checkpoint into %s: %s\n", what, cr_strerror(code));
    abort();
}

/* The file has to be there, with its mode, when the call returns. */
static void check_file(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        give_up(name, errno);
    close(fd);
}

CR_EXPORT void cr_request_file(const char *name)
{
    int rc;

    if (!cr_available())
        give_up(name, ENOSYS);
    if (pending.file[0] != '\0' && pending.state == 0)
        give_up(name, EBUSY);
    check_file(name);
    rc = make_absolute(name, pending.file, sizeof(pending.file));
    pending.durable = 1;
    pending.reports = 1;
    if (rc == 0)
        rc = cr_agent_submit(&pending);
    if (rc < 0)
        give_up(name, rc == -CR_EBUSY ? EBUSY : -rc);
}

CR_EXPORT void cr_request(void)
{
    char name[32];

    snprintf(name, sizeof(name), "context.%d", (int)getpid());
    cr_request_file(name);
}
