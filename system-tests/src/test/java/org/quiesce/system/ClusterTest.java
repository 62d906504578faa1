// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** The cluster of the tests is one: Slurm, MPI with and without it, nodes that fail, and nothing left at its end. */
@Tag("root")
final class ClusterTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster(
            "--nodes",
            "2",
            "--plugstack",
            Stage.source("system-tests/cluster/plugstack.conf").toString());

    @TempDir
    Path work;

    @Test
    void aStepOfAnOrdinaryUserRunsOnBothNodes() throws Exception {
        String output = CLUSTER.ask("ctl", "srun", "-N2", "sh", "-c", "echo $(hostname) $(id -un) $(pwd)");
        assertThat(output.lines()).containsExactlyInAnyOrder("n1 alice /home/alice", "n2 alice /home/alice");
    }

    @Test
    void slurmHasTheOptionsOfThePluginAsInTheClusterToTry() throws Exception {
        assertThat(Files.readString(Stage.source("Makefile")))
                .contains("--plugstack system-tests/cluster/plugstack.conf");
        assertThat(CLUSTER.ask("ctl", "srun", "--help")).contains("--checkpoint=", "--restart-dir=");
    }

    @Test
    void mpiRunsByPmixByMpirunWithinSlurmAndWithoutIt() throws Exception {
        CLUSTER.give(Path.of(Stage.program("mpicc", "examples/heat/heat.c")));
        String[] heat = {"./heat-mpicc", "100", "50", "50"};
        String bySrun = CLUSTER.ask("ctl", with(heat, "srun", "--mpi=pmix", "-N2", "-n4"));
        String within = CLUSTER.ask("ctl", with(heat, "salloc", "-Q", "-N2", "-n4", "mpirun"));
        String without = CLUSTER.ask("ctl", with(heat, "mpirun", "--host", "n1:2,n2:2"));
        assertThat(bySrun).contains("checksum").isEqualTo(without).isEqualTo(within);
        String hosts = CLUSTER.ask("ctl", "mpirun", "--host", "n1:2,n2:2", "hostname");
        assertThat(hosts.lines()).containsExactlyInAnyOrder("n1", "n1", "n2", "n2");
    }

    @Test
    void nodesLoseTheirNetworkOrTheirPowerAndComeBack() throws Exception {
        CLUSTER.cut("n2");
        String[] look = {"bash", "-c", "timeout 1 bash -c ': </dev/tcp/n2/22' && echo there || echo away"};
        assertThat(CLUSTER.ask("ctl", look)).endsWith("away\n");
        assertThat(CLUSTER.ask("n2", "hostname")).isEqualTo("n2\n");
        CLUSTER.heal("n2");
        Await.until(
                "n2 is reached again",
                Cluster.LIMIT,
                () -> CLUSTER.ask("ctl", look).endsWith("there\n"));

        ProcessHandle init = CLUSTER.init("n2");
        Run sleeps = CLUSTER.exec("n2", Cluster.ALICE, "sleep", "600");
        CLUSTER.powerOff("n2");
        assertThat(sleeps.await(Cluster.LIMIT)).isNotZero();
        assertThat(init.isAlive()).isFalse();
        CLUSTER.powerOn("n2");
        assertThat(CLUSTER.ask("ctl", "srun", "-N2", "hostname").lines()).contains("n1", "n2");
    }

    @Test
    void nothingIsLeftOfAStoppedCluster() throws Exception {
        Set<String> namespaces = new HashSet<>();
        try (Cluster other = new Cluster("--nodes", "1", "--slurm", "no").start(work)) {
            other.exec("n1", Cluster.ALICE, "sh", "-c", "setsid sleep 600 & sleep 600");
            for (String node : List.of("ctl", "n1")) {
                namespaces.add(namespace(other.init(node)));
            }
            Await.until(
                    "alice's processes run",
                    Cluster.LIMIT,
                    () -> other.exec("n1", "root", "pgrep", "-c", "sleep").await(Cluster.LIMIT) == 0);
        }
        assertThat(ProcessHandle.allProcesses().map(ClusterTest::namespace)).doesNotContainAnyElementsOf(namespaces);
        assertThat(Files.readString(Path.of("/proc/self/mounts"))).doesNotContain(work.toString());
        try (Stream<Path> left = Files.list(work)) {
            assertThat(left).doesNotContain(work.resolve("run"));
        }
    }

    /** The mounts that a process sees; nothing of one that has ended. */
    private static String namespace(ProcessHandle process) {
        try {
            return Files.readSymbolicLink(Path.of("/proc", Long.toString(process.pid()), "ns", "mnt"))
                    .toString();
        } catch (IOException e) {
            return "";
        }
    }

    private static String[] with(String[] program, String... launcher) {
        return Stream.of(launcher, program).flatMap(Stream::of).toArray(String[]::new);
    }
}
