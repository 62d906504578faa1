// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
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

    @Test
    @Tag("root")
    void anOrdinaryUserCheckpointsAndRestartsFromATreeOfRoot() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root, to become another user");
        Path shared = Files.createTempDirectory(Path.of("/tmp"), "quiesce-install");
        try {
            shell(
                    "chmod 755 '%1$s' && cp -r '%2$s/examples' '%1$s' && mkdir '%1$s/home' && chown -R 65534:65534 '%1$s/home'",
                    shared, Stage.ROOT);
            config("stage.sh", shared.resolve("tree"));
            for (String example : List.of("counter", "heat")) {
                String output = shell(
                        "cd '%1$s/home' && setpriv --reuid 65534 --regid 65534 --clear-groups env HOME='%1$s/home' TMPDIR='%1$s/home'"
                                + " PATH='%1$s/tree/bin:/usr/bin:/bin' ../examples/%2$s/run.sh 2>&1 | cat",
                        shared, example);
                assertThat(output).endsWith(example + ": identical\n");
            }
        } finally {
            shell("rm -rf '%1$s'", shared);
        }
    }

    private String shell(String format, Object... arguments) throws Exception {
        return Run.start(work, "shell", Map.of(), List.of("bash", "-c", String.format(format, arguments)))
                .awaitStatus(0, LIMIT);
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
