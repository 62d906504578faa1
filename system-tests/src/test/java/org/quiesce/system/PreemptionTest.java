// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Slurm, its administrator and broken nodes do to batch jobs. Slurm takes its time for it, so these tests run only when asked for. */
@Tag("root")
@Tag("slow")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_PREEMPTION", matches = "1")
final class PreemptionTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster(
            "--nodes",
            "3",
            "--conf",
            Stage.source("system-tests/cluster/preemption.conf").toString());

    private static final List<String> NODES = List.of("n1", "n2", "n3");
    private static final List<String> WARNED = List.of("--signal=B:USR1@60");

    private static List<StagedJob> both(String name, List<String> options) throws Exception {
        List<StagedJob> jobs = new ArrayList<>();
        for (String launcher : List.of("srun", "mpirun")) {
            jobs.add(StagedJob.submit(CLUSTER, name + '-' + launcher, launcher, options, ""));
        }
        for (StagedJob job : jobs) {
            job.await("stage 0");
        }
        return jobs;
    }

    private static String root(String... words) throws Exception {
        return CLUSTER.exec("ctl", "root", words).awaitStatus(0, Cluster.LIMIT).strip();
    }

    private static void awaitState(String job, String state) throws Exception {
        Await.until(
                "job " + job + " is " + state,
                Cluster.LIMIT,
                () -> root("squeue", "-h", "-j", job, "-o", "%T").equals(state));
    }

    /** A job of higher priority takes all nodes, and is over. */
    private static void preempt() throws Exception {
        String other = root(
                "sbatch", "--parsable", "-p", "high", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 600");
        awaitState(other, "RUNNING");
        root("scancel", other);
    }

    private static void checkpoint(List<StagedJob> jobs) throws Exception {
        for (StagedJob job : jobs) {
            CLUSTER.ask("ctl", "quiesce", "checkpoint", "slurm:" + job.id());
        }
    }

    /** mpirun's ranks of one node can be reached from there only. */
    private static void checkpointThere(StagedJob job) throws Exception {
        CLUSTER.ask(job.squeue("%N"), "quiesce", "checkpoint", "slurm:" + job.id());
    }

    /** They have been started again, went on where they were, and are told to do so. */
    private static void goOn(List<StagedJob> jobs, int run) throws Exception {
        for (StagedJob job : jobs) {
            job.awaitRun(run);
        }
        for (StagedJob job : jobs) {
            job.endStage(run - 1);
            job.await("stage " + run);
            assertThat(job.output().split("going on from", -1)).hasSize(run + 1);
        }
    }

    private static void finish(List<StagedJob> jobs, int run) throws Exception {
        finish(jobs, run, "-N2 -n2");
    }

    private static void finish(List<StagedJob> jobs, int run, String size) throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-" + jobs.get(0).id(), size);
        for (StagedJob job : jobs) {
            job.endStagesFrom(run);
        }
        for (StagedJob job : jobs) {
            job.awaitResult(expected);
            CLUSTER.ask("ctl", "quiesce", "verify", job.reference());
            job.await("ends", () -> job.squeue("%T").isEmpty());
            assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("JobState=COMPLETED ");
        }
    }

    /** Of a job that has ended no process is left; of one that has not, its test has failed already. */
    @AfterEach
    void noProcessIsLeft() throws Exception {
        root("scancel", "-u", Cluster.ALICE);
        for (String node : NODES) {
            nothingRunsOn(node);
        }
    }

    private static void nothingRunsOn(String node) throws Exception {
        Await.until(
                "nothing of alice's runs on " + node,
                Cluster.LIMIT,
                () -> CLUSTER.exec(node, "root", "pgrep", "-u", "20001").await(Cluster.LIMIT) == 1);
    }

    @Test
    void jobsThatAreWarnedOfTheirPreemptionTwiceLoseNothing() throws Exception {
        List<StagedJob> jobs = both("warned", WARNED);
        preempt();
        goOn(jobs, 1);
        preempt();
        goOn(jobs, 2);
        finish(jobs, 2);
        for (StagedJob job : jobs) {
            assertThat(job.output().split("the job is ended, its checkpoint is", -1))
                    .hasSize(3);
        }
    }

    @Test
    void jobsWhoseStepsAreEndedByAPreemptionGoOnFromTheCheckpointBefore() throws Exception {
        List<StagedJob> jobs = both("unwarned", List.of());
        checkpoint(jobs);
        preempt();
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsThatArePreemptedWithoutAnyGraceGoOnFromTheCheckpointBefore() throws Exception {
        List<StagedJob> jobs = both("hasty", List.of("-p", "hasty"));
        checkpoint(jobs);
        preempt();
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    /** Before it, by a signal or by our own clock, or by it: what is left of the limit must be more than a checkpoint takes. */
    @Test
    void atTheTimeLimitJobsAreQueuedAgain() throws Exception {
        List<StagedJob> jobs = new ArrayList<>();
        jobs.add(StagedJob.submit(CLUSTER, "limit-warned", "srun", List.of("-t 2", "--signal=B:USR1@60"), ""));
        jobs.add(StagedJob.submit(CLUSTER, "limit-clock", "mpirun", List.of("-t 2"), "--before-end 60s"));
        jobs.add(StagedJob.submit(CLUSTER, "limit-hit", "srun", List.of("-t 1"), ""));
        jobs.add(StagedJob.submit(CLUSTER, "limit-srun", "srun", List.of("-t 2"), "--before-end 60s"));
        for (StagedJob job : jobs) {
            job.await("stage 0");
        }
        checkpoint(jobs.subList(2, 3));
        for (StagedJob job : jobs) {
            job.await("is queued again");
            root("scontrol", "update", "jobid=" + job.id(), "timelimit=60");
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    /** Its time is used up over two runs: it ends with a checkpoint, is not queued again, and has not lost what it had. */
    @Test
    void aJobWhoseTotalTimeIsUsedUpEndsWithACheckpoint() throws Exception {
        StagedJob job = StagedJob.submit(CLUSTER, "budget", "srun", List.of(), "--total-time 60s");
        job.await("stage 0");
        CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        job.awaitRun(1);
        job.await("the time of --total-time is used up");
        job.await("has ended", () -> job.squeue("%T").isEmpty());
        assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("Restarts=1");
        assertThat(root("ls", "/home/alice/ckpt/budget")).contains("0", "1").doesNotContain("partial");
    }

    @Test
    void aNodeThatIsSetDownCostsNothingButTheTimeSinceTheCheckpoint() throws Exception {
        List<StagedJob> jobs = both("down", List.of());
        checkpoint(jobs);
        root("scontrol", "update", "nodename=n2", "state=down", "reason=test");
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    /** n1, where a job's script runs, or another one. */
    @ParameterizedTest
    @ValueSource(strings = {"n1", "n2"})
    void aNodeWithoutPowerCostsNothingButTheTimeSinceTheCheckpoint(String node) throws Exception {
        List<StagedJob> jobs = both("power-" + node, List.of());
        checkpoint(jobs);
        withoutPower(node, jobs, 0);
        finish(jobs, 1);
    }

    @Test
    void aNodeWithoutPowerDuringACheckpointCostsNothingButTheTimeSinceTheOneBefore() throws Exception {
        List<StagedJob> jobs = both("dump", List.of());
        checkpoint(jobs);
        List<Run> failing = new ArrayList<>();
        for (StagedJob job : jobs) {
            failing.add(CLUSTER.exec("ctl", Cluster.ALICE, "quiesce", "checkpoint", "slurm:" + job.id()));
        }
        Path partial = CLUSTER.home().resolve("ckpt/dump-srun/1.partial");
        Await.until(
                "a checkpoint is being written",
                Cluster.LIMIT,
                () -> Files.isDirectory(partial) || !failing.get(0).alive());
        withoutPower("n2", jobs, 0);
        for (Run run : failing) {
            run.await(Cluster.LIMIT);
        }
        finish(jobs, 1);
    }

    /** Its slurmd finds there what the step had left that lost its power. */
    @Test
    void aNodeThatHasPowerAgainTakesTheSameJob() throws Exception {
        root("scontrol", "update", "nodename=n3", "state=drain", "reason=test");
        try {
            List<StagedJob> jobs = both("back", List.of());
            checkpoint(jobs);
            CLUSTER.powerOff("n2");
            for (StagedJob job : jobs) {
                awaitState(job.id(), "PENDING");
            }
            CLUSTER.powerOn("n2");
            goOn(jobs, 1);
            finish(jobs, 1);
        } finally {
            root("scontrol", "update", "nodename=n3", "state=resume");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"srun", "mpirun"})
    void aNodeWithoutPowerDuringARestartCostsOneMoreRestart(String launcher) throws Exception {
        StagedJob job = StagedJob.submit(CLUSTER, "again-" + launcher, launcher, List.of(), "");
        job.await("stage 0");
        CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        job.awaitRun(1);
        job.await("going on from");
        withoutPower("n2", List.of(job), 0);
        finish(List.of(job), 1);
    }

    /**
     * All of the old run is on a node that nobody reaches, except its disks: it could go on, and commit. It stands still until
     * the new one runs, so that both are alive for certain.
     */
    @ParameterizedTest
    @CsvSource({"srun, true", "srun, false", "mpirun, true", "mpirun, false"})
    void anOldRunThatLivesBehindACutCommitsNothingAndEnds(String launcher, boolean healed) throws Exception {
        String size = "-N1 -n2";
        StagedJob job = StagedJob.submit(CLUSTER, "cut-" + launcher + '-' + healed, launcher, List.of(size), "");
        job.await("stage 0");
        assertThat(job.squeue("%N")).isEqualTo("n1");
        checkpointThere(job);
        String old = job.holder();
        CLUSTER.cut("n1");
        try {
            CLUSTER.ask("n1", "kill", "-STOP", old);
            job.awaitRun(1);
            job.await("going on from");
            Map<String, String> before = job.committed();
            Run refused = CLUSTER.exec("n1", Cluster.ALICE, "quiesce", "checkpoint", old);
            assertThat(refused.await(Cluster.LIMIT)).as(refused.describe()).isBetween(3, 4);
            if (!healed) {
                CLUSTER.ask("n1", "kill", "-CONT", old);
                job.await("has taken over");
                Await.until(
                        "the old run has ended",
                        Cluster.LIMIT,
                        () -> CLUSTER.exec("n1", "root", "kill", "-0", old).await(Cluster.LIMIT) != 0);
            }
            CLUSTER.heal("n1");
            nothingRunsOn("n1");
            assertThat(job.committed()).isEqualTo(before);
        } finally {
            CLUSTER.heal("n1");
        }
        checkpointThere(job);
        finish(List.of(job), 0, size);
    }

    /** n1, where a job's script runs, or another one; what is left of the old run there ends when the cable is plugged in again. */
    @ParameterizedTest
    @ValueSource(strings = {"n1", "n2"})
    void aNodeThatIsCutOffCostsNothingButTheTimeSinceTheCheckpoint(String node) throws Exception {
        List<StagedJob> jobs = both("half-" + node, List.of());
        checkpoint(jobs);
        CLUSTER.cut(node);
        try {
            goOnWithout(node, jobs, 0);
        } finally {
            CLUSTER.heal(node);
        }
        nothingRunsOn(node);
        finish(jobs, 1);
    }

    /** During computation, and then during a checkpoint; what is left of it has fewer nodes, with other numbers of ranks. */
    @ParameterizedTest
    @ValueSource(strings = {"srun", "mpirun"})
    void ofSixRanksOnThreeNodesNothingIsLostButTheTimeSinceTheCheckpoint(String launcher) throws Exception {
        StagedJob job = StagedJob.submit(CLUSTER, "six-" + launcher, launcher, List.of("-N2-3 -n6"), "");
        job.await("stage 0");
        assertThat(job.squeue("%N")).isEqualTo("n[1-3]");
        checkpoint(List.of(job));
        withoutPower("n3", List.of(job), 0);
        checkpoint(List.of(job));
        Run failing = CLUSTER.exec("ctl", Cluster.ALICE, "quiesce", "checkpoint", "slurm:" + job.id());
        Await.until("a checkpoint is being written", Cluster.LIMIT, () -> job.isWritten() || !failing.alive());
        withoutPower("n2", List.of(job), 1);
        failing.await(Cluster.LIMIT);
        finish(List.of(job), 2, "-n6");
    }

    private static void withoutPower(String node, List<StagedJob> jobs, int stage) throws Exception {
        CLUSTER.powerOff(node);
        try {
            goOnWithout(node, jobs, stage);
        } finally {
            CLUSTER.powerOn(node);
        }
    }

    /** For Slurm the node is there all the time: without a bound the job would be queued again for ever. */
    @Test
    void aJobThatNeverReachesItsNodeIsNotQueuedForEver() throws Exception {
        String way = "10.99.0.2/32";
        root("scontrol", "update", "nodename=n3", "state=drain", "reason=test");
        StagedJob job = StagedJob.submit(CLUSTER, "never", "mpirun", List.of(), "");
        try {
            job.await("stage 0");
            checkpoint(List.of(job));
            CLUSTER.exec("n1", "root", "ip", "route", "add", "unreachable", way).awaitStatus(0, Cluster.LIMIT);
            root("scontrol", "requeue", job.id());
            for (int run = 1; run <= 6; run++) {
                job.awaitRun(run);
            }
            job.await("6 runs in a row");
            job.await("has ended", () -> job.squeue("%T").isEmpty());
        } finally {
            CLUSTER.exec("n1", "root", "ip", "route", "delete", "unreachable", way)
                    .await(Cluster.LIMIT);
            root("scontrol", "update", "nodename=n3", "state=resume");
        }
        assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("Restarts=6 ");
        StagedJob again = job.again();
        again.await("going on from " + "/home/alice/ckpt/never/0");
        finish(List.of(again), 0);
    }

    /** They have gone on elsewhere, however often they were started, and are told to end a stage. */
    private static void goOnWithout(String node, List<StagedJob> jobs, int stage) throws Exception {
        String others = Map.of("n1", "n[2-3]", "n2", "n[1,3]", "n3", "n[1-2]").get(node);
        for (StagedJob job : jobs) {
            job.await(
                    "goes on without " + node,
                    () -> job.output().contains("going on from")
                            && job.squeue("%T %N").equals("RUNNING " + others));
        }
        for (StagedJob job : jobs) {
            job.endStage(stage);
            job.await("stage " + (stage + 1));
        }
    }

    @Test
    void jobsThatAreRequeuedByTheAdministratorGoOnFromTheCheckpointBefore() throws Exception {
        List<StagedJob> jobs = both("requeued", List.of());
        checkpoint(jobs);
        for (StagedJob job : jobs) {
            root("scontrol", "requeue", job.id());
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsThatWereSuspendedGoOnAndCanBeCheckpointedAgain() throws Exception {
        List<StagedJob> jobs = both("suspended", List.of());
        for (StagedJob job : jobs) {
            root("scontrol", "suspend", job.id());
            awaitState(job.id(), "SUSPENDED");
            Run refused =
                    CLUSTER.exec("ctl", Cluster.ALICE, "quiesce", "checkpoint", "--max-wait", "3", "slurm:" + job.id());
            assertThat(refused.await(Cluster.LIMIT)).as(refused.describe()).isBetween(4, 5);
            root("scontrol", "resume", job.id());
        }
        checkpoint(jobs);
        for (StagedJob job : jobs) {
            CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsOutliveARestartOfTheController() throws Exception {
        List<StagedJob> jobs = both("controller", List.of());
        root("pkill", "-x", "slurmctld");
        Await.until(
                "it has ended",
                Cluster.LIMIT,
                () -> CLUSTER.exec("ctl", "root", "pgrep", "-x", "slurmctld").await(Cluster.LIMIT) == 1);
        checkpoint(jobs);
        root("slurmctld");
        for (StagedJob job : jobs) {
            awaitState(job.id(), "RUNNING");
            CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsThatAreCancelledEndAndTheSameScriptGoesOn() throws Exception {
        List<StagedJob> jobs = both("cancelled", List.of());
        checkpoint(jobs);
        for (StagedJob job : jobs) {
            CLUSTER.ask("ctl", "scancel", job.id());
        }
        noProcessIsLeft();
        for (StagedJob job : jobs) {
            Await.until(
                    "job " + job.id() + " is cancelled",
                    Cluster.LIMIT,
                    () -> root("scontrol", "-o", "show", "job", job.id()).contains("JobState=CANCELLED"));
            assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("Restarts=0");
            assertThat(job.output()).containsOnlyOnce("run ");
        }
        for (StagedJob job : jobs) {
            StagedJob again = job.again();
            again.await("going on from");
            finish(List.of(again), 0);
        }
    }
}
