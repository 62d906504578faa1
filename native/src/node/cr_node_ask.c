/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Checkpoints that the application itself asks for: crnode runs `quiesce checkpoint` of its own installation,
 * and the rank asks again and again what has become of it, since no image may hold a connection.
 */
#include "cr_fmt.h"
#include "cr_node.h"
#include "cr_node_start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 1024
#define WORDS_MAX 1024
#define STATUS_BUSY 4
#define STATUS_TIMEOUT 5

/* ---- what the command has said ---- */

static void read_output(struct cr_node_ask *ask)
{
    size_t room = sizeof(ask->output) - 1;
    size_t used = 0;
    ssize_t n;

    while (used < room && (n = read(ask->pipe, ask->output + used, room - used)) > 0)
        used += (size_t)n;
    ask->output[used] = '\0';
    close(ask->pipe);
    ask->pipe = -1;
}

/* The last line of TEXT that is not empty; cuts it off at its end. */
static const char *last_line(char *text)
{
    size_t end = strlen(text);

    while (end > 0 && text[end - 1] == '\n')
        text[--end] = '\0';
    while (end > 0 && text[end - 1] != '\n')
        end--;
    return text + end;
}

/* "SEQUENCE REFERENCE" */
static int take_success(quiesce_wire_CheckpointAnswer *answer, char *output)
{
    const char *at = last_line(output);
    const char *begin = at;

    answer->sequence = (uint32_t)cr_parse_u64(&at, 10);
    if (at == begin || at[0] != ' ' || at[1] != '/')
        return -CR_EPROTOCOL;
    cr_str_copy(answer->reference, sizeof(answer->reference), at + 1);
    return 0;
}

static void take_failure(quiesce_wire_CheckpointAnswer *answer, char *output, int status)
{
    static const char prefix[] = "quiesce: ";
    const char *text = last_line(output);

    if (strncmp(text, prefix, sizeof(prefix) - 1) == 0)
        text += sizeof(prefix) - 1;
    if (text[0] == '\0')
        cr_fmt(answer->text, sizeof(answer->text), "quiesce checkpoint ended with status %d",
               status);
    else
        cr_str_copy(answer->text, sizeof(answer->text), text);
    answer->error = status == STATUS_BUSY      ? CR_EBUSY
                    : status == STATUS_TIMEOUT ? CR_ETIMEOUT
                                               : CR_EREFUSED;
}

static void command_ended(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_ask *ask = cr_watch_of(watch, struct cr_node_ask, process);
    struct cr_node *node = cr_watch_of(ask, struct cr_node, ask);
    siginfo_t info = {0};
    int status;

    (void)events;
    if (waitid(P_PIDFD, (id_t)watch->fd, &info, WEXITED) < 0)
        info.si_status = -1;
    status = info.si_code == CLD_EXITED ? info.si_status : -1;
    cr_loop_close(&node->loop, watch);
    read_output(ask);
    ask->answer.done = true;
    if (status != 0 || take_success(&ask->answer, ask->output) < 0)
        take_failure(&ask->answer, ask->output, status);
    cr_node_log("the checkpoint that rank %u has asked for: %s", ask->rank,
                ask->answer.error == 0 ? ask->answer.reference : ask->answer.text);
}

/* ---- running it ---- */

static int find_program(char *ret_path, size_t size, struct cr_error *err)
{
    ssize_t n = readlink("/proc/self/exe", ret_path, size - 32);
    char *slash;

    if (n < 0)
        return cr_fail(err, errno, "cannot read /proc/self/exe");
    ret_path[n] = '\0';
    slash = strrchr(ret_path, '/');
    cr_str_copy(slash, size - (size_t)(slash - ret_path), "/../../bin/quiesce");
    if (access(ret_path, X_OK) == 0)
        return 0;
    return cr_fail(err, CR_ENOAGENT, "no coordinator can be started: %s is missing", ret_path);
}

/* Ours, without what is meant for crnode alone. */
static void make_environment(char *ret_words[], size_t max)
{
    size_t count = 0;

    for (char **e = environ; *e != NULL && count + 1 < max; e++)
        if (strncmp(*e, "CR_FAULT=", 9) != 0)
            ret_words[count++] = *e;
    ret_words[count] = NULL;
}

static int make_actions(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes,
                        int output)
{
    int bad = cr_node_start_apart(attributes);

    bad |= posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    bad |= posix_spawn_file_actions_adddup2(actions, output, 1);
    bad |= posix_spawn_file_actions_adddup2(actions, output, 2);
    bad |= posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return bad;
}

/* Returns the pid, or -errno. */
static pid_t spawn(const struct cr_node *node, char *program, int output)
{
    char *words[] = {program, (char *)"checkpoint", (char *)"--for-rank",
                     (char *)node->dir.directory, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *environment[WORDS_MAX];
    pid_t pid = 0;
    int rc;

    make_environment(environment, WORDS_MAX);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    rc = make_actions(&actions, &attributes, output);
    if (rc == 0)
        rc = posix_spawn(&pid, program, &actions, &attributes, words, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc != 0 ? -rc : pid;
}

static int watch_command(struct cr_node *node, pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    int rc =
        fd >= 0 ? cr_loop_add(&node->loop, &node->ask.process, fd, EPOLLIN, command_ended) : -errno;

    if (rc == 0)
        return 0;
    if (fd >= 0)
        close(fd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return rc;
}

static int start(struct cr_node *node, struct cr_error *err)
{
    char program[PATH_SIZE];
    int ends[2];
    pid_t pid;
    int rc = find_program(program, sizeof(program), err);

    if (rc < 0)
        return rc;
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return cr_fail(err, errno, "no pipe for quiesce checkpoint: %s", cr_error_words(errno));
    pid = spawn(node, program, ends[1]);
    close(ends[1]);
    rc = pid < 0 ? pid : watch_command(node, pid);
    if (rc < 0) {
        close(ends[0]);
        return cr_fail(err, -rc, "no coordinator can be started: %s: %s", program,
                       cr_error_words(-rc));
    }
    node->ask.pipe = ends[0];
    return 0;
}

/* ---- what ranks want ---- */

static int is_running(const struct cr_node_ask *ask)
{
    return ask->answer.ticket != 0 && !ask->answer.done;
}

static void fail(quiesce_wire_CheckpointAnswer *answer, uint64_t ticket, const struct cr_error *err)
{
    *answer = (quiesce_wire_CheckpointAnswer){.ticket = ticket, .done = true, .error = err->code};
    cr_str_copy(answer->text, sizeof(answer->text), err->text);
}

static void begin(struct cr_node *node, const struct cr_node_rank *rank)
{
    struct cr_node_ask *ask = &node->ask;
    struct cr_error err = {0};

    memset(&ask->answer, 0, sizeof(ask->answer));
    ask->answer.ticket = (uint64_t)cr_loop_now_ms() << 16 | ++ask->count;
    ask->rank = rank->rank;
    cr_node_log("rank %u asks for a checkpoint", rank->rank);
    if (start(node, &err) < 0)
        fail(&ask->answer, ask->answer.ticket, &err);
}

void cr_node_ask_answer(struct cr_node *node, const struct cr_node_rank *rank)
{
    quiesce_wire_CheckpointAnswer *answer = &node->out.body.checkpoint_answer;
    uint64_t ticket = node->in.body.checkpoint_request.ticket;
    struct cr_node_ask *ask = &node->ask;
    struct cr_error err = {0};

    memset(&node->out, 0, sizeof(node->out));
    node->out.which_body = quiesce_wire_Frame_checkpoint_answer_tag;
    if (ticket == 0 && !is_running(ask)) {
        begin(node, rank);
        *answer = ask->answer;
    } else if (ticket == 0) {
        cr_fail(&err, CR_EBUSY, "a checkpoint that rank %u has asked for is in progress",
                ask->rank);
        fail(answer, 0, &err);
    } else if (ticket == ask->answer.ticket) {
        *answer = ask->answer;
    } else {
        cr_fail(&err, CR_ENOAGENT,
                "the crnode that was asked for this checkpoint has ended; whether the checkpoint "
                "exists is not known");
        fail(answer, ticket, &err);
    }
}
