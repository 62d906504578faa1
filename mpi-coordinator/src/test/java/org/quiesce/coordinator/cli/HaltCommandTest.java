// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.RunRecord;

class HaltCommandTest {
    private static final long NO_PROCESS = 999_999_999;

    @TempDir
    Path work;

    private Quiesce quiesce;

    @BeforeEach
    void makeQuiesce() {
        quiesce = new Quiesce(work, work);
    }

    private int halt(String... words) {
        List<String> all = new ArrayList<>(List.of("halt"));
        all.addAll(List.of(words));
        all.add("heat");
        return quiesce.run(all.toArray(String[]::new));
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
        assertThat(quiesce.out()).isEqualTo("no halt is set for heat\n");
        assertThat(halt("--after", "2h")).isZero();
        assertThat(quiesce.out()).startsWith("heat is to be halted at 2").hasLineCount(1);
        assertThat(halt("--before", "2099-12-31T23:59")).isZero();
        assertThat(quiesce.out()).startsWith("heat is to be halted before 2099-12-31T23:59:00, and not at 2");
        assertThat(halt("--checkpoints", "7")).isZero();
        assertThat(quiesce.out()).startsWith("heat is to be halted with checkpoint 6, and not before 2099");
        assertThat(halt("--list")).isZero();
        assertThat(quiesce.out()).isEqualTo("heat is to be halted with checkpoint 6\n");
        assertThat(job.halt()).isPresent();
        assertThat(halt("--remove")).isZero();
        assertThat(quiesce.out()).isEqualTo("the halt of heat is removed\n");
        assertThat(job.halt()).isEmpty();
        assertThat(halt("--remove")).isZero();
        assertThat(quiesce.out()).isEqualTo("no halt is set for heat\n");
    }

    @Test
    void timesThatAreNoneOrPastAreRefused() {
        job(RunRecord.Place.here(Map.of()));
        for (String time : List.of("soon", "2020-01-01T00:00", "2099-13-01T00:00", "Tomorrow")) {
            assertThat(halt("--after", time)).as(time).isEqualTo(2);
            assertThat(quiesce.err()).contains(time).hasLineCount(1);
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
        assertThat(quiesce.err()).contains("MPI_Init").hasLineCount(1);
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
