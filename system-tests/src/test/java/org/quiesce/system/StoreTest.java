// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

/** Images go to a disk of the node first; whatever is killed on their way, a restart finds all of them. */
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_STORE", matches = "1")
final class StoreTest {
    private static final Duration LIMIT = Duration.ofSeconds(90);
    private static final int LOWER_LEVEL = 6;
    private static final int DAMAGED = 7;

    @TempDir
    Path work;

    /** What the job has left running: crnode and cr_move are processes of their own. */
    private void killTheRest() throws Exception {
        Await.until("nothing of the job runs", LIMIT, () -> {
            List<ProcessHandle> left = ProcessHandle.allProcesses()
                    .filter(process -> process.info()
                            .commandLine()
                            .filter(line -> line.contains(work.toString()))
                            .isPresent())
                    .filter(process -> process.pid() != ProcessHandle.current().pid())
                    .toList();
            left.forEach(ProcessHandle::destroyForcibly);
            return left.isEmpty();
        });
    }

    private long imagesBelow(Path directory) throws Exception {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.toString().endsWith(".cr")).count();
        }
    }

    @Test
    void aJobThatIsKilledWhileItsImagesAreMovedGoesOnFromThem() throws Exception {
        String program = Stage.program("mpicc", "examples/heat/heat.c");
        List<String> heat = List.of(program, "200", "30000", "500");
        Path local = work.resolve("disk");
        // cr_move stands still when it has written half of the first image.
        try (MpiJob job = new MpiJob(work, "heat", 2, Map.of("CR_FAULT", "move:half=stop"), List.of(), heat)) {
            job.start(List.of("--store", "local:" + local + ",shared:" + job.directory()))
                    .awaitOutput("step 500 ");
            Run checkpoint = job.checkpointBeside("--max-wait", "30s");
            assertThat(checkpoint.await(LIMIT)).as(checkpoint.describe()).isEqualTo(LOWER_LEVEL);
            job.kill();
            killTheRest();
        }
        assertThat(imagesBelow(local)).isEqualTo(2);
        try (MpiJob job = new MpiJob(work, "heat", 2, Map.of(), List.of(), heat)) {
            String expected = job.undisturbed();
            Files.move(local, work.resolve("away"));
            Run refused = job.restart().run();
            assertThat(refused.await(LIMIT)).as(refused.describe()).isEqualTo(DAMAGED);
            assertThat(refused.describe()).contains("the image of rank 0").contains(local.toString());
            Files.move(work.resolve("away"), local);
            assertThat(job.restart().result()).isEqualTo(expected);
            assertThat(imagesBelow(local)).isZero();
            assertThat(imagesBelow(job.reference())).isEqualTo(2);
        }
    }
}
