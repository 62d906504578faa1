// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** An MPI program under {@code quiesce run}, and what is done to it. */
final class MpiJob implements AutoCloseable {
    static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int NO_SUCH_JOB = 3;
    private static final int NO_RANK_YET = 4;

    private final Path work;
    private final String name;
    private final Map<String, String> environment;
    private final List<String> mpirun;
    private @Nullable Run started;
    private int count;

    /** A job of {@code ranks} ranks that keeps its files in {@code work}; {@code launcherOptions} go to mpirun. */
    MpiJob(
            Path work,
            String name,
            int ranks,
            Map<String, String> environment,
            List<String> launcherOptions,
            List<String> program) {
        this.work = work;
        this.name = name;
        this.environment = Stream.concat(
                        environment.entrySet().stream(),
                        Map.of(
                                "QUIESCE_HOME", work.resolve("home").toString(),
                                "OMPI_ALLOW_RUN_AS_ROOT", "1",
                                "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
                                .entrySet()
                                .stream())
                .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
        this.mpirun = Stream.of(
                        List.of("mpirun", "--oversubscribe", "-np", Integer.toString(ranks)), launcherOptions, program)
                .flatMap(List::stream)
                .toList();
    }

    /** The program's last line of output without Quiesce. */
    String undisturbed() throws Exception {
        Run native_ = Run.start(work, "undisturbed", environment, mpirun);
        native_.awaitStatus(0, LIMIT);
        return native_.lastLine();
    }

    MpiJob start() throws Exception {
        return start(List.of());
    }

    MpiJob start(List<String> options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Stage.bin("quiesce"), "run", "--name", name));
        if (!options.contains("--store")) {
            command.addAll(List.of("--dir", directory().toString()));
        }
        command.addAll(options);
        command.add("--");
        command.addAll(mpirun);
        started = Run.start(work, "run" + count++, environment, command);
        return this;
    }

    /** Restarts from the newest checkpoint, with more options of {@code quiesce restart}. */
    MpiJob restart(String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Stage.bin("quiesce"), "restart"));
        command.addAll(List.of(options));
        command.add(reference().toString());
        started = Run.start(work, "restart" + count++, environment, command);
        return this;
    }

    /** {@code quiesce checkpoint}, running beside; tells its exit status when awaited. */
    Run checkpointBeside(String... options) throws Exception {
        return quiesce("checkpoint", options);
    }

    /** {@code quiesce COMMAND OPTIONS} of this job, running beside. */
    Run quiesce(String command, String... options) throws Exception {
        List<String> words = new ArrayList<>(List.of(Stage.bin("quiesce"), command));
        words.addAll(List.of(options));
        words.add(name);
        return Run.start(work, command + count++, environment, words);
    }

    /** What {@code quiesce status} prints of the job's ranks. */
    String status() throws Exception {
        return quiesce("status").awaitStatus(0, LIMIT);
    }

    /** Takes a checkpoint that must be committed. */
    void checkpoint() throws Exception {
        checkpointBeside().awaitStatus(0, LIMIT);
    }

    /** Whether a checkpoint was committed; the other permitted ends are that the job is not known yet, or has no ranks yet. */
    boolean checkpointOnceThere() throws Exception {
        Run checkpoint = checkpointBeside();
        int status = checkpoint.await(LIMIT);
        assertThat(status).as(checkpoint.describe()).isIn(0, NO_SUCH_JOB, NO_RANK_YET);
        return status == 0;
    }

    /** Whether a checkpoint was committed; the other permitted end is that the job was over already. */
    boolean checkpointUnlessOver() throws Exception {
        Run checkpoint = checkpointBeside();
        if (checkpoint.await(LIMIT) == 0) {
            return true;
        }
        assertThat(run().await(LIMIT)).as(checkpoint.describe()).isZero();
        return false;
    }

    /** SIGKILL to the coordinator, mpirun and all ranks. */
    void kill() {
        run().killTree();
    }

    /** Waits for the job's end and returns its last line of output. */
    String result() throws Exception {
        run().awaitStatus(0, LIMIT);
        return run().lastLine();
    }

    /** Killed and restarted twice while it prints "step N", it ends as without Quiesce. Returns its last line of output. */
    String survivesTwoRestarts() throws Exception {
        String expected = undisturbed();
        start().awaitOutput("step 500");
        checkpoint();
        kill();
        restart().awaitOutput("step ");
        checkpoint();
        kill();
        assertThat(restart().result()).isEqualTo(expected);
        return expected;
    }

    Run run() {
        return Objects.requireNonNull(started, "the job was not started");
    }

    Path directory() {
        return work.resolve("checkpoints");
    }

    Path reference() {
        return directory().resolve(name);
    }

    Map<String, String> environment() {
        return environment;
    }

    /** Waits until the job has printed {@code text}. */
    MpiJob awaitOutput(String text) throws Exception {
        Await.until("the job prints " + text, LIMIT, () -> {
            if (!run().alive() && !run().stdout().contains(text)) {
                throw new AssertionError("the job ended before it printed " + text + "\n" + run().describe());
            }
            return run().stdout().contains(text);
        });
        return this;
    }

    /** The pids of the ranks, in no order. */
    List<ProcessHandle> ranks() {
        return run().handle()
                .descendants()
                .filter(process -> process.parent()
                        .flatMap(parent -> parent.info().command())
                        .orElse("")
                        .endsWith("orterun"))
                .toList();
    }

    @Override
    public void close() {
        if (started != null && started.alive()) {
            started.killTree();
        }
    }
}
