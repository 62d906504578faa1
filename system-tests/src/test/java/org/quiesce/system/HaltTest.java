// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job that its user halts ends with a checkpoint, does not ask to be run again, and goes on when its user wants it. */
final class HaltTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int KILLED = 137;
    private static final int STAGES = 3;

    @TempDir
    Path work;

    private int count;

    private Run halt(MpiJob job, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Stage.bin("quiesce"), "halt"));
        command.addAll(List.of(options));
        command.add("stages");
        return Run.start(work, "halt" + count++, job.environment(), command);
    }

    private void endStages(int first, int last) throws Exception {
        for (int stage = first; stage <= last; stage++) {
            Path file = work.resolve("told").resolve(Integer.toString(stage));
            if (!Files.exists(file)) {
                Files.createFile(file);
            }
        }
    }

    @Test
    void aJobIsHaltedNowAndOnAConditionAndGoesOnEachTime() throws Exception {
        String program = Stage.program("mpicc", "system-tests/src/test/programs/stages.c");
        Path told = Files.createDirectory(work.resolve("told"));
        List<String> yield = List.of("--mca", "mpi_yield_when_idle", "1");
        List<String> stages = List.of(program, told.toString(), Integer.toString(STAGES));
        List<String> options = List.of("--restart", "--requeue=exit", "--interval", "500ms");
        try (MpiJob job = new MpiJob(work, "stages", 2, Map.of(), yield, stages)) {
            endStages(0, STAGES - 1);
            String expected = job.undisturbed();
            for (int stage = 0; stage < STAGES; stage++) {
                Files.delete(told.resolve(Integer.toString(stage)));
            }

            job.start(List.of("--restart", "--requeue=exit")).awaitOutput("stage 0");
            assertThat(halt(job).awaitStatus(0, LIMIT)).isEqualTo(job.reference() + "\n");
            assertThat(job.run().await(LIMIT)).isEqualTo(KILLED);
            assertThat(job.run().stderr()).contains("was halted").doesNotContain("queued");
            assertThat(halt(job).await(LIMIT)).as("the job is over").isEqualTo(3);

            job.start(options);
            endStages(0, 0);
            job.awaitOutput("stage 1");
            assertThat(halt(job, "--checkpoints", "2").awaitStatus(0, LIMIT)).contains("with checkpoint ");
            assertThat(job.run().await(LIMIT)).isEqualTo(KILLED);
            assertThat(job.run().stderr()).contains("quiesce halt: the job is ended");

            job.start(List.of("--restart"));
            endStages(1, STAGES - 1);
            assertThat(job.result()).isEqualTo(expected);
            assertThat(job.run().stdout()).as("it went on").doesNotContain("stage 0");
        }
    }
}
