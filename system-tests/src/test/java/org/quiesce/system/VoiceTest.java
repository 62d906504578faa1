// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program asks for its checkpoints itself, hears what became of them, and goes on from one of them. */
final class VoiceTest {
    private static final String STEPS = "600";

    @TempDir
    Path work;

    @Test
    void aProgramUnderQuiesceRunTakesItsOwnCheckpoints() throws Exception {
        try (MpiJob job = new MpiJob(work, "voice", 3, Map.of(), List.of(), List.of(program(), STEPS))) {
            Files.createFile(go());
            String expected = job.undisturbed();
            assertThat(expected).startsWith("result ");
            Files.delete(go());
            job.start().awaitOutput("took 2 " + job.reference());
            job.kill();
            Files.createFile(go());
            job.restart("-s", "1").awaitOutput("came back to 1");
            assertThat(job.result()).isEqualTo(expected);
            assertThat(job.run().stdout()).contains("took 3 ").doesNotContain("refused");
        }
    }

    @Test
    void periodicCheckpointsDoNotDisturbThoseOfTheProgram() throws Exception {
        try (MpiJob job = new MpiJob(work, "voice", 3, Map.of(), List.of(), List.of(program(), STEPS))) {
            Files.createFile(go());
            job.start(List.of("--interval", "1ms", "--keep", "2")).result();
            assertThat(job.run().stdout().lines().filter(line -> line.startsWith("took ")))
                    .as(job.run().describe())
                    .hasSize(3);
        }
    }

    @Test
    void withoutCoordinatorTheProgramHearsWhyAndGoesOn() throws Exception {
        Path file = Files.createFile(work.resolve("file"));
        Files.createFile(go());
        MpiJob job = new MpiJob(work, "voice", 2, Map.of(), List.of(), List.of(program(), STEPS));
        String expected = job.undisturbed();
        Run run = launch(job, "refused", file.resolve("below"));
        List<String> lines = run.awaitStatus(0, MpiJob.LIMIT).lines().toList();
        assertThat(lines).hasSize(4).endsWith(expected);
        assertThat(lines.subList(0, 3))
                .allMatch(line -> line.startsWith("refused: cannot make the directory for checkpoints " + file));
    }

    @Test
    void aProgramUnderPlainMpirunTakesItsOwnCheckpoints() throws Exception {
        try (MpiJob job = new MpiJob(work, "voice", 2, Map.of(), List.of(), List.of(program(), STEPS))) {
            Files.createFile(go());
            Run run = launch(job, "plain", work.resolve("plain"));
            List<String> lines =
                    run.awaitStatus(0, MpiJob.LIMIT).strip().lines().toList();
            assertThat(lines).hasSize(4);
            String handle = lines.get(0).replaceFirst("took 0 ", "");
            Run again = Run.start(
                    work, "again", job.environment(), List.of(Stage.bin("quiesce"), "restart", "-s", "2", handle));
            assertThat(again.awaitStatus(0, MpiJob.LIMIT).strip().lines()).contains("came back to 2", lines.get(3));
        }
    }

    private Run launch(MpiJob job, String name, Path directory) throws IOException {
        Map<String, String> environment = new HashMap<>(job.environment());
        environment.put("QUIESCE_DIR", directory.toString());
        return Run.start(
                work,
                name,
                environment,
                List.of("mpirun", "--oversubscribe", "-np", "2", Stage.bin("cr_mpirank"), program(), STEPS));
    }

    private Path go() {
        return work.resolve("go");
    }

    private static String program() throws IOException {
        Path prefix = Stage.prefix();
        try {
            return Stage.program(
                    "mpicc",
                    "system-tests/src/test/programs/voice.c",
                    "-I" + prefix.resolve("include/quiesce"),
                    "-L" + prefix.resolve("lib"),
                    "-Wl,-rpath," + prefix.resolve("lib"),
                    "-lquiesce_mpi");
        } catch (Exception e) {
            throw new IOException("the program cannot be compiled", e);
        }
    }
}
