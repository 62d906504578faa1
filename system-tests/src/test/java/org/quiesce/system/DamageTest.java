// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bit flipped anywhere in an image or the manifest is found by {@code quiesce verify} and refused at restart, with exit code 7. */
final class DamageTest {
    private static final int FLIPS = 12;
    private static final Duration LIMIT = Duration.ofSeconds(60);

    @TempDir
    Path work;

    @Test
    void aFlippedBitIsFoundByVerifyAndRefusedAtRestart() throws Exception {
        String program = Stage.program("mpicc", "examples/heat/heat.c");
        try (MpiJob job = new MpiJob(work, "heat", 2, Map.of(), List.of(), List.of(program, "100", "2000000", "100"))) {
            job.start().awaitOutput("step 100 ");
            job.checkpoint();
            job.kill();
            quiesce(job, 0, "verify");
            Path sequence = job.reference().resolve("latest").toRealPath();
            Random random = new Random(1);
            for (int i = 0; i < FLIPS; i++) {
                Path victim =
                        i % 3 == 0 ? sequence.resolve("manifest.json") : sequence.resolve("rank-" + i % 2 + ".cr");
                long bit = random.nextLong(Files.size(victim) * 8);
                flip(victim, bit);
                quiesce(job, 7, "verify");
                quiesce(job, 7, "restart");
                flip(victim, bit);
            }
            quiesce(job, 0, "verify");
        }
    }

    private void quiesce(MpiJob job, int expected, String command) throws Exception {
        Run run = Run.start(
                work,
                command,
                job.environment(),
                List.of(Stage.bin("quiesce"), command, job.reference().toString()));
        run.awaitStatus(expected, LIMIT);
        if (expected != 0) {
            assertThat(run.stderr()).doesNotContain("Exception").isNotBlank();
        }
    }

    private static void flip(Path file, long bit) throws Exception {
        try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
            access.seek(bit / 8);
            int value = access.read();
            access.seek(bit / 8);
            access.write(value ^ 1 << bit % 8);
        }
    }
}
