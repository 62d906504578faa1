// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A batch job that is halted is not queued again, though its script says {@code --requeue}; submitted again, it goes on. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
final class HaltSlurmTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "2");

    @ParameterizedTest
    @ValueSource(strings = {"srun", "mpirun"})
    void aHaltedBatchJobIsNotQueuedAgain(String launcher) throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-halt-" + launcher);
        StagedJob job = StagedJob.submit(CLUSTER, "halt-" + launcher, launcher, List.of(), "");
        job.await("stage 0");
        assertThat(CLUSTER.ask("ctl", "quiesce", "halt", "slurm:" + job.id())).contains("ckpt/halt-" + launcher);
        Await.until("the end of the job", Cluster.LIMIT, () -> state(job).contains("JobState=FAILED"));
        assertThat(state(job)).contains("Restarts=0", "ExitCode=137:0");
        StagedJob again = job.again();
        again.await("going on from");
        again.endStagesFrom(0);
        again.awaitResult(expected);
    }

    private static String state(StagedJob job) throws Exception {
        return CLUSTER.ask("ctl", "scontrol", "-o", "show", "job", job.id());
    }
}
