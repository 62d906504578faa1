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

/** A batch job is moved within its allocation, and goes on there in the same run. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
final class MigrateSlurmTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "2");

    @ParameterizedTest
    @ValueSource(strings = {"srun -N2 -n2", "mpirun -np 2 --map-by node"})
    void aBatchJobLeavesANodeOfItsAllocation(String launcher) throws Exception {
        String name = "moves-" + launcher.split(" ", 2)[0];
        String expected = StagedJob.undisturbed(CLUSTER, "beside-" + name);
        StagedJob job = StagedJob.submit(CLUSTER, name, launcher, List.of("-n4 --ntasks-per-node=2"), "");
        job.await("stage 0");
        Run nowhere = CLUSTER.exec("ctl", Cluster.ALICE, "quiesce", "migrate", "--onto", "n9", name);
        assertThat(nowhere.await(Cluster.LIMIT)).as(nowhere.describe()).isEqualTo(2);
        assertThat(nowhere.stderr()).contains("n9 does not belong to Slurm job " + job.id());
        assertThat(CLUSTER.ask("ctl", "quiesce", "migrate", "--off", "n[2]", "slurm:" + job.id()))
                .isEqualTo(name + " is on n1\n");
        job.endStage(0);
        job.await("stage 1");
        assertThat(CLUSTER.ask("ctl", "quiesce", "migrate", "--onto", "n2,n1", name))
                .isEqualTo(name + " is on n1, n2\n");
        job.endStagesFrom(1);
        job.awaitResult(expected);
        assertThat(job.output()).containsOnlyOnce("run 0").doesNotContain("run 1");
    }
}
