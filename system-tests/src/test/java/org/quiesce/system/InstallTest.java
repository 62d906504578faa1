// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The staged tree works from any place, and is removed without a trace. */
final class InstallTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    Path work;

    @Test
    void anInstalledTreeWorksFromAnyPrefixAndGoesAwayWhole() throws Exception {
        Path prefix = work.resolve("any-prefix");
        config("stage.sh", prefix);
        Run run = Run.start(
                work,
                "example",
                Map.of("PATH", prefix.resolve("bin") + ":" + System.getenv("PATH")),
                List.of(Stage.ROOT.resolve("examples/counter/run.sh").toString()));
        run.awaitStatus(0, LIMIT);
        assertThat(run.lastLine()).isEqualTo("counter: identical");
        Run.start(
                        work,
                        "doctor",
                        Map.of(),
                        List.of(prefix.resolve("bin/quiesce").toString(), "doctor"))
                .awaitStatus(0, LIMIT);
        config("unstage.sh", prefix);
        assertThat(Files.exists(prefix)).as("nothing is left").isFalse();
    }

    @Test
    void aPlaceFromWhichNothingCanBePreloadedIsRefusedWithItsName() throws Exception {
        Path prefix = work.resolve("a place with blanks");
        config("stage.sh", prefix);
        Run refused = Run.start(
                work, "refused", Map.of(), List.of(prefix.resolve("bin/cr_run").toString(), "/bin/true"));
        refused.awaitStatus(127, LIMIT);
        assertThat(refused.stderr()).contains("a place with blanks", "install Quiesce in another place");
    }

    private void config(String script, Path prefix) throws Exception {
        Run.start(
                        work,
                        script,
                        Map.of(),
                        List.of(Stage.ROOT.resolve("config").resolve(script).toString(), prefix.toString()))
                .awaitStatus(0, LIMIT);
    }
}
