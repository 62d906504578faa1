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
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Jobs of an ordinary user under Slurm on two nodes, that end and go on. They take longer than the others of {@code make check}. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
final class BatchJobTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "2");

    private static final String RUN = "quiesce run --dir ckpt --restart ";
    private static final String YIELD = "OMPI_MCA_mpi_yield_when_idle=1";
    private static final int STAGES = 3;

    /** Of {@code stages}, whose steps end when they are told to. */
    private static Path place(String name) throws Exception {
        CLUSTER.give(Path.of(Stage.program("mpicc", "system-tests/src/test/programs/stages.c")));
        Path place = CLUSTER.home().resolve(name);
        // of an earlier run of the tests
        for (Path left : List.of(place, CLUSTER.home().resolve("ckpt").resolve(name))) {
            CLUSTER.exec(
                            "ctl",
                            "root",
                            "rm",
                            "-rf",
                            "/home/alice/" + CLUSTER.home().relativize(left))
                    .awaitStatus(0, Cluster.LIMIT);
        }
        Files.createDirectories(place);
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
        return place;
    }

    private static void endStage(Path place, int stage) throws IOException {
        Files.createFile(place.resolve(Integer.toString(stage)));
    }

    private static String undisturbed(String launcher) throws Exception {
        Path place = place("undisturbed-" + launcher);
        for (int stage = 0; stage < STAGES; stage++) {
            if (!Files.exists(place.resolve(Integer.toString(stage)))) {
                endStage(place, stage);
            }
        }
        return lastLine(CLUSTER.ask(
                "ctl",
                "env",
                YIELD,
                "srun",
                "--mpi=pmix",
                "-N2",
                "-n2",
                "./stages-mpicc",
                place.getFileName().toString(),
                "3"));
    }

    private static String lastLine(String text) {
        return text.strip().lines().reduce("", (before, line) -> line);
    }

    private static String read(Path file) throws IOException {
        try {
            return Files.readString(file);
        } catch (NoSuchFileException e) {
            return "";
        }
    }

    private static void awaitText(Path file, String text) throws Exception {
        try {
            Await.until(file + " says " + text, Cluster.LIMIT, () -> read(file).contains(text));
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + read(file), e);
        }
    }

    private static String submit(Path place, String launcher) throws Exception {
        Path script = place.resolve("job.sh");
        Files.writeString(
                script,
                String.join(
                        "\n",
                        "#!/bin/bash",
                        "#SBATCH -N2 -n2 --requeue --open-mode=append -o " + place.getFileName() + "/out",
                        "export QUIESCE_LISTEN=0.0.0.0 " + YIELD,
                        "echo run ${SLURM_RESTART_COUNT:-0}",
                        "exec " + RUN + "--requeue --name " + place.getFileName() + " -- " + launcher
                                + " ./stages-mpicc " + place.getFileName() + " " + STAGES,
                        ""));
        return CLUSTER.ask("ctl", "sbatch", "--parsable", place.getFileName() + "/job.sh")
                .strip();
    }

    /** Slurm lets a job wait that was queued again; its owner need not. */
    private static void startAgain(String job, Path out, int run) throws Exception {
        Await.until("job " + job + " runs for time " + run, Cluster.LIMIT, () -> {
            CLUSTER.exec("ctl", Cluster.ALICE, "scontrol", "update", "jobid=" + job, "starttime=now")
                    .await(Cluster.LIMIT);
            return read(out).contains("run " + run);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"srun", "mpirun"})
    void aJobThatIsRequeuedTwiceGoesOnInTheSameScript(String launcher) throws Exception {
        Path place = place("twice-" + launcher);
        Path out = place.resolve("out");
        String job = submit(place, launcher);
        awaitText(out, "stage 0");
        CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job);
        CLUSTER.exec("ctl", Cluster.ALICE, "scancel", "--batch", "--signal=USR1", job);
        startAgain(job, out, 1);
        awaitText(out, "going on from");
        endStage(place, 0);
        awaitText(out, "stage 1");
        CLUSTER.ask("ctl", "quiesce", "checkpoint", "slurm:" + job);
        CLUSTER.ask("ctl", "scontrol", "requeue", job);
        startAgain(job, out, 2);
        endStage(place, 1);
        endStage(place, 2);
        awaitText(out, "result");
        String text = read(out);
        assertThat(lastLine(text)).isEqualTo(undisturbed(launcher));
        assertThat(text).containsOnlyOnce("stage 0").containsOnlyOnce("stage 1").containsOnlyOnce("stage 2");
    }

    @Test
    void ofTwoIncarnationsThatLiveTheOlderOneCommitsNothingAndIsEnded() throws Exception {
        Path place = place("twins");
        List<String> mpirun = List.of("mpirun", "-np", "2", "./stages-mpicc", "twins", "3");
        Run old = run("n1", mpirun);
        Await.until("the first stage", Cluster.LIMIT, () -> old.stdout().contains("stage 0"));
        CLUSTER.ask("n1", "quiesce", "checkpoint", "twins");
        String pid = read(CLUSTER.home().resolve("ckpt/twins/ledger.properties"))
                .replaceFirst("(?s).*\npid=([0-9]+)\n.*", "$1");
        Run fresh = run("n2", mpirun);
        Await.until("the restart", Cluster.LIMIT, () -> fresh.stderr().contains("going on from"));
        Run refused = CLUSTER.exec("n1", Cluster.ALICE, "quiesce", "checkpoint", pid);
        assertThat(refused.await(Cluster.LIMIT)).as(refused.describe()).isBetween(3, 4);
        assertThat(CLUSTER.home().resolve("ckpt/twins/1")).doesNotExist();
        assertThat(old.await(Cluster.LIMIT)).as(old.describe()).isEqualTo(4);
        assertThat(old.stderr()).contains("has taken over");
        for (int stage = 0; stage < STAGES; stage++) {
            endStage(place, stage);
        }
        assertThat(lastLine(fresh.awaitStatus(0, Cluster.LIMIT))).isEqualTo(undisturbed("mpirun"));
    }

    private static Run run(String node, List<String> launcher) throws Exception {
        return CLUSTER.exec(
                node,
                Cluster.ALICE,
                "sh",
                "-c",
                "export " + YIELD + "; exec " + RUN + "--name twins -- " + String.join(" ", launcher));
    }
}
