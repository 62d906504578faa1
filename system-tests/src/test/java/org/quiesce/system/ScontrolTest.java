// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code quiesce scontrol checkpoint}, from the login node, on batch jobs of an ordinary user on two nodes. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
final class ScontrolTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "2");

    private static Run scontrol(String operation, String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of("quiesce", "scontrol", "checkpoint", operation));
        all.addAll(List.of(words));
        return CLUSTER.exec("ctl", Cluster.ALICE, all.toArray(String[]::new));
    }

    private static String ask(String operation, String... words) throws Exception {
        return scontrol(operation, words).awaitStatus(0, Cluster.LIMIT).strip();
    }

    private static String refusal(String operation, String... words) throws Exception {
        Run run = scontrol(operation, words);
        run.awaitStatus(1, Cluster.LIMIT);
        return run.stderr().strip();
    }

    private static String shown(String job) throws Exception {
        return CLUSTER.ask("ctl", "scontrol", "-o", "show", "job", job);
    }

    @ParameterizedTest
    @ValueSource(strings = {"srun", "mpirun"})
    void aJobIsCheckpointedRequeuedVacatedAndRestartedAsBySlurmOfOld(String launcher) throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-scontrol-" + launcher);
        StagedJob job = StagedJob.submit(CLUSTER, "scontrol-" + launcher, launcher, List.of(), "");
        job.await("stage 0");
        mayBeDisabled(job);
        assertThat(ask("create", job.id(), "MaxWait=60")).isEmpty();
        assertThat(ask("er", job.id())).isEqualTo("error(0): No error");
        CLUSTER.ask("ctl", "quiesce", "verify", job.reference());
        assertThat(refusal("restart", job.id(), "ImageDir=ckpt")).contains("is RUNNING");

        assertThat(ask("requeue", job.id(), "MaxWait=60")).isEmpty();
        job.awaitRun(1);
        job.await("going on from");
        job.endStage(0);
        job.await("stage 1");
        assertThat(shown(job.id())).contains("Restarts=1");

        assertThat(ask("v", job.id(), "MaxWait=60")).isEmpty();
        Await.until("the end of the job", Cluster.LIMIT, () -> shown(job.id()).contains("JobState=FAILED"));
        assertThat(shown(job.id())).contains("Restarts=1", "ExitCode=137:0");
        assertThat(refusal("able", job.id())).contains("no job is called");
        assertThat(refusal("restart", job.id())).contains("no record");

        String again = ask("restart", job.id(), "ImageDir=ckpt", "StickToNodes").replace("Submitted batch job ", "");
        assertThat(again).matches("[0-9]+").isNotEqualTo(job.id());
        job.await("goes on twice", () -> job.output().split("going on from", -1).length == 3);
        assertThat(shown(again)).contains("ReqNodeList=n[1-2]", "JobName=job.sh");
        job.endStagesFrom(1);
        job.awaitResult(expected);
        Await.until("the end of the job", Cluster.LIMIT, () -> shown(again).contains("JobState=COMPLETED"));
    }

    /** Whoever asks for a checkpoint, a signal to the job as well. */
    private static void mayBeDisabled(StagedJob job) throws Exception {
        assertThat(ask("able", job.id())).isEqualTo("Yes");
        assertThat(ask("disable", job.id())).isEmpty();
        assertThat(ask("a", job.id())).isEqualTo("No");
        Run refused = CLUSTER.exec("ctl", Cluster.ALICE, "quiesce", "checkpoint", "slurm:" + job.id());
        refused.awaitStatus(4, Cluster.LIMIT);
        assertThat(refusal("create", job.id())).contains("disabled");
        CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        job.await("SIGUSR1: no checkpoint, the job goes on: checkpoints of the job are disabled");
        assertThat(ask("enable", job.id())).isEmpty();
        assertThat(ask("able", job.id())).isEqualTo("Yes");
    }

    @Test
    void aJobWithoutANameGoesOnFromItsOwnCheckpointsThoughAnotherOneHadTheSameWords() throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-unnamed");
        String run = "quiesce run --dir ckpt-unnamed --restart -- srun";
        StagedJob job = StagedJob.submit(CLUSTER, "unnamed", List.of(), run);
        job.await("stage 0");
        String twin = job.again().id();
        job.await("both are at stage 0", () -> job.output().split("stage 0", -1).length == 3);
        ask("vacate", job.id(), "MaxWait=60");
        ask("vacate", twin, "MaxWait=60");
        Await.until(
                "the end of both",
                Cluster.LIMIT,
                () -> (shown(job.id()) + shown(twin))
                        .matches("(?s)JobId=.*JobState=FAILED.*JobId=.*JobState=FAILED.*"));
        String again = ask("restart", job.id(), "ImageDir=ckpt-unnamed").replace("Submitted batch job ", "");
        job.await("going on from /home/alice/ckpt-unnamed/slurm-" + job.id() + "-");
        job.endStagesFrom(0);
        Await.until("the end of the job", Cluster.LIMIT, () -> shown(again).contains("JobState=COMPLETED"));
        assertThat(job.output()).containsOnlyOnce(expected + '\n');
    }

    @Test
    void aJobThatWouldBeginAnewIsNotEnded() throws Exception {
        StagedJob job = StagedJob.submit(CLUSTER, "anew", List.of(), "quiesce run --dir ckpt-anew -- srun");
        job.await("stage 0");
        assertThat(refusal("requeue", job.id())).contains("begin anew", "--restart");
        ask("vacate", job.id(), "MaxWait=60");
        Await.until("the end of the job", Cluster.LIMIT, () -> shown(job.id()).contains("JobState=FAILED"));
        assertThat(refusal("restart", job.id(), "ImageDir=ckpt-anew"))
                .contains("quiesce restart /home/alice/ckpt-anew/");
    }
}
