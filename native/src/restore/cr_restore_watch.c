/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * context: normal. From the moment when all processes are made until all run: each reports on its
 * socket how far it is, and is told when all others are as far.
 */
#include "cr_restore_group_parts.h"

#include "cr_sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Reading in a large image takes its time; a process that does nothing in it is looked at. */
#define PATIENCE_MS 600000
#define STOP_PATIENCE_MS 10000

static int failure_code(const struct cr_return_report *report, uint32_t stage)
{
    if (stage == CR_RETURN_CALLED)
        return CR_ERSTRTABRT;
    return report->code != 0 ? report->code : CR_EPROTOCOL;
}

/* The process has ended without a word. */
static int tell_end(const struct cr_restore_group *g, const struct cr_kin *k, uint32_t stage,
                    struct cr_error *err)
{
    int rc = cr_board_failed(g, err);

    if (rc < 0)
        return rc;
    if (stage == CR_RETURN_CALLED)
        return cr_fail(err, CR_ERSTRTABRT, "%s ended in a callback", cr_group_name(k));
    return cr_fail(err, CR_ERANKLOST, "%s ended before it was back", cr_group_name(k));
}

/* What process K has said; a hang-up says that it is dead. */
static int take_report(struct cr_restore_group *g, size_t index, uint32_t stage,
                       struct cr_error *err)
{
    struct cr_kin *k = &g->kin[index];
    struct cr_return_report report;
    ssize_t n;

    do
        n = recv(k->socket, &report, sizeof(report), 0);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof(report))
        return tell_end(g, k, stage, err);
    report.text[sizeof(report.text) - 1] = '\0';
    if (report.stage != stage)
        return cr_fail(err, failure_code(&report, stage), "%s: %s", cr_group_name(k), report.text);
    return 1;
}

static size_t list_awaited(const struct cr_restore_group *g, const uint32_t *reached,
                           uint32_t stage, struct pollfd *fds, size_t *who)
{
    size_t n = 0;

    for (size_t i = 0; i < g->kin_count; i++) {
        if (g->kin[i].socket < 0 || reached[i] >= stage)
            continue;
        fds[n] = (struct pollfd){g->kin[i].socket, POLLIN, 0};
        who[n++] = i;
    }
    return n;
}

static int await_stage(struct cr_restore_group *g, uint32_t stage, uint32_t *reached,
                       struct pollfd *fds, size_t *who, struct cr_error *err)
{
    size_t n;

    while ((n = list_awaited(g, reached, stage, fds, who)) > 0) {
        int ready = poll(fds, n, PATIENCE_MS);
        if (ready == 0)
            return cr_fail(err, CR_ETIMEOUT, "%s does not come back",
                           cr_group_name(&g->kin[who[0]]));
        for (size_t i = 0; ready > 0 && i < n; i++) {
            int rc = fds[i].revents != 0 ? take_report(g, who[i], stage, err) : 0;
            if (rc < 0)
                return rc;
            if (rc > 0)
                reached[who[i]] = stage;
        }
    }
    return 0;
}

static void send_order(const struct cr_restore_group *g, uint32_t stage)
{
    const struct cr_return_order order = {stage};

    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].socket >= 0)
            send(g->kin[i].socket, &order, sizeof(order), MSG_NOSIGNAL);
}

static void send_signal(const struct cr_restore_group *g)
{
    for (size_t i = 0; g->options.signal != 0 && i < g->kin_count; i++)
        if (g->kin[i].kind == CR_KIN_PROCESS)
            kill(cr_handoff_members(g->handoff)[i].kernel_pid, g->options.signal);
}

/* Who was stopped is so again before anybody runs. */
static int await_stops(struct cr_restore_group *g, struct cr_error *err)
{
    const struct timespec pause = {0, 1000000};

    for (size_t i = 0; g->options.signal == 0 && i < g->kin_count; i++) {
        int pid = cr_handoff_members(g->handoff)[i].kernel_pid;
        int left = STOP_PATIENCE_MS;
        while (g->kin[i].stopped && g->kin[i].kind == CR_KIN_PROCESS &&
               cr_group_state_of(pid) != 'T') {
            if (left-- == 0)
                return cr_fail(err, CR_ETIMEOUT, "%s does not stop", cr_group_name(&g->kin[i]));
            nanosleep(&pause, NULL);
        }
    }
    return 0;
}

static int run_stages(struct cr_restore_group *g, uint32_t *reached, struct pollfd *fds,
                      size_t *who, struct cr_error *err)
{
    int rc = await_stage(g, CR_RETURN_STANDS, reached, fds, who, err);

    if (rc < 0)
        return rc;
    send_order(g, CR_RETURN_STANDS);
    rc = await_stage(g, CR_RETURN_COMPLETE, reached, fds, who, err);
    if (rc < 0)
        return rc;
    send_signal(g);
    send_order(g, CR_RETURN_COMPLETE);
    /* What a signal does to callbacks is the user's will. */
    rc = g->options.signal != 0 ? 0 : await_stage(g, CR_RETURN_CALLED, reached, fds, who, err);
    if (rc == 0)
        rc = await_stops(g, err);
    if (rc == 0)
        send_order(g, CR_RETURN_CALLED);
    return rc;
}

int cr_group_watch(struct cr_restore_group *g, struct cr_error *err)
{
    uint32_t *reached = calloc(g->kin_count, sizeof(*reached));
    struct pollfd *fds = calloc(g->kin_count, sizeof(*fds));
    size_t *who = calloc(g->kin_count, sizeof(*who));
    int rc = -ENOMEM;

    if (reached != NULL && fds != NULL && who != NULL)
        rc = run_stages(g, reached, fds, who, err);
    else
        cr_fail(err, ENOMEM, "no memory to watch the processes");
    for (size_t i = 0; i < g->kin_count; i++)
        if (g->kin[i].socket >= 0)
            close(g->kin[i].socket);
    free(reached);
    free(fds);
    free(who);
    return rc;
}

void cr_group_kill(struct cr_restore_group *g)
{
    cr_board_fail(g, -1, CR_ECANCELLED, "the restart was given up");
    for (size_t i = 0; i < g->kin_count; i++) {
        int pid = cr_handoff_members(g->handoff)[i].kernel_pid;
        if (pid > 0)
            kill(pid, SIGKILL);
    }
}
