// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Six kernels in Fortran, each with a communication pattern of its own, on four ranks: killed and restarted twice, after
 * checkpoints at random moments, they print the digits of the undisturbed run. More rounds with {@code quiesce.kernels.rounds}.
 */
@Tag("slow")
final class KernelsTest {
    private static final int ROUNDS = Integer.getInteger("quiesce.kernels.rounds", 1);
    private static final int SEED = Integer.getInteger("quiesce.kernels.seed", 0);
    private static final int MOST_STEPS = 16;
    private static final String SOURCES = "system-tests/src/test/programs/kernels/";
    private static final Map<String, String> TCP = Map.of("OMPI_MCA_btl", "tcp,self");

    @TempDir
    Path work;

    static Stream<Arguments> rounds() {
        return IntStream.range(SEED, SEED + ROUNDS)
                .boxed()
                .flatMap(seed -> Stream.of(
                        Arguments.of("ep", 20000, 900, seed),
                        Arguments.of("cg", 4000, 600, seed),
                        Arguments.of("mg", 32, 250, seed),
                        Arguments.of("ft", 32, 1000, seed),
                        Arguments.of("is", 20000, 900, seed),
                        Arguments.of("lu", 24, 1500, seed)));
    }

    @ParameterizedTest(name = "{0}, seed {3}")
    @MethodSource("rounds")
    void aKernelKilledTwiceEndsWithTheSameDigits(String kernel, int size, int steps, int seed) throws Exception {
        // Warnings of the calls through mpif.h, which has no interfaces, would be all that there is to see.
        String program = Stage.program("mpif90", SOURCES + kernel + ".f90", "-fallow-argument-mismatch", "-w");
        Random random = new Random(31L * seed + kernel.hashCode());
        boolean checkpointed = false;
        // More steps where the machine was done with so many before the checkpoint.
        for (int more = 1; !checkpointed && more <= MOST_STEPS; more *= 2) {
            Path directory = Files.createDirectory(work.resolve("steps" + more));
            List<String> command = List.of(program, Integer.toString(size), Integer.toString(more * steps), "2");
            checkpointed = survives(directory, kernel, command, seed % 3 == 2, random);
        }
        assertThat(checkpointed).as("the job lives long enough").isTrue();
    }

    /** Whether the job lived until its first checkpoint. On TCP after the restart, or on shared memory as before. */
    private static boolean survives(Path directory, String kernel, List<String> command, boolean tcp, Random random)
            throws Exception {
        try (MpiJob job = new MpiJob(directory, kernel, 4, Map.of(), List.of(), command);
                MpiJob restarted = new MpiJob(directory, kernel, 4, tcp ? TCP : Map.of(), List.of(), command)) {
            String expected = job.undisturbed();
            assertThat(expected).startsWith("verified value ");
            job.start().awaitOutput("step ");
            Await.moment(random.nextInt(200));
            if (!job.checkpointUnlessOver()) {
                return false;
            }
            Await.moment(random.nextInt(50));
            job.kill();
            restarted.restart();
            // In a step or, when that was the last one, in the result.
            restarted.awaitOutput(" value ");
            Await.moment(random.nextInt(100));
            if (restarted.checkpointUnlessOver()) {
                restarted.kill();
                restarted.restart();
            }
            assertThat(restarted.result()).isEqualTo(expected);
            return true;
        }
    }
}
