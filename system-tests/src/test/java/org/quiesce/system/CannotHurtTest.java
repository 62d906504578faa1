// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A checkpoint cannot hurt: whatever fails, the job runs on where it can or ends as it would have without us, the previous
 * checkpoint stays the newest, the exit code is the documented one, and only files named .partial are left, which the next
 * checkpoint removes.
 */
final class CannotHurtTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final List<String> ARGUMENTS = List.of("200", "40000", "500");

    @TempDir
    Path work;

    private String program;

    @BeforeEach
    void compile() throws Exception {
        program = Stage.program("mpicc", "examples/heat/heat.c");
    }

    private MpiJob heat(Map<String, String> environment) {
        return new MpiJob(
                work,
                "heat",
                4,
                environment,
                List.of(),
                List.of(program, ARGUMENTS.get(0), ARGUMENTS.get(1), ARGUMENTS.get(2)));
    }

    /** A job with one good checkpoint, sequence 0. */
    private MpiJob withOneCheckpoint(Map<String, String> environment) throws Exception {
        MpiJob job = heat(environment).start().awaitOutput("step 500 ");
        job.checkpoint();
        assertThat(newest(job)).isEqualTo("0");
        return job;
    }

    private static String newest(MpiJob job) throws Exception {
        return job.reference().resolve("latest").toRealPath().getFileName().toString();
    }

    @Test
    void anUnwritableDirectoryFailsTheCheckpointAndTheJobGoesOn() throws Exception {
        try (MpiJob job = heat(Map.of())) {
            String expected = job.undisturbed();
            job.start().awaitOutput("step 500 ");
            Run refused = job.checkpointBeside("--dir", "/proc/nowhere");
            assertThat(refused.await(LIMIT)).as(refused.describe()).isIn(1, 9);
            assertThat(refused.stderr()).contains("/proc/nowhere");
            assertThat(job.result()).isEqualTo(expected);
        }
    }

    @Test
    void aFullFileSystemFailsTheCheckpointAndTheJobGoesOn() throws Exception {
        Map<String, String> full = Map.of("CR_FAULT", "image:copy=enospc");
        try (MpiJob job = heat(full)) {
            String expected = job.undisturbed();
            job.start().awaitOutput("step 500 ");
            Run refused = job.checkpointBeside();
            assertThat(refused.await(LIMIT)).as(refused.describe()).isEqualTo(1);
            assertThat(refused.stderr()).contains("ENOSPC");
            assertThat(job.result()).isEqualTo(expected);
            assertThat(Files.exists(job.reference().resolve("latest"))).isFalse();
        }
    }

    @Test
    void aKilledCheckpointCommandLeavesTheJobAndThePreviousCheckpoint() throws Exception {
        try (MpiJob job = withOneCheckpoint(Map.of())) {
            for (int millis : new int[] {300, 500, 700, 900}) {
                Run interrupted = job.checkpointBeside();
                Await.moment(millis);
                interrupted.handle().destroyForcibly();
                interrupted.await(LIMIT);
            }
            job.checkpoint();
            assertThat(Stage.filesEndingIn(job.directory(), ".partial")).isEmpty();
            String expected = heat(Map.of()).undisturbed();
            assertThat(job.result()).isEqualTo(expected);
        }
    }

    @Test
    void aKilledCrnodeFailsTheRoundOrNothingAndTheJobGoesOn() throws Exception {
        String expected = heat(Map.of()).undisturbed();
        try (MpiJob job = withOneCheckpoint(Map.of())) {
            Run checkpoint = job.checkpointBeside();
            Await.moment(600);
            crnodes(job).forEach(ProcessHandle::destroyForcibly);
            assertThat(checkpoint.await(LIMIT)).as(checkpoint.describe()).isIn(0, 1, 3);
            job.checkpoint();
            assertThat(job.result()).isEqualTo(expected);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"dump:after-threads", "dump:before-copy", "dump:after-copy", "seal:before", "image:rename"})
    void aRankThatDiesInAPhaseEndsTheJobAsMpiWouldAndThePreviousCheckpointIsRestartable(String point) throws Exception {
        String expected = heat(Map.of()).undisturbed();
        try (MpiJob job = withOneCheckpoint(Map.of("CR_FAULT", point + "=kill@2"))) {
            Run failed = job.checkpointBeside();
            assertThat(failed.await(LIMIT)).as(failed.describe()).isEqualTo(1);
            assertThat(job.run().await(LIMIT))
                    .as("mpirun ends a job that lost a rank")
                    .isNotZero();
            assertThat(newest(job)).isEqualTo("0");
            assertThat(job.restart().result()).isEqualTo(expected);
        }
    }

    private static List<ProcessHandle> crnodes(MpiJob job) throws Exception {
        String home = job.environment().get("QUIESCE_HOME");
        return ProcessHandle.allProcesses()
                .filter(process -> process.info().command().orElse("").endsWith("/crnode"))
                .filter(process -> String.join(" ", process.info().arguments().orElse(new String[0]))
                        .contains(home))
                .toList();
    }

    @Test
    void aSecondCheckpointDuringTheFirstIsRefusedWithFour() throws Exception {
        try (MpiJob job = withOneCheckpoint(Map.of())) {
            Run one = job.checkpointBeside();
            Run two = job.checkpointBeside();
            int first = one.await(LIMIT);
            int second = two.await(LIMIT);
            assertThat(List.of(first, second))
                    .as(one.describe() + two.describe())
                    .contains(0)
                    .allMatch(code -> code == 0 || code == 4);
            one.handle().onExit().get(1, TimeUnit.SECONDS);
        }
    }
}
