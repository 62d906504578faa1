// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job is moved while it runs, under the same {@code quiesce run}; where it cannot go it stays as it is. */
final class MigrateTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int STAGES = 3;

    @TempDir
    Path work;

    private int count;

    private Run migrate(MpiJob job, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Stage.bin("quiesce"), "migrate"));
        command.addAll(List.of(options));
        command.add("stages");
        return Run.start(work, "migrate" + count++, job.environment(), command);
    }

    private Path stage(Path told, int stage) {
        return told.resolve(Integer.toString(stage));
    }

    @Test
    void aJobGoesOnWhereItIsToldToAndStaysWhereItCannotGo() throws Exception {
        String program = Stage.program("mpicc", "system-tests/src/test/programs/stages.c");
        Path told = Files.createDirectory(work.resolve("told"));
        List<String> yield = List.of("--mca", "mpi_yield_when_idle", "1");
        List<String> stages = List.of(program, told.toString(), Integer.toString(STAGES));
        String host = InetAddress.getLocalHost().getHostName();
        try (MpiJob job = new MpiJob(work, "stages", 2, Map.of(), yield, stages)) {
            for (int stage = 0; stage < STAGES; stage++) {
                Files.createFile(stage(told, stage));
            }
            String expected = job.undisturbed();
            for (int stage = 0; stage < STAGES; stage++) {
                Files.delete(stage(told, stage));
            }

            job.start(List.of()).awaitOutput("stage 0");
            refuses(migrate(job), 2, "--off HOSTS");
            refuses(migrate(job, "--off", "elsewhere"), 2, "has no rank on elsewhere; it runs on " + host);
            refuses(migrate(job, "--off", host), 2, "no host is left");
            refuses(migrate(job, "--onto", "nowhere.invalid"), 4, "cannot be started on nowhere.invalid");
            assertThat(job.reference().resolve("0")).doesNotExist();

            for (int stage = 0; stage + 1 < STAGES; stage++) {
                Run moved = migrate(job, "--onto", host);
                assertThat(moved.awaitStatus(0, LIMIT)).isEqualTo("stages is on " + host + '\n');
                assertThat(job.reference().resolve(Integer.toString(stage)).resolve("manifest.json"))
                        .exists();
                Files.createFile(stage(told, stage));
                job.awaitOutput("stage " + (stage + 1));
            }
            Files.createFile(stage(told, STAGES - 1));
            assertThat(job.result()).isEqualTo(expected);
            assertThat(job.run().stdout()).as("nothing is done twice").containsOnlyOnce("stage 0");
            assertThat(job.run().stderr()).contains("quiesce migrate: the job is ended, its checkpoint is");
        }
    }

    private static void refuses(Run run, int status, String why) throws Exception {
        assertThat(run.await(LIMIT)).as(run.describe()).isEqualTo(status);
        assertThat(run.stderr()).contains(why);
    }
}
