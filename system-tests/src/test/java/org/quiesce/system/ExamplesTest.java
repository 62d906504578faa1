// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each example's run.sh ends with "identical". */
final class ExamplesTest {
    @TempDir
    Path work;

    @ParameterizedTest
    @ValueSource(strings = {"counter", "threads", "heat", "heat-fortran"})
    void anExampleGoesOnWhereItWasKilled(String example) throws Exception {
        Run run = Run.start(
                work,
                example,
                Map.of("PATH", Stage.prefix().resolve("bin") + ":" + System.getenv("PATH")),
                java.util.List.of(
                        Stage.ROOT.resolve("examples/" + example + "/run.sh").toString()));
        run.awaitStatus(0, Duration.ofMinutes(3));
        assertThat(run.lastLine()).isEqualTo(example + ": identical");
    }
}
