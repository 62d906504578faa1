// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Jobs of an ordinary user on several nodes: checkpointed, killed, and restarted on others. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_NODES", matches = "1")
final class SeveralNodesTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "3", "--slurm", "no");

    private static final String TWO_NODES = "n1:2,n2:2";
    private static final String[] ALL = {"ctl", "n1", "n2", "n3"};

    @Test
    void aJobGoesOnOnOneNodeAndOnThreeWithTheSameResult() throws Exception {
        String expected = ClusterJob.undisturbed(CLUSTER, TWO_NODES);
        try (ClusterJob job = new ClusterJob(CLUSTER, "moves").start("ctl", TWO_NODES)) {
            notSharedIsNoCheckpoint(job);
            job.commit("n3");
            job.kill(ALL);
            job.restart("ctl", "--mpirun-opts", "--host n3:4"); // over shared memory only
            assertThat(CLUSTER.ask("ctl", "quiesce", "status", "moves"))
                    .contains("n3")
                    .doesNotContain("n1");
            job.commit("n1");
            job.kill(ALL);
            Files.writeString(CLUSTER.home().resolve("hosts"), "n1 slots=1\nn2 slots=1\nn3 slots=2\n");
            job.restart("ctl", "--hostfile", "hosts");
            assertThat(job.result()).isEqualTo(expected);
            assertThat(CLUSTER.ask("ctl", "find", ".quiesce", "-type", "f")).isEmpty();
        }
    }

    @Test
    void aRunningJobIsMovedOffANodeAndOntoOthers() throws Exception {
        String expected = ClusterJob.undisturbed(CLUSTER, TWO_NODES);
        try (ClusterJob job = new ClusterJob(CLUSTER, "wanders").start("ctl", TWO_NODES)) {
            assertThat(CLUSTER.ask("n3", "quiesce", "migrate", "--off", "n1", "wanders"))
                    .isEqualTo("wanders is on n2\n");
            job.nothingRuns("n1");
            assertThat(CLUSTER.ask("ctl", "quiesce", "migrate", "--onto", "n1,n2,n3", "--off", "n2", "wanders"))
                    .isEqualTo("wanders is on n1, n3\n");
            job.nothingRuns("n2");
            assertThat(job.result()).isEqualTo(expected);
            assertThat(CLUSTER.ask("ctl", "find", ".quiesce", "-type", "f")).isEmpty();
        }
    }

    /** The first directory exists on the launcher's node alone; of the second one each node has its own. */
    private static void notSharedIsNoCheckpoint(ClusterJob job) throws Exception {
        Run missing = job.checkpoint("ctl", "--dir", "/tmp/missing");
        assertThat(missing.await(Cluster.LIMIT)).as(missing.describe()).isEqualTo(1);
        assertThat(missing.stderr()).containsPattern("/tmp/missing/moves/0.partial is not seen on host n[12]");
        for (String node : new String[] {"n1", "n2"}) {
            CLUSTER.ask(node, "mkdir", "-p", "/tmp/own/moves/0.partial");
        }
        Run own = job.checkpoint("ctl", "--dir", "/tmp/own");
        assertThat(own.await(Cluster.LIMIT)).as(own.describe()).isEqualTo(1);
        assertThat(own.stderr()).containsPattern("n[12] has written /tmp/own/moves/0.partial/rank-[0-3].cr");
        for (String node : new String[] {"ctl", "n1", "n2"}) {
            assertThat(CLUSTER.ask(node, "sh", "-c", "cd /tmp/own && find . -name '*.cr*' -o -name 'manifest*'"))
                    .isEmpty();
        }
        try (Stream<Path> none = Files.list(job.reference())) {
            assertThat(none.map(file -> file.getFileName().toString())).doesNotContain("0", "latest");
        }
    }
}
