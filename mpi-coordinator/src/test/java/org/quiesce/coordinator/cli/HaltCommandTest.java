// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.RunRecord;

class HaltCommandTest {
    private static final long NO_PROCESS = 999_999_999;

    @TempDir
    Path work;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int halt(String... words) {
        out.reset();
        err.reset();
        Context context = new Context(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                Map.of("QUIESCE_HOME", work.toString(), "HOME", work.toString()),
                work,
                false);
        String[] all = new String[words.length + 2];
        all[0] = "halt";
        System.arraycopy(words, 0, all, 1, words.length);
        all[words.length + 1] = "heat";
        return Main.run(context, all);
    }

    private String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    private JobDirectory job(RunRecord.Place place) {
        JobDirectory directory = JobDirectory.create(work, "heat");
        directory.write(new RunRecord("heat", place, work.resolve("ckpt"), "heat", 0, 0, List.of("mpirun"), 0));
        return directory;
    }

    @Test
    void conditionsComeAreReplacedAndGo() {
        JobDirectory job = job(RunRecord.Place.here(Map.of()));
        assertThat(halt("--list")).isZero();
        assertThat(out()).isEqualTo("no halt is set for heat\n");
        assertThat(halt("--after", "2h")).isZero();
        assertThat(out()).startsWith("heat is to be halted at 2").hasLineCount(1);
        assertThat(halt("--before", "2099-12-31T23:59")).isZero();
        assertThat(out()).startsWith("heat is to be halted before 2099-12-31T23:59:00, and not at 2");
        assertThat(halt("--checkpoints", "7")).isZero();
        assertThat(out()).startsWith("heat is to be halted with checkpoint 6, and not before 2099");
        assertThat(halt("--list")).isZero();
        assertThat(out()).isEqualTo("heat is to be halted with checkpoint 6\n");
        assertThat(job.halt()).isPresent();
        assertThat(halt("--remove")).isZero();
        assertThat(out()).isEqualTo("the halt of heat is removed\n");
        assertThat(job.halt()).isEmpty();
        assertThat(halt("--remove")).isZero();
        assertThat(out()).isEqualTo("no halt is set for heat\n");
    }

    @Test
    void timesThatAreNoneOrPastAreRefused() {
        job(RunRecord.Place.here(Map.of()));
        for (String time : List.of("soon", "2020-01-01T00:00", "2099-13-01T00:00", "Tomorrow")) {
            assertThat(halt("--after", time)).as(time).isEqualTo(2);
            assertThat(err.toString(StandardCharsets.UTF_8)).contains(time).hasLineCount(1);
        }
        assertThat(halt("--checkpoints", "0")).isEqualTo(2);
    }

    @Test
    void aConditionNeedsACoordinatorThatLives() {
        job(new RunRecord.Place("", NO_PROCESS, 1, 0, "", ""));
        assertThat(halt("--after", "2h")).isEqualTo(3);
    }

    @Test
    void aJobWithoutARankIsNotHaltedYet() {
        job(RunRecord.Place.here(Map.of()));
        assertThat(halt()).isEqualTo(4);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("MPI_Init").hasLineCount(1);
    }

    @Test
    void whatBecomesOfAJobThatACheckpointEndsIsKnownByItsMark() {
        JobDirectory job = job(RunRecord.Place.here(Map.of()));
        assertThat(job.endedByCheckpoint()).isFalse();
        for (JobDirectory.Afterwards afterwards : JobDirectory.Afterwards.values()) {
            job.markEndedByCheckpoint(afterwards);
            assertThat(job.endedByCheckpoint()).isTrue();
            assertThat(job.afterwards()).contains(afterwards);
        }
        job.remove();
        assertThat(job.path()).doesNotExist();
    }
}
