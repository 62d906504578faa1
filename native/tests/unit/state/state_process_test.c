/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to the process as a whole is put back; a working directory that is gone is reported. */
#include "state_support.h"

#include "cr_state_check.h"
#include "cr_state_thread.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/state_process_XXXXXX";

static void test_put_back(void)
{
    struct fixture f;
    char now[200];

    if (chdir(directory) != 0)
        return;
    umask(027);
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_process_collect(&f.state, &f.err)) == 0, "the process is collected");
    tap_ok(umask(0) == 027, "and its umask is as it was");
    if (chdir("/") != 0)
        return;
    prctl(PR_SET_DUMPABLE, 0);
    tap_ok(fixture_say(&f, cr_process_put_back(&f.state, &f.err)) == 0, "and put back");
    tap_equal_text(getcwd(now, sizeof(now)), directory, "the working directory is back");
    tap_ok(umask(0) == 027, "the umask is back");
    tap_ok(prctl(PR_GET_DUMPABLE) == 1, "the process may be dumped again");
    fixture_end(&f);
}

static void *change_and_put_back(void *argument)
{
    struct cr_attributes saved;
    int *nice_value = argument;

    personality(ADDR_NO_RANDOMIZE);
    setpriority(PRIO_PROCESS, 0, 4);
    prctl(PR_SET_PDEATHSIG, 12);
    cr_attributes_save(&saved);
    setpriority(PRIO_PROCESS, 0, 10);
    personality(0);
    prctl(PR_SET_PDEATHSIG, 0);
    cr_attributes_restore(&saved);
    *nice_value = getpriority(PRIO_PROCESS, 0);
    return saved.failed == NULL && personality(0xffffffff) == ADDR_NO_RANDOMIZE ? argument : NULL;
}

static void test_threads(void)
{
    pthread_t thread;
    void *good;
    int nice_value = 0;

    personality(0);
    pthread_create(&thread, NULL, change_and_put_back, &nice_value);
    pthread_join(thread, &good);
    tap_ok(good != NULL, "a thread gets back what it had");
    tap_ok(personality(0xffffffff) == 0, "and no other thread does");
    if (getuid() == 0)
        tap_equal_u64(nice_value, 4, "its nice value too");
}

/* In a child, which becomes somebody else and cannot come back. */
static void test_credentials(void)
{
    struct cr_attributes saved;
    struct cr_error err = {0};
    int status = 0;
    pid_t child;

    if (getuid() != 0)
        return;
    child = fork();
    if (child == 0) {
        cr_attributes_save(&saved);
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(3);
        cr_attributes_restore(&saved);
        printf("# %d %s\n", cr_attributes_check(&saved, 7, &err), err.text);
        fflush(stdout);
        _exit(err.code == CR_EPERMISSION && strstr(err.text, "user ids") != NULL ? 0 : 1);
    }
    waitpid(child, &status, 0);
    tap_ok(status == 0, "rights that a restart cannot give back are refused");
}

/* cr_restart looks at the note before it makes any process. */
static void test_credentials_note(void)
{
    struct cr_credentials own;
    struct fixture f;
    int status = 0;
    pid_t child;

    cr_credentials_save(&own);
    fixture_begin(&f);
    tap_ok(fixture_say(&f, cr_credentials_collect(&f.state, &own, &f.err)) == 0,
           "who the program is goes into a note");
    tap_ok(fixture_say(&f, cr_credentials_check(&f.state, &f.err)) == 0,
           "the same user may restart");
    child = getuid() == 0 ? fork() : -1;
    if (child == 0) {
        int rc = setresuid(65534, 65534, 65534) == 0 ? cr_credentials_check(&f.state, &f.err) : 0;
        printf("# %s\n", f.err.text);
        fflush(stdout);
        _exit(rc == -CR_EPERMISSION ? 0 : 1);
    }
    if (child > 0) {
        waitpid(child, &status, 0);
        tap_ok(status == 0, "another one may not");
    }
    fixture_end(&f);
}

/* What is above the limits of the restart is an error, but for the hard limits. */
static void test_limits(void)
{
    const struct rlimit saved = {500, 600};
    const struct rlimit lower = {100, 200};
    struct rlimit now;
    struct fixture f;
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        setrlimit(RLIMIT_NOFILE, &saved);
        fixture_begin(&f);
        status |= cr_limits_collect(&f.state, &f.err) != 0;
        setrlimit(RLIMIT_NOFILE, &lower);
        status |= getuid() == 0 && setresuid(65534, 65534, 65534) != 0;
        cr_limits_raise(&f.state, &f.err);
        getrlimit(RLIMIT_NOFILE, &now);
        status |= (now.rlim_cur != lower.rlim_max) << 1;
        status |= (cr_limits_put_back(&f.state, &f.err) != -CR_EPERMISSION) << 2;
        printf("# %s\n", f.err.text);
        fflush(stdout);
        _exit(status | (strstr(f.err.text, "open files was 500") == NULL) << 3);
    }
    waitpid(child, &status, 0);
    tap_equal_u64((uint64_t)status, 0,
                  "a soft limit above the restart's is an error with its name");
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
    test_credentials();
    test_credentials_note();
    test_limits();
    test_not_dumpable();
    test_directory_gone();
    test_directory_deleted_now();
    return tap_done();
}
