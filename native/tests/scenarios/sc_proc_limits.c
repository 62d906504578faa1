/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits, lower and higher than those of whoever restarts, and the badness that the kernel sees. */
#include "scenario.h"

#include <fcntl.h>
#include <sys/resource.h>

#define LIMITS 5

static const int KINDS[LIMITS] = {RLIMIT_NOFILE, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_STACK,
                                  RLIMIT_NICE};
static struct rlimit wanted[LIMITS];

static int read_oom(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "re");
    int value = -5000;

    if (file == NULL || fscanf(file, "%d", &value) != 1)
        sc_fail("no oom_score_adj");
    fclose(file);
    return value;
}

static void set_up(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "we");

    for (int i = 0; i < LIMITS; i++) {
        getrlimit(KINDS[i], &wanted[i]);
        if (wanted[i].rlim_cur > 700 + (unsigned)i)
            wanted[i].rlim_cur = 700 + (unsigned)i;
    }
    /* Above what a shell has by default. */
    wanted[0].rlim_cur = wanted[0].rlim_max < 4096 ? wanted[0].rlim_max : 4096;
    wanted[2].rlim_cur = 123456789;
    wanted[3].rlim_cur = 5UL << 20;
    for (int i = 0; i < LIMITS; i++)
        if (setrlimit(KINDS[i], &wanted[i]) != 0)
            sc_fail("cannot set limit %d", KINDS[i]);
    if (file == NULL || fprintf(file, "321") < 0 || fclose(file) != 0)
        sc_fail("cannot set oom_score_adj");
}

int main(int argc, char **argv)
{
    struct rlimit now;
    int high;

    sc_init(argc, argv, "resource limits stay");
    set_up();
    high = fcntl(open("/dev/null", O_RDWR), F_DUPFD, (int)wanted[0].rlim_cur - 60);
    sc_ready();
    sc_wait();
    for (int i = 0; i < LIMITS; i++) {
        getrlimit(KINDS[i], &now);
        if (now.rlim_cur != wanted[i].rlim_cur || now.rlim_max != wanted[i].rlim_max)
            sc_fail("limit %d is %ld of %ld, was %ld of %ld", KINDS[i], (long)now.rlim_cur,
                    (long)now.rlim_max, (long)wanted[i].rlim_cur, (long)wanted[i].rlim_max);
    }
    if (read_oom() != 321)
        sc_fail("oom_score_adj is %d", read_oom());
    if (fcntl(high, F_GETFD) < 0)
        sc_fail("descriptor %d is gone", high);
    sc_pass();
}
