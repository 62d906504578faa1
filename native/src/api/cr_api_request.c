/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. Requests for checkpoints: the command cr_checkpoint works for them. */
#include "cr_api.h"
#include "cr_api_handle.h"
#include "cr_api_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLAGS                                                                                      \
    (CR_CHKPT_PROHIBIT_SELF | CR_CHKPT_PTRACED_ALLOW | CR_CHKPT_PTRACED_SKIP |                     \
     CR_CHKPT_PTRACER_SKIP | CR_CHKPT_ASYNC_ERR | CR_CHKPT_DUMP_ALL)
#define NUMBER_SIZE 16

CR_EXPORT int cri_init_checkpoint_args_t(cr_version_t version, cr_checkpoint_args_t *args)
{
    if (version != CR_CHECKPOINT_ARGS_VERSION || args == NULL)
        return cr_api_fail(EINVAL);
    memset(args, 0, sizeof(*args));
    args->cr_version = version;
    args->cr_scope = (cr_scope_t)-1;
    args->cr_fd = -1;
    return 0;
}

static int check_signal(int number)
{
    if (number == -SIGSTOP || number == -SIGABRT)
        return 0;
    return number < 0 || number > 64 ? cr_api_fail(EINVAL) : 0;
}

static int check_arguments(const cr_checkpoint_args_t *a)
{
    const unsigned both = CR_CHKPT_PTRACED_ALLOW | CR_CHKPT_PTRACED_SKIP;

    if (a == NULL || a->cr_version != CR_CHECKPOINT_ARGS_VERSION || (int)a->cr_scope < 0 ||
        (int)a->cr_scope > CR_SCOPE_TREE || a->cr_target < 0 || (a->cr_flags & ~FLAGS) != 0 ||
        (a->cr_flags & both) == both)
        return cr_api_fail(EINVAL);
    if (check_signal(a->cr_signal) < 0)
        return -1;
    if (a->cr_fd == CR_DEST_CWD)
        return 0;
    if (a->cr_fd < 0 || (fcntl(a->cr_fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
        return cr_api_fail(EBADF);
    return 0;
}

/* The parent of PID, or 0. */
static pid_t parent_of(pid_t pid)
{
    char path[64];
    char text[512] = "";
    const char *at;
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(text, sizeof(text), file) != NULL && (at = strrchr(text, ')')) != NULL &&
        sscanf(at + 1, " %*c %d", &parent) != 1)
        parent = 0;
    fclose(file);
    return parent;
}

static int includes_self(cr_scope_t scope, pid_t target)
{
    pid_t pid = getpid();

    if (scope != CR_SCOPE_TREE)
        return target == cr_api_own(scope);
    while (pid > 1 && pid != target)
        pid = parent_of(pid);
    return pid == target;
}

/* What can be known before the helper is asked. */
static int check_target(const cr_checkpoint_args_t *a, pid_t target)
{
    int rc = 0;

    if ((a->cr_flags & CR_CHKPT_PROHIBIT_SELF) != 0 && includes_self(a->cr_scope, target))
        return cr_api_fail(EDEADLK);
    if ((a->cr_flags & CR_CHKPT_ASYNC_ERR) != 0)
        return 0;
    if (a->cr_scope == CR_SCOPE_PROC || a->cr_scope == CR_SCOPE_TREE)
        rc = kill(target, 0);
    else if (a->cr_scope == CR_SCOPE_PGRP)
        rc = kill(-target, 0);
    return rc;
}

struct words {
    struct cr_helper helper;
    size_t count;
    char numbers[4][NUMBER_SIZE];
    size_t number_count;
};

static void add(struct words *w, const char *word)
{
    w->helper.arguments[w->count++] = word;
}

static void add_number(struct words *w, const char *option, unsigned long number)
{
    char *text = w->numbers[w->number_count++];

    snprintf(text, NUMBER_SIZE, "%lu", number);
    if (option != NULL)
        add(w, option);
    add(w, text);
}

static void add_flags(struct words *w, unsigned flags)
{
    static const struct {
        unsigned flag;
        const char *word;
    } words[] = {
        {CR_CHKPT_PTRACED_ALLOW, "--ptraced-allow"}, {CR_CHKPT_PTRACED_SKIP, "--ptraced-skip"},
        {CR_CHKPT_PTRACER_SKIP, "--ptracer-skip"},   {CR_CHKPT_DUMP_EXEC, "--save-exe"},
        {CR_CHKPT_DUMP_PRIVATE, "--save-private"},   {CR_CHKPT_DUMP_SHARED, "--save-shared"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if ((flags & words[i].flag) != 0)
            add(w, words[i].word);
}

static void make_words(struct words *w, const cr_checkpoint_args_t *a, pid_t target)
{
    static const char *const scopes[] = {"--pid", "--pgid", "--sid", "--tree"};

    w->helper.command = "cr_checkpoint";
    w->helper.image_fd = a->cr_fd == CR_DEST_CWD ? -1 : a->cr_fd;
    add(w, "--quiet");
    add(w, scopes[a->cr_scope]);
    if (a->cr_fd == CR_DEST_CWD)
        add(w, "--cwd");
    else
        add_number(w, "--fd", CR_HELPER_IMAGE_FD);
    if (a->cr_signal > 0)
        add_number(w, "--signal", (unsigned long)a->cr_signal);
    else if (a->cr_signal < 0)
        add(w, a->cr_signal == -SIGSTOP ? "--early-stop" : "--early-abrt");
    if (a->cr_timeout != 0)
        add_number(w, "--time", a->cr_timeout);
    add_flags(w, a->cr_flags);
    add_number(w, NULL, (unsigned long)target);
}

CR_EXPORT int cr_request_checkpoint(cr_checkpoint_args_t *args, cr_checkpoint_handle_t *handle)
{
    struct words words = {0};
    pid_t target;
    int fd;

    if (!cr_available())
        return cr_api_fail(ENOSYS);
    if (handle == NULL || check_arguments(args) < 0)
        return handle == NULL ? cr_api_fail(EINVAL) : -1;
    if (cr_api_in_callback())
        return cr_api_fail(EBUSY);
    target = args->cr_target != 0 ? args->cr_target : cr_api_own(args->cr_scope);
    if (check_target(args, target) < 0)
        return -1;
    make_words(&words, args, target);
    fd = cr_helper_start(&words.helper);
    if (fd < 0)
        return cr_api_fail(-fd);
    *handle = (cr_checkpoint_handle_t)fd;
    return 0;
}

CR_EXPORT int cr_wait_checkpoint(cr_checkpoint_handle_t *handle, struct timeval *timeout)
{
    return cr_handle_wait(handle, timeout);
}

CR_EXPORT int cr_log_checkpoint(cr_checkpoint_handle_t *handle, unsigned int length, char *buffer)
{
    return cr_handle_log(handle, length, buffer);
}

CR_EXPORT int cr_reap_checkpoint(cr_checkpoint_handle_t *handle)
{
    return cr_handle_reap(handle);
}

CR_EXPORT int cr_poll_checkpoint_msg(cr_checkpoint_handle_t *handle, struct timeval *timeout,
                                     char **message)
{
    return cr_handle_poll(handle, timeout, message);
}

CR_EXPORT int cr_poll_checkpoint(cr_checkpoint_handle_t *handle, struct timeval *timeout)
{
    return cr_handle_poll(handle, timeout, NULL);
}

/* ---- deprecated ---- */

CR_EXPORT void cr_request_fd(int fd)
{
    static cr_checkpoint_handle_t last;
    struct timeval moment = {0, 1000};
    cr_checkpoint_args_t args;

    if (last != 0)
        cr_reap_checkpoint(&last);
    cr_initialize_checkpoint_args_t(&args);
    args.cr_scope = CR_SCOPE_PROC;
    args.cr_fd = fd;
    if (cr_request_checkpoint(&args, &last) < 0) {
        fprintf(stderr, "libcr: cannot checkpoint into descriptor %d: %s\n", fd,
                cr_strerror(errno));
        abort();
    }
    while (cr_agent_status() == CR_STATE_IDLE && cr_wait_checkpoint(&last, &moment) == 0)
        ;
}
