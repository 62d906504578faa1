/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Requests for restarts: the command cr_restart works for them. */
#include "cr_api.h"
#include "cr_api_handle.h"
#include "cr_api_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS                                                                                      \
    (CR_RSTRT_ASYNC_ERR | CR_RSTRT_RESTORE_PID | CR_RSTRT_RESTORE_PGID | CR_RSTRT_RESTORE_SID)

CR_EXPORT int cri_init_restart_args_t(cr_version_t version, cr_restart_args_t *args)
{
    if (version != CR_RESTART_ARGS_VERSION || args == NULL)
        return cr_api_fail(EINVAL);
    memset(args, 0, sizeof(*args));
    args->cr_version = version;
    args->cr_fd = -1;
    args->cr_flags = CR_RSTRT_RESTORE_PID;
    return 0;
}

static int check_arguments(const cr_restart_args_t *a)
{
    int flags;

    if (a == NULL || a->cr_version != CR_RESTART_ARGS_VERSION || (a->cr_flags & ~FLAGS) != 0 ||
        a->cr_signal < 0 || a->cr_signal > 64 ||
        (a->cr_relocate != NULL && a->cr_relocate->count > CR_MAX_RSTRT_RELOC))
        return cr_api_fail(EINVAL);
    flags = fcntl(a->cr_fd, F_GETFL);
    return flags < 0 || (flags & O_ACCMODE) == O_WRONLY ? cr_api_fail(EBADF) : 0;
}

/* OLD=NEW with = and \ in OLD escaped; NULL: no memory. */
static char *relocation(const struct cr_rstrt_relocate_pair *pair)
{
    char *text = malloc(2 * strlen(pair->oldpath) + strlen(pair->newpath) + 2);
    char *at = text;

    if (text == NULL)
        return NULL;
    for (const char *c = pair->oldpath; *c != '\0'; c++) {
        if (*c == '=' || *c == '\\')
            *at++ = '\\';
        *at++ = *c;
    }
    *at++ = '=';
    strcpy(at, pair->newpath);
    return text;
}

static int start(const cr_restart_args_t *a, char *const *relocations, size_t count)
{
    struct cr_helper helper = {.command = "cr_restart", .image_fd = a->cr_fd, .adopts = 1};
    char image[16];
    char number[16];
    size_t n = 0;

    snprintf(image, sizeof(image), "%d", CR_HELPER_IMAGE_FD);
    snprintf(number, sizeof(number), "%d", a->cr_signal);
    helper.arguments[n++] = "--quiet";
    helper.arguments[n++] = "--fd";
    helper.arguments[n++] = image;
    if ((a->cr_flags & CR_RSTRT_RESTORE_PID) == 0)
        helper.arguments[n++] = "--no-restore-pid";
    if ((a->cr_flags & CR_RSTRT_RESTORE_PGID) != 0)
        helper.arguments[n++] = "--restore-pgid";
    if ((a->cr_flags & CR_RSTRT_RESTORE_SID) != 0)
        helper.arguments[n++] = "--restore-sid";
    if (a->cr_signal != 0) {
        helper.arguments[n++] = "--signal";
        helper.arguments[n++] = number;
    }
    for (size_t i = 0; i < count; i++) {
        helper.arguments[n++] = "--relocate";
        helper.arguments[n++] = relocations[i];
    }
    return cr_helper_start(&helper);
}

CR_EXPORT int cr_request_restart(cr_restart_args_t *args, cr_restart_handle_t *handle)
{
    char *relocations[CR_MAX_RSTRT_RELOC] = {NULL};
    size_t count = 0;
    int fd = -ENOMEM;

    if (!cr_available())
        return cr_api_fail(ENOSYS);
    if (handle == NULL || check_arguments(args) < 0)
        return handle == NULL ? cr_api_fail(EINVAL) : -1;
    if (cr_api_in_callback())
        return cr_api_fail(EBUSY);
    while (args->cr_relocate != NULL && count < args->cr_relocate->count) {
        relocations[count] = relocation(&args->cr_relocate->path[count]);
        if (relocations[count] == NULL)
            break;
        count++;
    }
    if (args->cr_relocate == NULL || count == args->cr_relocate->count)
        fd = start(args, relocations, count);
    for (size_t i = 0; i < count; i++)
        free(relocations[i]);
    if (fd < 0)
        return cr_api_fail(-fd);
    *handle = (cr_restart_handle_t)fd;
    return 0;
}

CR_EXPORT int cr_wait_restart(cr_restart_handle_t *handle, struct timeval *timeout)
{
    return cr_handle_wait(handle, timeout);
}

CR_EXPORT int cr_log_restart(cr_restart_handle_t *handle, unsigned int length, char *buffer)
{
    return cr_handle_log(handle, length, buffer);
}

CR_EXPORT int cr_reap_restart(cr_restart_handle_t *handle)
{
    return cr_handle_reap(handle);
}

CR_EXPORT int cr_poll_restart_msg(cr_restart_handle_t *handle, struct timeval *timeout,
                                  char **message)
{
    return cr_handle_poll(handle, timeout, message);
}

CR_EXPORT int cr_poll_restart(cr_restart_handle_t *handle, struct timeval *timeout)
{
    return cr_handle_poll(handle, timeout, NULL);
}
