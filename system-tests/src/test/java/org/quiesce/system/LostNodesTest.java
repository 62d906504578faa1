// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Nodes that fail under batch jobs: by their power, by their network, or since the administrator says so. Only when asked for. */
@Tag("root")
@Tag("slow")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_PREEMPTION", matches = "1")
final class LostNodesTest extends JobsOfThreeNodes {
    /** mpirun's ranks of one node can be reached from there only. */
    private static void checkpointThere(StagedJob job) throws Exception {
        CLUSTER.ask(job.squeue("%N"), "quiesce", "checkpoint", "slurm:" + job.id());
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

    private static void withoutPower(String node, List<StagedJob> jobs, int stage) throws Exception {
        CLUSTER.powerOff(node);
        try {
            goOnWithout(node, jobs, stage);
        } finally {
            CLUSTER.powerOn(node);
        }
    }
}
