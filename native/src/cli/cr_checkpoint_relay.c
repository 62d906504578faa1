/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* context: normal. */
#include "cr_checkpoint_relay.h"

#include "cr_cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STEP_MICROS 250000
#define SHOW_AFTER_SECONDS 2

static volatile pid_t worker;

/* What the terminal sends goes to the worker as well as to us. */
static void forward(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (number != SIGALRM && info->si_code != SI_KERNEL && worker > 0)
        kill(worker, number);
}

static void catch_signals(int show)
{
    static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};
    const struct itimerval step = {{0, STEP_MICROS}, {0, STEP_MICROS}};
    struct sigaction action = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO};

    for (size_t i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
        sigaction(forwarded[i], &action, NULL);
    if (show)
        setitimer(ITIMER_REAL, &step, NULL);
}

static void draw(const struct cr_checkpoint_progress *p, time_t begun)
{
    struct stat st;
    char size[32] = "";
    long seconds = (long)(time(NULL) - begun);

    if (seconds < SHOW_AFTER_SECONDS)
        return;
    if (p->file[0] != '\0' && stat(p->file, &st) == 0)
        cr_cli_bytes((uint64_t)st.st_blocks * 512, size, sizeof(size));
    fprintf(stderr, "\rcr_checkpoint: %-12s %4ld s  %-12s", p->phase, seconds, size);
}

static void wait_for_worker(const struct cr_checkpoint_progress *progress, int show, int quiet)
{
    time_t begun = time(NULL);
    int status = 0;

    while (waitpid(worker, &status, 0) < 0) {
        /* We are what a restart brought back: the worker was no part of the image. */
        if (errno != EINTR)
            exit(0);
        if (show)
            draw(progress, begun);
    }
    if (show && time(NULL) - begun >= SHOW_AFTER_SECONDS)
        fprintf(stderr, "\r%60s\r", "");
    if (WIFSIGNALED(status) && !quiet)
        fprintf(stderr, "cr_checkpoint: its worker was ended by signal %d; nothing was saved\n",
                WTERMSIG(status));
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

void cr_checkpoint_relay(int show, int quiet, struct cr_checkpoint_progress **ret_progress)
{
    struct cr_checkpoint_progress *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t own = getpid();

    if (shared == MAP_FAILED || (worker = fork()) < 0) {
        fprintf(stderr, "cr_checkpoint: cannot make a process: %s\n", strerror(errno));
        exit(errno & 255);
    }
    if (worker > 0) {
        catch_signals(show);
        wait_for_worker(shared, show, quiet);
    }
    /* A checkpoint that nobody waits for is given up. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != own)
        exit(1);
    *ret_progress = shared;
}
