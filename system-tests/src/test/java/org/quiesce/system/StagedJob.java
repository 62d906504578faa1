// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** A batch job of alice's on two nodes, of {@code stages}, whose steps end when they are told to. */
final class StagedJob {
    static final int STAGES = 3;
    private static final String YIELD = "OMPI_MCA_mpi_yield_when_idle=1";

    private final Cluster cluster;
    private final Path place;
    private final String id;

    private StagedJob(Cluster cluster, Path place, String id) {
        this.cluster = cluster;
        this.place = place;
        this.id = id;
    }

    /** A directory in which stages are told to end. */
    static Path place(Cluster cluster, String name) throws Exception {
        cluster.give(Path.of(Stage.program("mpicc", "system-tests/src/test/programs/stages.c")));
        Path place = Files.createDirectories(cluster.home().resolve(name));
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
        return place;
    }

    /** The words of the program. */
    static String program(String name) {
        return "./stages-mpicc " + name + ' ' + STAGES;
    }

    /** The last line of a run without Quiesce. */
    static String undisturbed(Cluster cluster, String name) throws Exception {
        return undisturbed(cluster, name, "-N2 -n2");
    }

    /** The same with other options for the number of nodes and ranks. */
    static String undisturbed(Cluster cluster, String name, String size) throws Exception {
        Path place = place(cluster, name);
        for (int stage = 0; stage < STAGES; stage++) {
            Files.createFile(place.resolve(Integer.toString(stage)));
        }
        return lastLine(
                cluster.ask("ctl", "sh", "-c", "exec env " + YIELD + " srun --mpi=pmix " + size + ' ' + program(name)));
    }

    static String lastLine(String text) {
        return text.strip().lines().reduce("", (before, line) -> line);
    }

    /** Submits the script that is the same in each run; {@code options} are lines for sbatch, {@code more} is for quiesce run. */
    static StagedJob submit(Cluster cluster, String name, String launcher, List<String> options, String more)
            throws Exception {
        String run = "quiesce run --dir ckpt --restart --requeue --name " + name + ' ' + more + " -- ";
        return submit(cluster, name, options, run + launcher);
    }

    /** The same without {@code quiesce run}: the options are those of the plugin. */
    static StagedJob submit(Cluster cluster, String name, List<String> options, String launcher) throws Exception {
        Path place = place(cluster, name);
        Files.writeString(
                place.resolve("job.sh"),
                String.join(
                        "\n",
                        "#!/bin/bash",
                        "#SBATCH -N2 -n2 --requeue --open-mode=append -o " + name + "/out " + String.join(" ", options),
                        "export " + YIELD,
                        "echo run ${SLURM_RESTART_COUNT:-0}",
                        "exec " + launcher + ' ' + program(name),
                        ""));
        String id = cluster.ask("ctl", "sbatch", "--parsable", name + "/job.sh").strip();
        return new StagedJob(cluster, place, id);
    }

    /** Submits its script once more. */
    StagedJob again() throws Exception {
        String name = place.getFileName().toString();
        return new StagedJob(
                cluster,
                place,
                cluster.ask("ctl", "sbatch", "--parsable", name + "/job.sh").strip());
    }

    String id() {
        return id;
    }

    /** Where its checkpoints lie, from alice's home. */
    String reference() {
        return "ckpt/" + place.getFileName();
    }

    /** The files of its checkpoints. */
    Map<String, String> committed() throws IOException {
        return Checkpoints.committed(cluster.home().resolve(reference()));
    }

    /** Whether a checkpoint of it is being written. */
    boolean isWritten() throws IOException {
        try (Stream<Path> files = Files.list(cluster.home().resolve(reference()))) {
            return files.anyMatch(file -> file.toString().endsWith(".partial"));
        }
    }

    /** The pid of {@code quiesce run}, on the first node of the job. */
    String holder() throws IOException {
        return Files.readString(cluster.home().resolve(reference()).resolve("ledger.properties"))
                .replaceFirst("(?s).*\npid=([0-9]+)\n.*", "$1");
    }

    String output() throws IOException {
        try {
            return Files.readString(place.resolve("out"));
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    void endStage(int stage) throws IOException {
        Files.createFile(place.resolve(Integer.toString(stage)));
    }

    /** The first of these, and all that come after it. */
    void endStagesFrom(int first) throws IOException {
        for (int stage = first; stage < STAGES; stage++) {
            endStage(stage);
        }
    }

    void await(String text) throws Exception {
        await("says " + text, () -> output().contains(text));
    }

    /** Waits for a condition, longer than Slurm needs to notice that a node has gone; its output says why in vain. */
    void await(String what, Callable<Boolean> condition) throws Exception {
        try {
            Await.until("job " + id + ' ' + what, Cluster.LIMIT.multipliedBy(2), condition);
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + output(), e);
        }
    }

    /**
     * Waits for a run of the job. Slurm lets a job wait that was queued again; its owner need not wait as long. Nodes refuse it
     * within the second in which they have ended it.
     */
    void awaitRun(int run) throws Exception {
        String begun = "grep -qs \"^run $2$\" $1/out";
        String script = "until [ \"$(squeue -h -j $0 -o %T)\" = PENDING ] || " + begun + "; do sleep 0.2; done;"
                + " scontrol update jobid=$0 starttime=now+2; until " + begun + "; do sleep 0.2; done";
        String name = place.getFileName().toString();
        Run wait = cluster.exec("ctl", Cluster.ALICE, "sh", "-c", script, id, name, Integer.toString(run));
        try {
            wait.awaitStatus(0, Cluster.LIMIT);
        } catch (AssertionError e) {
            throw new AssertionError("run " + run + " of job " + id + " in vain\n" + output(), e);
        }
    }

    /** Waits for its end: the result of an undisturbed run, and nothing said twice. */
    void awaitResult(String expected) throws Exception {
        Await.until(
                "the result of job " + id,
                Cluster.LIMIT,
                () -> output().contains(expected + '\n') || output().matches("(?s).*result [0-9a-f]{16}\n.*"));
        String text = output();
        assertThat(text).containsOnlyOnce(expected + '\n').containsOnlyOnce("result");
        for (int stage = 0; stage < STAGES; stage++) {
            assertThat(text).containsOnlyOnce("stage " + stage);
        }
    }

    /** What Slurm says of it, in a format of squeue. */
    String squeue(String format) throws Exception {
        return cluster.ask("ctl", "squeue", "-h", "-j", id, "-o", format).strip();
    }
}
