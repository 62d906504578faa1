/* SPDX-FileCopyrightText: The Quiesce Authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Names of a job's directories, the key, and the records, without a crnode. */
#include "cr_job_dir.h"
#include "cr_node_reach.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void clear_environment(void)
{
    static const char *const NAMES[] = {"QUIESCE_JOB_DIR",
                                        "QUIESCE_JOB",
                                        "QUIESCE_HOME",
                                        "PMIX_NAMESPACE",
                                        "OMPI_MCA_ess_base_jobid",
                                        "OMPI_MCA_orte_hnp_uri",
                                        "SLURM_JOB_ID",
                                        "SLURM_STEP_ID",
                                        "OMPI_MCA_orte_precondition_transports",
                                        "OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_LOCAL_SIZE",
                                        "SLURM_LAUNCH_NODE_IPADDR"};

    for (size_t i = 0; i < sizeof(NAMES) / sizeof(*NAMES); i++)
        unsetenv(NAMES[i]);
    setenv("HOME", "/home/somebody", 1);
}

/* What is said of a job whose mpirun has these addresses, and of whose four ranks so many are here. */
static const char *reach(const char *mpirun, const char *here, int launcher_is_here)
{
    static char list[CR_NODE_REACH_SIZE];

    clear_environment();
    setenv("OMPI_MCA_orte_hnp_uri", mpirun, 1);
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    setenv("OMPI_COMM_WORLD_LOCAL_SIZE", here, 1);
    cr_node_reach(launcher_is_here, list, sizeof(list));
    return list;
}

static void test_reach(void)
{
    char own[64];
    char list[CR_NODE_REACH_SIZE];

    clear_environment();
    tap_ok(cr_node_reach(0, list, sizeof(list)) == 0 && list[0] == '\0',
           "without a launcher a job stays on its node");
    tap_equal_text(reach("1.0;tcp://127.0.0.1:99", "4", 1), "",
                   "and with all of its ranks beside the launcher as well");
    tap_equal_text(reach("1.0;tcp://127.0.0.1:99", "4", 0), "0.0.0.0",
                   "where only itself can be reached from here, every address may be the one");
    tap_equal_text(reach("1.0;tcp://127.0.0.1,127.0.0.2:99", "2", 1), "0.0.0.0",
                   "ranks elsewhere are no ranks here");
    tap_equal_text(reach("nonsense", "2", 1), "0.0.0.0", "the launcher's words are not understood");
    tap_ok(cr_node_reach_from("127.0.0.1", own, sizeof(own)) == 0 && strcmp(own, "127.0.0.1") == 0,
           "this node speaks to itself from the same address");
    tap_ok(cr_node_reach_from("no.address", own, sizeof(own)) < 0, "a name is no address");
    clear_environment();
}

static void test_names(void)
{
    struct cr_error err;
    struct cr_job_dir a, b;

    clear_environment();
    setenv("PMIX_NAMESPACE", "1234", 1);
    setenv("OMPI_MCA_orte_precondition_transports", "aa-bb", 1);
    tap_ok(cr_job_dir_find(&a, &err) == 0, "a rank of mpirun finds its job");
    tap_ok(strncmp(a.directory, "/home/somebody/.quiesce/jobs/1234-", 34) == 0,
           "below the home, with the launcher's number");
    tap_equal_text(a.job, "1234", "which is the job's name");
    tap_ok(cr_job_dir_find(&b, &err) == 0 && strcmp(a.directory, b.directory) == 0,
           "all ranks name it alike");
    setenv("OMPI_MCA_orte_precondition_transports", "aa-cc", 1);
    tap_ok(cr_job_dir_find(&b, &err) == 0 && strcmp(a.directory, b.directory) != 0,
           "a later launch with the same number is another job");
    setenv("QUIESCE_HOME", "/scratch/q", 1);
    setenv("QUIESCE_JOB", "heat", 1);
    tap_ok(cr_job_dir_find(&b, &err) == 0 &&
               strncmp(b.directory, "/scratch/q/jobs/1234-", 21) == 0 && strcmp(b.job, "heat") == 0,
           "QUIESCE_HOME and QUIESCE_JOB are obeyed");
    setenv("QUIESCE_JOB_DIR", "/x/y//", 1);
    tap_ok(cr_job_dir_find(&b, &err) == 0 && strcmp(b.directory, "/x/y") == 0,
           "QUIESCE_JOB_DIR is taken as it is");
    setenv("QUIESCE_JOB_DIR", "x/y", 1);
    tap_equal_u64(cr_job_dir_find(&b, &err), -CR_EUSAGE, "a relative one is refused");
    clear_environment();
    unsetenv("HOME");
    tap_equal_u64(cr_job_dir_find(&b, &err), -CR_EUSAGE, "without a home there is no place");
}

static void test_run_directory(void)
{
    struct cr_error err;
    struct cr_job_dir a, b;
    char text[700];

    cr_job_dir_at(&a, "/one/job", NULL, &err);
    cr_job_dir_at(&b, "/two/job", NULL, &err);
    tap_ok(strcmp(a.run, b.run) != 0, "two directories of one name have different run directories");
    memset(text, 'x', sizeof(text));
    text[0] = '/';
    text[300] = '\0';
    tap_ok(cr_job_dir_at(&a, text, NULL, &err) == 0 && strlen(a.run) < 90,
           "a long name still leaves room for a socket");
    text[300] = 'x';
    text[600] = '\0';
    tap_equal_u64(cr_job_dir_at(&a, text, NULL, &err), -CR_EUSAGE,
                  "one that is too long is refused");
    text[200] = '\0';
    tap_equal_u64(cr_job_dir_at(&a, "/j", text, &err), -CR_EUSAGE,
                  "a run directory without room for a socket is refused");
}

/* Many processes make the key at once; each prints nothing and compares with what it read first. */
static int race_for_key(const struct cr_job_dir *dir)
{
    uint8_t first[CR_JOB_KEY_SIZE], key[CR_JOB_KEY_SIZE];
    int bad = 0;
    int status;

    for (int i = 0; i < 16; i++) {
        if (fork() == 0) {
            if (cr_job_dir_create(dir, NULL) < 0 || cr_job_dir_read_key(dir, first, NULL) < 0)
                _exit(1);
            usleep(20000);
            _exit(cr_job_dir_read_key(dir, key, NULL) < 0 || memcmp(first, key, sizeof(key)) != 0);
        }
    }
    while (wait(&status) > 0)
        bad |= status;
    return bad;
}

static void test_key(const struct cr_job_dir *dir)
{
    uint8_t key[CR_JOB_KEY_SIZE];
    struct cr_error err;
    char path[600];

    tap_equal_u64(cr_job_dir_read_key(dir, key, &err), -ENOENT, "no key before it is made");
    tap_ok(race_for_key(dir) == 0, "sixteen processes make one key");
    tap_ok(cr_job_dir_read_key(dir, key, &err) == 0, "and it can be read");
    cr_job_dir_path(dir->directory, "key", path, sizeof(path));
    chmod(path, 0644);
    tap_equal_u64(cr_job_dir_read_key(dir, key, &err), -CR_EPERMISSION,
                  "a key that others can read is refused");
    chmod(path, 0600);
    tap_ok(truncate(path, 63) == 0 && cr_job_dir_read_key(dir, key, &err) == -CR_EPROTOCOL,
           "half a key is refused");
    unlink(path);
    tap_ok(symlink("/etc/passwd", path) == 0 && cr_job_dir_read_key(dir, key, &err) < 0,
           "a link is not followed");
    unlink(path);
    cr_job_dir_create(dir, &err);
}

static void put_in(const struct cr_job_dir *dir, const char *name)
{
    char path[256];
    int fd;

    cr_job_dir_path(dir->directory, name, path, sizeof(path));
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static void test_records(const struct cr_job_dir *dir)
{
    static quiesce_wire_NodeRecord record, back;
    struct cr_error err;
    char path[600];

    snprintf(record.host, sizeof(record.host), "n1");
    record.port = 4711;
    record.argument_count = 1;
    snprintf(record.argument[0], sizeof(record.argument[0]), "./heat");
    tap_ok(cr_job_dir_write_node(dir, &record, &err) == 0, "a record is written");
    tap_ok(cr_job_dir_read_node(dir, "n1", &back, &err) == 0 && back.port == 4711 &&
               strcmp(back.argument[0], "./heat") == 0,
           "and read again");
    tap_equal_u64(cr_job_dir_read_node(dir, "n2", &back, &err), -ENOENT, "another host has none");
    tap_ok(cr_job_dir_read_node(dir, "../n1", &back, &err) == -CR_EUSAGE,
           "a host's name leads nowhere else");
    cr_job_dir_path(dir->directory, "node-n1.pb", path, sizeof(path));
    tap_ok(truncate(path, 5) == 0 && cr_job_dir_read_node(dir, "n1", &back, &err) == -CR_EPROTOCOL,
           "half a record is refused");
    snprintf(record.host, sizeof(record.host), "n3");
    cr_job_dir_write_node(dir, &record, &err);
    cr_job_dir_remove(dir, "n1");
    tap_ok(access(dir->directory, F_OK) == 0,
           "the directory stays while another node has a record");
    put_in(dir, "ended-by-checkpoint");
    put_in(dir, "last-checkpoint.properties");
    put_in(dir, "disabled-123");
    cr_job_dir_remove(dir, "n3");
    tap_ok(access(dir->directory, F_OK) < 0 && access(dir->run, F_OK) < 0,
           "and goes with the last one, with what was said of checkpoints");
}

int main(void)
{
    char home[] = "/tmp/quiesce-job-dir-XXXXXX";
    char directory[64], run[64];
    struct cr_job_dir dir;
    struct cr_error err;

    test_names();
    test_reach();
    test_run_directory();
    if (mkdtemp(home) == NULL)
        tap_skip_all("no directory in /tmp");
    snprintf(directory, sizeof(directory), "%s/a/b", home);
    snprintf(run, sizeof(run), "%s/run", home);
    cr_job_dir_at(&dir, directory, run, &err);
    test_key(&dir);
    test_records(&dir);
    snprintf(run, sizeof(run), "%s/a", home);
    rmdir(run);
    rmdir(home);
    tap_ok(cr_job_dir_start_time((int)getpid()) > 0 && cr_job_dir_start_time(0x7ffffff0) == 0,
           "a process has a start time, no process has none");
    return tap_done();
}
