// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A job of alice's on several nodes, by {@code quiesce run} without Slurm. Its program takes its time until it is hurried. */
final class ClusterJob implements AutoCloseable {
    private static final String PROGRAM = "./patient-mpicc";
    private static final String STEPS = "400";

    private final Cluster cluster;
    private final String name;
    private @Nullable Run started;

    /** One that has not started; its checkpoints go to {@code checkpoints/NAME} in alice's home. */
    ClusterJob(Cluster cluster, String name) {
        this.cluster = cluster;
        this.name = name;
    }

    /** What the program prints at its end when nobody disturbs it. */
    static String undisturbed(Cluster cluster, String hosts) throws Exception {
        cluster.give(Path.of(Stage.program("mpicc", "system-tests/src/test/programs/patient.c")));
        Run run = cluster.exec("ctl", Cluster.ALICE, "mpirun", "--host", hosts, PROGRAM, STEPS, "0");
        run.awaitStatus(0, Cluster.LIMIT);
        return run.lastLine();
    }

    /** Starts it on these hosts, from a node. */
    ClusterJob start(String from, String hosts) throws Exception {
        Files.deleteIfExists(hurry());
        started = cluster.exec(
                from,
                Cluster.ALICE,
                "quiesce",
                "run",
                "--name",
                name,
                "--dir",
                "checkpoints",
                "--",
                "mpirun",
                "--host",
                hosts,
                PROGRAM,
                STEPS,
                "50");
        awaitStep();
        return this;
    }

    /** Restarts it from the newest checkpoint, with these options. */
    void restart(String from, String... options) throws Exception {
        List<String> words = new ArrayList<>(List.of("quiesce", "restart"));
        words.addAll(List.of(options));
        words.add("checkpoints/" + name);
        started = cluster.exec(from, Cluster.ALICE, words.toArray(String[]::new));
        awaitStep();
    }

    private void awaitStep() throws Exception {
        Await.until("the job makes a step", Cluster.LIMIT, () -> {
            assertThat(run().alive() || run().stdout().contains("checksum"))
                    .as(run().describe())
                    .isTrue();
            return run().stdout().contains("step ");
        });
    }

    /** Asks for a checkpoint from a node. */
    Run checkpoint(String from, String... options) throws Exception {
        List<String> words = new ArrayList<>(List.of("quiesce", "checkpoint"));
        words.addAll(List.of(options));
        words.add(name);
        return cluster.exec(from, Cluster.ALICE, words.toArray(String[]::new));
    }

    /** Takes a checkpoint, asked for on a node where neither the launcher nor a rank is. */
    void commit(String from) throws Exception {
        checkpoint(from).awaitStatus(0, Cluster.LIMIT);
    }

    /** Kills all of it. */
    void kill(String... nodes) throws Exception {
        run().killTree();
        nothingRuns(nodes);
    }

    /** Lets it run to its end, which must be a good one; returns the last line that it printed. */
    String result() throws Exception {
        if (!Files.exists(hurry())) {
            Files.createFile(hurry());
        }
        run().awaitStatus(0, Cluster.LIMIT);
        return run().lastLine();
    }

    /** The newest start or restart. */
    Run run() {
        return Objects.requireNonNull(started, "the job was not started");
    }

    /** Where its checkpoints are. */
    Path reference() {
        return cluster.home().resolve("checkpoints").resolve(name);
    }

    private Path hurry() {
        return cluster.home().resolve("hurry");
    }

    /** Returns when no process of alice's is left on these nodes. */
    void nothingRuns(String... nodes) throws Exception {
        for (String node : nodes) {
            Await.until(
                    "nothing runs on " + node,
                    Cluster.LIMIT,
                    () -> cluster.exec(node, "root", "pgrep", "-u", Cluster.ALICE)
                                    .await(Cluster.LIMIT)
                            != 0);
        }
    }

    @Override
    public void close() {
        if (started != null && started.alive()) {
            started.killTree();
        }
    }
}
