// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Half of the ranks compute for seconds while the others wait for them; a checkpoint is taken in the middle of that. */
final class LateRanksTest {
    @TempDir
    Path work;

    @ParameterizedTest(name = "waiting in a {0}, {1} ms into the step")
    @CsvSource({"collective, 100", "collective, 900", "receive, 100", "receive, 900"})
    void aCheckpointWhileHalfOfTheRanksComputeIsRestartable(String where, int moment) throws Exception {
        String program = Stage.program("mpicc", "system-tests/src/test/programs/lopsided.c");
        try (MpiJob job = new MpiJob(work, "lopsided", 4, Map.of(), List.of(), List.of(program, where, "4", "1500"))) {
            String expected = job.undisturbed();
            job.start().awaitOutput("step 2");
            Await.moment(moment);
            job.checkpoint();
            job.kill();
            assertThat(job.restart().result()).isEqualTo(expected);
        }
    }
}
