// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mpirun -am ft-enable-cr}, {@code ompi-checkpoint} and {@code ompi-restart} as Open MPI's manual had them. */
final class OldNamesTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int FAILED = 255;

    @TempDir
    Path work;

    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void installForAUser() throws Exception {
        environment.put("HOME", Files.createDirectory(work.resolve("home")).toString());
        environment.put("PATH", Stage.prefix().resolve("bin") + ":" + System.getenv("PATH"));
        environment.put("OMPI_ALLOW_RUN_AS_ROOT", "1");
        environment.put("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        start("install", "quiesce-openmpi", "install").awaitStatus(0, LIMIT);
    }

    private Run start(String name, String command, String... words) throws Exception {
        List<String> all = new ArrayList<>(List.of(command.equals("mpirun") ? command : Stage.bin(command)));
        all.addAll(List.of(words));
        return Run.start(work, name, environment, all);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-am", "--tune"})
    void theThreeLinesOfTheManualGiveTheResultOfAnUndisturbedRun(String option) throws Exception {
        String heat = Stage.program("mpicc", "examples/heat/heat.c");
        List<String> words = List.of("--mca", "mpi_yield_when_idle", "1", "-np", "2", heat, "400", "30000", "500");
        Run undisturbed = start("undisturbed", "mpirun", words.toArray(String[]::new));
        undisturbed.awaitStatus(0, LIMIT);
        Run job = start(
                "job",
                "mpirun",
                Stream.concat(Stream.of(option, "ft-enable-cr", "--oversubscribe"), words.stream())
                        .toArray(String[]::new));
        try {
            Await.until("the job computes", LIMIT, () -> job.stdout().contains("step 500 "));
            String reference = "ompi_global_snapshot_" + job.handle().pid() + ".ckpt";
            Run checkpoint = start(
                    "checkpoint",
                    "ompi-checkpoint",
                    "-s",
                    "--term",
                    Long.toString(job.handle().pid()));
            assertThat(checkpoint.awaitStatus(0, LIMIT)).isEqualTo("Snapshot Ref.:   0 " + reference + "\n");
            assertThat(checkpoint.stderr()).contains("Requested - ...", "Checkpoint Established - " + reference);
            assertThat(job.await(LIMIT)).isNotZero();
            assertThat(start("list", "orte-checkpoint", "-l").awaitStatus(0, LIMIT))
                    .isEqualTo("Snapshot Ref.: " + reference + "\t[0]\n");
            Run restarted = start("restart", "ompi-restart", reference);
            restarted.awaitStatus(0, LIMIT);
            assertThat(restarted.lastLine()).startsWith("residual ").isEqualTo(undisturbed.lastLine());
        } finally {
            job.killTree();
        }
    }

    @Test
    void aJobWithoutTheSetIsNotTouched() throws Exception {
        Run with = show("with");
        start("uninstall", "quiesce-openmpi", "uninstall").awaitStatus(0, LIMIT);
        assertThat(work.resolve("home/.openmpi/components")).doesNotExist();
        assertThat(comparable(with)).isEqualTo(comparable(show("without"))).contains("program sh");
    }

    @Test
    void aJobWithoutTheSetIsNotCheckpointable() throws Exception {
        Run job = start("job", "mpirun", "-np", "1", "sleep", "100");
        try {
            Run refused = start(
                    "refused", "ompi-checkpoint", Long.toString(job.handle().pid()));
            refused.awaitStatus(FAILED, LIMIT);
            assertThat(refused.stderr())
                    .contains("The job with pid " + job.handle().pid() + " is not checkpointable.");
        } finally {
            job.killTree();
        }
    }

    /** A rank that prints its environment and what it is. */
    private Run show(String name) throws Exception {
        Run run = start(
                name,
                "mpirun",
                "-np",
                "1",
                "sh",
                "-c",
                "env | sort; echo program $(cat /proc/$$/comm); tr '\\0' ' ' </proc/$$/cmdline");
        run.awaitStatus(0, LIMIT);
        return run;
    }

    /** Without the numbers that are new in each run. */
    private static String comparable(Run run) {
        return run.stdout().replaceAll("[0-9a-f]{8,}|[0-9]+", "N") + run.stderr();
    }
}
