// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Heat on four ranks, checkpointed at a random moment, killed, restarted, checkpointed again, killed, restarted: the bits of
 * the undisturbed run. The seed of a round is in its name.
 */
@Tag("slow")
final class SoakTest {
    private static final int ROUNDS = Integer.getInteger("quiesce.soak.rounds", 100);
    private static final Map<String, String> SHARED_MEMORY = Map.of();
    private static final Map<String, String> TCP = Map.of("OMPI_MCA_btl", "tcp,self");
    private static final List<String> PROGRAM_ARGUMENTS = List.of("300", "12000", "500");
    private static @Nullable String reference;

    @TempDir
    Path work;

    static Stream<Arguments> rounds() {
        return IntStream.range(0, ROUNDS).mapToObj(seed -> switch (seed % 5) {
            case 3 -> Arguments.of(seed, "tcp", TCP, TCP);
            case 4 -> Arguments.of(seed, "shared memory, restarted on tcp", SHARED_MEMORY, TCP);
            default -> Arguments.of(seed, "shared memory", SHARED_MEMORY, SHARED_MEMORY);
        });
    }

    @ParameterizedTest(name = "seed {0}, {1}")
    @MethodSource("rounds")
    void aJobKilledTwiceEndsWithTheSameBits(
            int seed, String transport, Map<String, String> first, Map<String, String> second) throws Exception {
        Random random = new Random(seed);
        try (MpiJob job = heat(first);
                MpiJob restarted = heat(second)) {
            String expected = undisturbed(job);
            job.start().awaitOutput("step 500 ");
            Await.moment(random.nextInt(300));
            assertThat(job.checkpointUnlessOver())
                    .as("the job lives long enough")
                    .isTrue();
            Await.moment(random.nextInt(50));
            job.kill();
            restarted.restart();
            restarted.awaitOutput("step ");
            Await.moment(random.nextInt(100));
            if (restarted.checkpointUnlessOver()) {
                restarted.kill();
                restarted.restart();
            }
            assertThat(restarted.result()).isEqualTo(expected);
        }
    }

    private MpiJob heat(Map<String, String> environment) throws Exception {
        String program = Stage.program("mpicc", "examples/heat/heat.c");
        List<String> command =
                Stream.concat(Stream.of(program), PROGRAM_ARGUMENTS.stream()).toList();
        return new MpiJob(work, "heat", 4, environment, List.of(), command);
    }

    private static synchronized String undisturbed(MpiJob job) throws Exception {
        String known = reference;
        if (known == null) {
            known = job.undisturbed();
            reference = known;
        }
        return known;
    }
}
