// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.coordinator.store.RunRecord.Again;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** What can be seen without Slurm. */
class ScontrolCommandTest {
    /** No job of any Slurm has it. */
    private static final String ID = "4000000001";

    @TempDir
    Path work;

    private Quiesce quiesce;
    private JobDirectory job;

    @BeforeEach
    void makeJob() {
        quiesce = new Quiesce(work, work);
        job = JobDirectory.create(work, "heat");
        describe(Again.BEGINS);
    }

    private void describe(Again again) {
        RunRecord.Place here = RunRecord.Place.here(Map.of("SLURM_JOB_ID", ID));
        job.write(new RunRecord(
                "heat", here, work.resolve("ckpt"), "heat", 0, 0, List.of("mpirun"), 0, Optional.empty(), again));
    }

    private int scontrol(String words) {
        return run("scontrol checkpoint " + words);
    }

    private int run(String words) {
        return quiesce.run(words.split(" "));
    }

    private void assertAble(String answer) {
        assertThat(scontrol("able " + ID)).isZero();
        assertThat(quiesce.out()).isEqualTo(answer);
        assertThat(quiesce.err()).isEmpty();
    }

    @Test
    void disablingIsCountedAndRefusesEveryCheckpoint() {
        assertAble("Yes\n");
        assertThat(scontrol("disable " + ID)).isZero();
        assertThat(scontrol("d " + ID)).isZero();
        assertThat(quiesce.out()).isEmpty();
        assertAble("No\n");
        assertThat(scontrol("en " + ID)).isZero();
        assertAble("No\n");
        assertThat(run("checkpoint heat")).isEqualTo(4);
        assertThat(quiesce.err()).contains("disabled").hasLineCount(1);
        assertThat(scontrol("create " + ID)).isEqualTo(1);
        assertThat(run("halt heat")).isEqualTo(4);
        assertThat(scontrol("enable " + ID)).isZero();
        assertAble("Yes\n");
        assertThat(scontrol("enable " + ID)).isZero();
        assertThat(scontrol("disable " + ID)).isZero();
        assertAble("No\n");
    }

    @Test
    void aCheckpointUnderWayIsToldWithItsBeginning() {
        ReferenceDirectory reference = new ReferenceDirectory(work.resolve("ckpt/heat"));
        reference.create();
        reference.whileLocked(() -> job.checkpoints().noting(reference, Clock.systemUTC(), () -> {
            assertThat(scontrol("able " + ID)).isZero();
            assertThat(quiesce.out()).matches("Began at \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\n");
            job.checkpoints().committed();
            return true;
        }));
        assertAble("Yes\n");
        assertThat(scontrol("error " + ID)).isZero();
        assertThat(quiesce.out()).isEqualTo("error(0): No error\n");
    }

    @Test
    void oneWhoseTakerWasKilledIsNotUnderWay() {
        ReferenceDirectory reference = new ReferenceDirectory(work.resolve("ckpt/heat"));
        reference.create();
        job.checkpoints().noting(reference, Clock.systemUTC(), () -> true);
        assertAble("Yes\n");
    }

    @Test
    void theLastErrorIsKept() {
        assertThat(scontrol("error " + ID)).isZero();
        assertThat(quiesce.out()).isEqualTo("error(0): No error\n");
        ReferenceDirectory reference = new ReferenceDirectory(work.resolve("ckpt/heat"));
        Throwable thrown = catchThrowable(() -> job.checkpoints().noting(reference, Clock.systemUTC(), () -> {
            throw new CrException(ErrorCode.RANK_LOST, "rank 3 has ended");
        }));
        assertThat(thrown).isInstanceOf(CrException.class);
        assertThat(scontrol("error " + ID)).isZero();
        assertThat(quiesce.out()).isEqualTo("error(1106): rank 3 has ended\n");
    }

    @Test
    void wordsThatAreNotUnderstoodAndJobsThatAreNotThereEndWithOne() {
        assertThat(scontrol("paint " + ID)).isEqualTo(1);
        assertThat(quiesce.err()).contains("paint", "vacate").hasLineCount(1);
        assertThat(scontrol("able 4000000002")).isEqualTo(1);
        assertThat(run("scontrol show job 1")).isEqualTo(1);
    }

    @Test
    void aJobIsNotEndedThatWouldBeginAnewOrThatNobodyCouldQueueAgain() {
        assertThat(scontrol("requeue " + ID)).isEqualTo(1);
        assertThat(quiesce.err()).contains("is not ended", "--restart").hasLineCount(1);
        describe(Again.GOES_ON_IN_JOB);
        assertThat(scontrol("requeue " + ID + " ImageDir=elsewhere")).isEqualTo(1);
        assertThat(quiesce.err()).contains("ImageDir").hasLineCount(1);
        assertThat(scontrol("requeue " + ID)).isEqualTo(1);
        assertThat(quiesce.err()).contains("Slurm does not say").hasLineCount(1);
        assertThat(job.endedByCheckpoint()).isFalse();
    }

    @Test
    void withoutARecordARestartSaysWhatToDo() {
        work.resolve("ckpt").toFile().mkdirs();
        assertThat(scontrol("restart " + ID + " ImageDir=ckpt")).isEqualTo(1);
        assertThat(quiesce.err())
                .contains("no record", "ImageDir=DIR", "quiesce restart")
                .hasLineCount(1);
    }

    @Test
    void nothingOfItIsLeftWithTheJob() {
        scontrol("disable " + ID);
        job.checkpoints().noting(new ReferenceDirectory(work), Clock.systemUTC(), () -> true);
        job.remove();
        assertThat(job.path()).doesNotExist();
    }
}
