/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. Images that are written to a disk of this node first: their directory, and their way to the directory that all
 * nodes share, for which cr_move is started. When crnode dies, cr_move goes on.
 */
#include "cr_fmt.h"
#include "cr_node.h"
#include "cr_node_start.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PRIVATE 0700
#define FOR_OTHERS 022

extern char **environ;

/* ---- the directory ---- */

/* What an attempt of old has left: images, whole or half. Nothing else is touched. */
static void remove_old(int folder, const char *name)
{
    int old = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *entries = old >= 0 ? fdopendir(old) : NULL;
    const struct dirent *entry;

    if (entries == NULL) {
        if (old >= 0)
            close(old);
        return;
    }
    while ((entry = readdir(entries)) != NULL) {
        if (strncmp(entry->d_name, "rank-", sizeof("rank-") - 1) == 0)
            unlinkat(old, entry->d_name, 0);
    }
    closedir(entries);
    unlinkat(folder, name, AT_REMOVEDIR);
}

/* SEQUENCE-ROUND: one that no checkpoint needs any more, or of an attempt that has failed. */
static int is_old(const char *name, const quiesce_wire_Begin *begin)
{
    const char *at = name;
    uint64_t sequence = cr_parse_u64(&at, 10);

    if (at == name || *at != '-')
        return 0;
    return sequence < begin->keep_from || sequence == begin->sequence;
}

static int sweep(int folder, const quiesce_wire_Begin *begin)
{
    DIR *entries = fdopendir(folder);
    const struct dirent *entry;

    if (entries == NULL) {
        close(folder);
        return -errno;
    }
    while ((entry = readdir(entries)) != NULL) {
        if (is_old(entry->d_name, begin))
            remove_old(folder, entry->d_name);
    }
    closedir(entries);
    return 0;
}

/* Makes what is missing of PATH above its last part, and returns the directory that holds that part. */
static int open_parent(const char *path, struct cr_error *err)
{
    char parent[PATH_MAX];
    struct stat s;
    char *slash;
    int fd;

    cr_str_copy(parent, sizeof(parent), path);
    for (slash = strchr(parent + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(parent, PRIVATE) < 0 && errno != EEXIST)
            return cr_fail(err, CR_EWRITE, "cannot make %s: %s", parent, strerror(errno));
        *slash = '/';
    }
    *strrchr(parent, '/') = '\0';
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) < 0)
        return cr_fail(err, CR_EWRITE, "cannot open %s: %s", parent, strerror(errno));
    if (s.st_uid == geteuid() && (s.st_mode & FOR_OTHERS) == 0)
        return fd;
    close(fd);
    return cr_fail(err, CR_EPERMISSION, "%s is not yours alone; remove it, or name another --store",
                   parent);
}

int cr_node_move_prepare(const struct cr_node *node, const quiesce_wire_Begin *begin,
                         struct cr_error *err)
{
    int folder = open_parent(begin->directory, err);
    int rc = folder < 0 ? folder : sweep(folder, begin);

    if (folder >= 0 && rc < 0)
        rc = cr_fail(err, CR_EWRITE, "cannot read what is beside %s", begin->directory);
    if (rc == 0 && mkdir(begin->directory, PRIVATE) < 0)
        rc = cr_fail(err, CR_EWRITE, "cannot make %s: %s", begin->directory, strerror(errno));
    return rc < 0 ? cr_error_prefix(err, "on host %s", node->record.host) : 0;
}

/* ---- moving ---- */

int cr_node_move_runs(const struct cr_node *node)
{
    return node->move.process.fd >= 0;
}

static void answer(struct cr_node *node, const char *from, int error, const char *text)
{
    quiesce_wire_Moved *moved = &node->out.body.moved;

    cr_node_log("%s: %s", from, error == 0 ? "all images are moved" : text);
    memset(&node->out, 0, sizeof(node->out));
    node->out.which_body = quiesce_wire_Frame_moved_tag;
    cr_str_copy(moved->from, sizeof(moved->from), from);
    moved->error = error;
    cr_str_copy(moved->text, sizeof(moved->text), text);
    cr_node_peer_send_all(node, &node->out);
}

/* The last line that cr_move has said, without its name. */
static const char *read_words(struct cr_node_move *move, char *text, size_t size)
{
    static const char NAME[] = "cr_move: ";
    ssize_t n = read(move->pipe, text, size - 1);
    char *end;

    text[n > 0 ? n : 0] = '\0';
    close(move->pipe);
    move->pipe = -1;
    end = strchr(text, '\n');
    if (end != NULL)
        *end = '\0';
    if (text[0] == '\0')
        return "cr_move was ended";
    return strncmp(text, NAME, sizeof(NAME) - 1) == 0 ? text + sizeof(NAME) - 1 : text;
}

/* Waits for the process, which has ended or was killed. Returns whether it has moved everything. */
static int reap(struct cr_node *node)
{
    siginfo_t info = {0};
    int rc = waitid(P_PIDFD, (id_t)node->move.process.fd, &info, WEXITED);

    cr_loop_close(&node->loop, &node->move.process);
    return rc == 0 && info.si_code == CLD_EXITED && info.si_status == 0;
}

static void move_ended(struct cr_watch *watch, uint32_t events)
{
    struct cr_node_move *move = cr_watch_of(watch, struct cr_node_move, process);
    struct cr_node *node = cr_watch_of(move, struct cr_node, move);
    char text[CR_ERROR_TEXT_MAX];
    int good = reap(node);
    const char *words = read_words(move, text, sizeof(text));

    (void)events;
    answer(node, move->from, good ? 0 : CR_EWRITE, good ? "" : words);
}

/* The program beside our own. Returns the pid, or -errno. */
static pid_t spawn(const quiesce_wire_Move *order, int output)
{
    char program[PATH_MAX];
    char *words[] = {program, (char *)order->from, (char *)order->to, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - sizeof("cr_move"));
    pid_t pid = 0;
    int rc;

    if (n < 0)
        return -errno;
    program[n] = '\0';
    strcpy(strrchr(program, '/') + 1, "cr_move");
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    rc = cr_node_start_apart(&attributes);
    rc |= posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc |= posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    rc |= posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    rc |= posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (rc == 0)
        rc = posix_spawn(&pid, program, &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return rc != 0 ? -rc : pid;
}

/* Returns 0 or -errno. */
static int start(struct cr_node *node, const quiesce_wire_Move *order)
{
    struct cr_node_move *move = &node->move;
    int ends[2];
    pid_t pid;
    int fd, rc;

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    pid = spawn(order, ends[1]);
    close(ends[1]);
    fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : pid;
    rc = fd < 0 ? fd : cr_loop_add(&node->loop, &move->process, fd, EPOLLIN, move_ended);
    if (rc == 0) {
        move->pipe = ends[0];
        cr_str_copy(move->from, sizeof(move->from), order->from);
        return 0;
    }
    close(ends[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return rc;
}

/* A newer checkpoint matters more than the one whose images are on their way. */
static void stop(struct cr_node *node, const char *why)
{
    struct cr_node_move *move = &node->move;

    syscall(SYS_pidfd_send_signal, move->process.fd, SIGKILL, NULL, 0);
    reap(node);
    close(move->pipe);
    move->pipe = -1;
    answer(node, move->from, CR_ECANCELLED, why);
}

void cr_node_move_order(struct cr_node *node)
{
    const quiesce_wire_Move *order = &node->in.body.move;
    int rc;

    if (cr_node_move_runs(node)) {
        if (strcmp(node->move.from, order->from) == 0)
            return; /* its end is told to all */
        stop(node, "the images of a newer checkpoint are moved first");
    }
    if (order->from[0] != '/' || order->to[0] != '/') {
        answer(node, order->from, CR_EPROTOCOL, "no absolute directory is named");
        return;
    }
    rc = start(node, order);
    if (rc < 0)
        answer(node, order->from, -rc, cr_error_words(-rc));
    else
        cr_node_log("images in %s are moved to %s", order->from, order->to);
}

void cr_node_move_leave(struct cr_node *node)
{
    if (cr_node_move_runs(node))
        stop(node, "crnode was told to end");
}
