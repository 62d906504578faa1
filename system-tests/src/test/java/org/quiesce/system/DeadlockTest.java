// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A deadlocked program: a checkpoint says who waits for whom and in which call, and the job is as deadlocked as it was. */
final class DeadlockTest {
    private static final int TIMED_OUT = 5;
    private static final int SOON = 4;
    private static final int LATE = 100;

    @TempDir
    Path work;

    private MpiJob deadlocked(String how) throws Exception {
        String program = Stage.program("mpicc", "system-tests/src/test/programs/deadlock.c");
        return new MpiJob(work, "deadlock", 3, Map.of(), List.of(), List.of(program, how));
    }

    private static void awaitStuck(MpiJob job) throws Exception {
        job.awaitOutput("stuck 0").awaitOutput("stuck 1").awaitOutput("stuck 2");
    }

    private static void assertAsStuckAsBefore(MpiJob job, List<ProcessHandle> ranks) {
        assertThat(job.run().alive()).as(job.run().describe()).isTrue();
        assertThat(job.ranks()).containsExactlyInAnyOrderElementsOf(ranks);
        assertThat(job.run().stdout()).doesNotContain("not stuck");
    }

    static Stream<Arguments> deadlocks() {
        return Stream.of(
                Arguments.of(
                        "barrier",
                        List.of(
                                "in MPI_Barrier on MPI_COMM_WORLD, waits for rank 1",
                                "in MPI_Recv, waits for rank 0",
                                "in MPI_Barrier on MPI_COMM_WORLD, waits for rank 1"),
                        "0 -> 1 -> 0"),
                Arguments.of(
                        "communicators",
                        List.of(
                                "in MPI_Barrier on communicator 1 \"left\" of MPI_Comm_dup, waits for ranks 1-2",
                                "in MPI_Allreduce on communicator 2 \"right\" of MPI_Comm_dup, waits for rank 0",
                                "in MPI_Allreduce on communicator 2 \"right\" of MPI_Comm_dup, waits for rank 0"),
                        "0 -> 1 -> 0"),
                Arguments.of(
                        "window",
                        List.of(
                                "in MPI_Win_fence on window 1 \"halo\" of MPI_Win_create, waits for ranks 1-2",
                                "in MPI_Win_lock on window 1 \"halo\" of MPI_Win_create, waits for rank 2",
                                "in MPI_Recv, waits for rank 1"),
                        "1 -> 2 -> 1"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("deadlocks")
    void aCheckpointNamesWhoWaitsForWhomAndLeavesTheJobAsItWas(String how, List<String> waits, String circle)
            throws Exception {
        try (MpiJob job = deadlocked(how)) {
            awaitStuck(job.start());
            List<ProcessHandle> ranks = job.ranks();
            int seconds = SOON;
            while (!isToldWithin(seconds, job, waits, circle)) {
                seconds *= 2;
                assertThat(seconds)
                        .as("seconds in which " + waits + " must be told")
                        .isLessThan(LATE);
            }
            assertAsStuckAsBefore(job, ranks);
        }
    }

    /** A busy machine may need longer than the limit to ask the ranks at all. */
    private static boolean isToldWithin(int seconds, MpiJob job, List<String> waits, String circle) throws Exception {
        Run checkpoint = job.checkpointBeside("--max-wait", Integer.toString(seconds));
        boolean inStatus = false;
        while (checkpoint.alive()) {
            String status = job.status();
            inStatus |= waits.stream().allMatch(status::contains);
        }
        assertThat(checkpoint.await(MpiJob.LIMIT)).as(checkpoint.describe()).isEqualTo(TIMED_OUT);
        String message = checkpoint.stderr();
        return inStatus
                && message.contains("rank 0 is " + waits.get(0))
                && message.contains("rank 1 is " + waits.get(1))
                && message.contains("rank 2 is " + waits.get(2))
                && message.contains("wait for each other: " + circle);
    }

    static Stream<Arguments> withoutCollectives() {
        return Stream.of(
                Arguments.of(
                        "receives",
                        "rank 0 is in MPI_Recv, waits for rank 1; rank 1 is in MPI_Recv, waits for rank 2; "
                                + "rank 2 is in MPI_Recv, waits for rank 0; "
                                + "ranks wait for each other: 0 -> 1 -> 2 -> 0"),
                Arguments.of(
                        "calls",
                        "rank 0 is in MPI_Probe, waits for rank 1; rank 1 is in MPI_Waitall, waits for rank 2; "
                                + "rank 2 is in MPI_Ssend, waits for rank 1; "
                                + "ranks wait for each other: 1 -> 2 -> 1"));
    }

    /** Nobody is in a collective: there is nothing to wait for, and the image is of a deadlocked job, which is said. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("withoutCollectives")
    void aDeadlockWithoutCollectivesIsToldSavedAndRestartedAsItIs(String how, String graph) throws Exception {
        try (MpiJob job = deadlocked(how)) {
            awaitStuck(job.start());
            List<ProcessHandle> ranks = job.ranks();
            awaitTold(job, graph);
            assertAsStuckAsBefore(job, ranks);
            job.kill();
            job.restart();
            awaitTold(job, graph);
            assertThat(job.run().alive()).as(job.run().describe()).isTrue();
            assertThat(job.run().stdout()).doesNotContain("not stuck");
        }
    }

    /** A rank that has just printed may not have come to its call, and one that is being restarted is not there yet. */
    private static void awaitTold(MpiJob job, String graph) throws Exception {
        Await.until("the job is checkpointed, and said to be deadlocked", MpiJob.LIMIT, () -> {
            Run checkpoint = job.checkpointBeside();
            return checkpoint.await(MpiJob.LIMIT) == 0
                    && checkpoint.stderr().contains("all ranks wait for messages, and none is under way: " + graph);
        });
    }

    /** Rank 0 has a thread that rests, and could end the job or send. */
    @Test
    void aJobThatMayGoOnIsNotSaidToBeDeadlocked() throws Exception {
        try (MpiJob job = deadlocked("thread")) {
            awaitStuck(job.start());
            for (int checkpoints = 0; checkpoints < 2; checkpoints++) {
                Run checkpoint = job.checkpointBeside();
                checkpoint.awaitStatus(0, MpiJob.LIMIT);
                assertThat(checkpoint.stderr()).doesNotContain("deadlocked");
            }
        }
    }
}
