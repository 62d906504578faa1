// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Nodes that lose their power or their network: nothing is half committed, and the job goes on elsewhere with the same result. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_NODES", matches = "1")
final class NodeFailureTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "4", "--slurm", "no");

    private static final String TWO_NODES = "n1:2,n2:2";

    /** Until a node that went without a word is given up by Quiesce; other ranks stand still as long. */
    private static final Duration NOTICED = Duration.ofSeconds(60);

    private static String expected = "";

    @BeforeAll
    static void undisturbed() throws Exception {
        expected = ClusterJob.undisturbed(CLUSTER, TWO_NODES);
    }

    @Test
    void withoutPowerDuringTheComputation() throws Exception {
        try (ClusterJob job = new ClusterJob(CLUSTER, "computes").start("ctl", TWO_NODES)) {
            job.commit("n3");
            CLUSTER.powerOff("n2");
            assertThat(job.run().await(Cluster.LIMIT)).isNotZero();
            job.nothingRuns("ctl", "n1");
            assertThat(CLUSTER.ask("ctl", "quiesce", "status")).doesNotContain("computes");
            job.restart("ctl", "--mpirun-opts", "--host n1:2,n3:2");
            job.commit("n4"); // the name means this job alone
            assertThat(job.result()).isEqualTo(expected);
            CLUSTER.powerOn("n2");
            job.nothingRuns("n1", "n2", "n3");
        }
    }

    @Test
    void withoutPowerDuringACheckpoint() throws Exception {
        try (ClusterJob job = new ClusterJob(CLUSTER, "dumps").start("ctl", TWO_NODES)) {
            job.commit("n3");
            Run failing = job.checkpoint("n3");
            Path partial = awaitImages(job, failing);
            CLUSTER.powerOff("n2");
            int status = failing.await(NOTICED);
            assertThat(job.run().await(Cluster.LIMIT)).isNotZero();
            job.nothingRuns("ctl", "n1");
            assertThat(CLUSTER.ask("ctl", "readlink", "checkpoints/dumps/latest"))
                    .as("status %d: %s", status, failing.describe())
                    .isEqualTo(status == 0 ? "1\n" : "0\n");
            assertThat(partial).doesNotExist();
            job.restart("ctl", "--mpirun-opts", "--host n3:2,n4:2");
            assertThat(job.result()).isEqualTo(expected);
            CLUSTER.powerOn("n2");
        }
    }

    /** The newest checkpoint of which all is there counts, whatever the node with the coordinator had begun. */
    @Test
    void withoutPowerWhereTheLauncherAndTheCoordinatorRun() throws Exception {
        try (ClusterJob job = new ClusterJob(CLUSTER, "headless").start("n1", TWO_NODES)) {
            job.commit("n3");
            Run failing = job.checkpoint("n1");
            Path partial = awaitImages(job, failing);
            CLUSTER.powerOff("n1");
            assertThat(job.run().await(Cluster.LIMIT)).isNotZero();
            failing.await(Cluster.LIMIT);
            job.nothingRuns("n2");
            job.restart("n3", "--mpirun-opts", "--host n2:2,n3:2");
            job.commit("n4");
            assertThat(job.result()).isEqualTo(expected);
            CLUSTER.powerOn("n1");
        }
    }

    /** All of the old incarnation is on a node that nobody reaches for a while; the new one runs meanwhile. */
    @Test
    void ofTwoIncarnationsThatMeetAgainTheOlderOneCommitsAndOverwritesNothing() throws Exception {
        try (ClusterJob old = new ClusterJob(CLUSTER, "twins").start("n2", "n2:4");
                ClusterJob fresh = new ClusterJob(CLUSTER, "twins")) {
            old.commit("n2");
            CLUSTER.cut("n2");
            fresh.restart("n3", "--mpirun-opts", "--host n1:2,n3:2");
            fresh.commit("n4");
            CLUSTER.heal("n2");
            Map<String, String> before = Checkpoints.committed(fresh.reference());
            long pid = launcher();
            Run refused = CLUSTER.exec("n2", Cluster.ALICE, "quiesce", "checkpoint", Long.toString(pid));
            assertThat(refused.await(Cluster.LIMIT)).as(refused.describe()).isBetween(3, 4);
            assertThat(Checkpoints.committed(fresh.reference())).isEqualTo(before);
            assertThat(old.run().await(Cluster.LIMIT)).as(old.run().describe()).isEqualTo(4);
            assertThat(old.run().stderr()).contains("has taken over");
            old.nothingRuns("n2");
            fresh.commit("n4");
            assertThat(fresh.result()).isEqualTo(expected);
        }
    }

    /** The old incarnation has lost half of itself while it wrote, and may get it back while the new one runs. */
    @Test
    void anIncarnationThatIsCutInTwoDuringACheckpointHarmsNothing() throws Exception {
        try (ClusterJob old = new ClusterJob(CLUSTER, "halves").start("n1", TWO_NODES);
                ClusterJob fresh = new ClusterJob(CLUSTER, "halves")) {
            old.commit("n3");
            Run cut = old.checkpoint("n1");
            awaitImages(old, cut);
            CLUSTER.cut("n2");
            fresh.restart("n3", "--mpirun-opts", "--host n3:2,n4:2");
            Map<String, String> before = Checkpoints.committed(fresh.reference());
            CLUSTER.heal("n2");
            int status = cut.await(NOTICED.plus(Cluster.LIMIT));
            assertThat(Checkpoints.committed(fresh.reference()))
                    .as("status %d: %s", status, cut.describe())
                    .isEqualTo(before);
            fresh.commit("n4");
            CLUSTER.ask("n4", "quiesce", "verify", "checkpoints/halves");
            old.run().await(Cluster.LIMIT);
            old.nothingRuns("n1", "n2");
            assertThat(fresh.result()).isEqualTo(expected);
        }
    }

    /** Returns the directory of the second checkpoint when its first image is being written. */
    private static Path awaitImages(ClusterJob job, Run checkpoint) throws Exception {
        Path partial = job.reference().resolve("1.partial");
        Await.until("an image is written", Cluster.LIMIT, () -> !isEmpty(partial) || !checkpoint.alive());
        return partial;
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.findAny().isEmpty();
        } catch (NoSuchFileException e) {
            return true;
        }
    }

    private static long launcher() throws Exception {
        return Long.parseLong(CLUSTER.ask("n2", "pgrep", "-o", "-x", "mpirun").strip());
    }
}
