/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the process as a whole is put back; a working directory that is gone is reported. */
#include "state_support.h"

#include "cr_state_check.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char directory[] = "/tmp/state_process_XXXXXX";

static void test_put_back(void)
{
    struct fixture f;
    char now[200];

    if (chdir(directory) != 0)
        return;
    umask(027);
    personality(ADDR_NO_RANDOMIZE);
    setpriority(PRIO_PROCESS, 0, 3);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_process_collect(&f.state, &f.err)) == 0, "the process is collected");
    tap_ok(umask(0) == 027, "and its umask is as it was");
    if (chdir("/") != 0)
        return;
    personality(0);
    prctl(PR_SET_DUMPABLE, 0);
    setpriority(PRIO_PROCESS, 0, 5);
    tap_ok(fixture_say(&f, cr_process_put_back(&f.state, &f.err)) == 0, "and put back");
    tap_equal_text(getcwd(now, sizeof(now)), directory, "the working directory is back");
    tap_ok(umask(0) == 027, "the umask is back");
    tap_ok(personality(0xffffffff) == ADDR_NO_RANDOMIZE, "the personality is back");
    tap_ok(prctl(PR_GET_DUMPABLE) == 1, "the process may be dumped again");
    if (getuid() == 0)
        tap_equal_u64(getpriority(PRIO_PROCESS, 0), 3, "the nice value is back");
    fixture_end(&f);
}

static void *put_back_thread(void *argument)
{
    int *nice_value = argument;

    setpriority(PRIO_PROCESS, 0, 10);
    personality(0);
    cr_state_put_back_thread();
    *nice_value = getpriority(PRIO_PROCESS, 0);
    return personality(0xffffffff) == ADDR_NO_RANDOMIZE ? argument : NULL;
}

/* Collected and put back by the agent, which is not the main thread. */
static void *run_agent(void *argument)
{
    struct fixture *f = argument;

    personality(0);
    return fixture_say(f, cr_process_collect(&f->state, &f->err)) == 0 ? f : NULL;
}

static void test_threads(void)
{
    struct fixture f;
    pthread_t thread;
    void *good;
    int nice_value = 0;

    personality(ADDR_NO_RANDOMIZE);
    fixture_begin(&f);
    pthread_create(&thread, NULL, run_agent, &f);
    pthread_join(thread, &good);
    tap_ok(good != NULL, "another thread collects");
    pthread_create(&thread, NULL, put_back_thread, &nice_value);
    pthread_join(thread, &good);
    tap_ok(good != NULL, "each thread gets back what the main thread had");
    if (getuid() == 0)
        tap_equal_u64(nice_value, getpriority(PRIO_PROCESS, 0), "its nice value too");
    fixture_end(&f);
}

static void test_not_dumpable(void)
{
    struct fixture f;
    int rc;

    prctl(PR_SET_DUMPABLE, 0);
    fixture_begin(&f);
    rc = cr_process_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED, "a process that must not be dumped is refused");
    fixture_end(&f);
    prctl(PR_SET_DUMPABLE, 1);
}

static void test_directory_gone(void)
{
    struct fixture f;
    int rc;

    if (chdir(directory) != 0)
        return;
    fixture_begin(&f);
    rc = cr_process_collect(&f.state, &f.err);
    rmdir(directory);
    rc = rc == 0 ? cr_state_check_files(&f.state, &f.err) : rc;
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EFILEMISSING && strstr(f.err.text, directory) != NULL,
           "a working directory that is gone is found before a restart");
    if (chdir("/") != 0)
        return;
    rc = cr_process_put_back(&f.state, &f.err);
    tap_ok(rc == -CR_EFILEMISSING, "and when it is put back");
    fixture_end(&f);
}

static void test_directory_deleted_now(void)
{
    struct fixture f;
    int rc;

    if (mkdir(directory, 0700) != 0 || chdir(directory) != 0 || rmdir(directory) != 0)
        return;
    fixture_begin(&f);
    rc = cr_process_collect(&f.state, &f.err);
    printf("# %s\n", f.err.text);
    tap_ok(rc == -CR_EREFUSED, "a checkpoint in a deleted directory is refused");
    fixture_end(&f);
}

int main(void)
{
    if (mkdtemp(directory) == NULL)
        tap_skip_all("no directory in /tmp");
    test_put_back();
    test_threads();
    test_not_dumpable();
    test_directory_gone();
    test_directory_deleted_now();
    return tap_done();
}
