// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints before some ranks are in MPI_Init, and after MPI_Finalize, are refused and do no harm. */
final class PhasesTest {
    private static final int TRY_AGAIN = 4;

    @TempDir
    Path work;

    @Test
    void aCheckpointIsPossibleWhileAllRanksAreBetweenInitAndFinalize() throws Exception {
        String program = Stage.program("mpicc", "system-tests/src/test/programs/phases.c");
        try (MpiJob job = new MpiJob(work, "phases", 3, Map.of(), List.of(), List.of(program, work.toString()))) {
            job.start();
            job.awaitOutput("rank 0 is there").awaitOutput("rank 1 is there").awaitOutput("rank 2 is there");
            refused(job, "has it reached MPI_Init");
            Files.createFile(work.resolve("init"));
            job.awaitOutput("rank 0 is in").awaitOutput("rank 1 is in").awaitOutput("rank 2 is in");
            job.checkpoint();
            Files.createFile(work.resolve("end"));
            job.awaitOutput("rank 0 is out").awaitOutput("rank 1 is out").awaitOutput("rank 2 is out");
            refused(job, "MPI_Finalize");
            Files.createFile(work.resolve("leave"));
            job.result();
            assertThat(job.run().stdout()).contains("sum 3");
            job.restart().result();
            assertThat(job.run().stdout()).contains("sum 3");
        }
    }

    private static void refused(MpiJob job, String why) throws Exception {
        Run checkpoint = job.checkpointBeside();
        checkpoint.awaitStatus(TRY_AGAIN, MpiJob.LIMIT);
        assertThat(checkpoint.describe()).contains(why);
    }
}
