// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job that a checkpoint has ended asks to be run again, and the same command goes on where it was. */
final class RequeueTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    Path work;

    @Test
    void aJobEndedByACheckpointEndsWith75AndTheSameCommandGoesOn() throws Exception {
        String program = Stage.program("mpicc", "examples/heat/heat.c");
        List<String> heat = List.of(program, "200", "30000", "500");
        try (MpiJob job = new MpiJob(work, "heat", 4, Map.of(), List.of(), heat)) {
            String expected = job.undisturbed();
            job.start(List.of("--restart")).awaitOutput("step 500 ");
            job.checkpointBeside("--term").awaitStatus(0, LIMIT);
            assertThat(job.run().await(LIMIT)).isEqualTo(75);
            job.start(List.of("--restart"));
            assertThat(job.result()).isEqualTo(expected);
            assertThat(job.run().stdout()).as("it went on, not from the start").doesNotContain("step 500 ");
        }
    }

    @Test
    void theSignalThatComesBeforeJavaTakesItDoesNotEndTheJob() throws Exception {
        Run run = Run.start(
                work,
                "early",
                Map.of("OMPI_ALLOW_RUN_AS_ROOT", "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
                List.of(Stage.bin("quiesce"), "run", "--requeue=exit", "--", "mpirun", "-np", "1", "true"));
        Await.until(
                "Java starts",
                LIMIT,
                () -> !run.alive() || run.handle().info().command().orElse("").endsWith("/java"));
        Run.start(
                        work,
                        "kill",
                        Map.of(),
                        List.of("kill", "-USR1", Long.toString(run.handle().pid())))
                .awaitStatus(0, LIMIT);
        assertThat(run.await(LIMIT)).as(run.describe()).isIn(0, 75);
    }
}
