// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

class FenceTest {
    private static final RunRecord.Place ELSEWHERE = new RunRecord.Place("elsewhere", 7, 8, 0, "12", "");

    @TempDir
    Path work;

    private Fence fence;

    @BeforeEach
    void makeFence() {
        fence = new Fence(work.resolve("heat"));
    }

    private Ledger take(boolean fresh) {
        return fence.take(ELSEWHERE, 1, fresh, ledger -> false);
    }

    private static ErrorCode codeOf(ThrowingCallable call) {
        return catchThrowableOfType(CrException.class, call).code();
    }

    @Test
    void whereNobodyWasNobodyIsFencedOut() {
        assertThat(fence.ledger()).isEqualTo(Ledger.NONE);
        fence.check(0);
    }

    @Test
    void eachIncarnationGetsTheNextNumberAndOnlyTheNewestMayCommit() {
        assertThat(take(true).incarnation()).isEqualTo(1);
        assertThat(fence.whileNewest(1, () -> "done")).isEqualTo("done");
        assertThat(take(false).incarnation()).isEqualTo(2);
        assertThat(codeOf(() -> fence.whileNewest(1, () -> "done"))).isEqualTo(ErrorCode.FENCED);
        assertThat(codeOf(() -> fence.check(0))).isEqualTo(ErrorCode.FENCED);
        fence.check(2);
    }

    @Test
    void lossesInARowAreCountedUntilThereIsANewCheckpoint() {
        take(true);
        assertThat(fence.lost(1, -1, 0)).isEqualTo(1);
        take(false);
        assertThat(fence.lost(2, -1, 0)).isEqualTo(2);
        take(false);
        assertThat(fence.lost(3, 0, 0)).isEqualTo(1);
        take(false);
        assertThat(fence.lost(4, 0, 0)).isEqualTo(2);
        assertThat(codeOf(() -> fence.lost(3, 0, 0))).isEqualTo(ErrorCode.FENCED);
        take(true);
        assertThat(fence.lost(5, 0, 0)).isEqualTo(1);
    }

    @Test
    void aHolderThatLivesIsNotOvertaken() {
        take(true);
        assertThat(codeOf(() -> fence.take(ELSEWHERE, 1, false, ledger -> true)))
                .isEqualTo(ErrorCode.BUSY);
        fence.note(1, Ledger.State.PAUSED, 5);
        assertThat(fence.take(ELSEWHERE, 1, false, ledger -> true).incarnation())
                .isEqualTo(2);
    }

    @Test
    void timeIsAddedUpOverPausesAndBeginsAnewWithANewRun() {
        take(true);
        fence.note(1, Ledger.State.PAUSED, 500);
        assertThat(take(false).usedMillis()).isEqualTo(500);
        fence.note(2, Ledger.State.RUNNING, 900);
        Ledger third = take(false);
        assertThat(third.usedMillis()).isEqualTo(900);
        assertThat(third.interruptions()).isEqualTo(1);
        fence.note(3, Ledger.State.ENDED, 1000);
        assertThat(take(false).usedMillis()).isZero();
        fence.note(4, Ledger.State.PAUSED, 7);
        assertThat(take(true).usedMillis()).isZero();
    }

    @Test
    void theLedgerComesBackAsItWasWritten() {
        Ledger taken = take(true);
        assertThat(fence.ledger()).isEqualTo(taken);
        assertThat(taken.holder()).isEqualTo(ELSEWHERE);
        assertThat(taken.slurmRestarts()).isEqualTo(1);
    }

    @Test
    void noNumberOfACheckpointIsBegunByTwoIncarnations() throws Exception {
        Files.createDirectories(work.resolve("heat"));
        assertThat(fence.begin(0, () -> 4)).as("without incarnations").isEqualTo(4);
        take(true);
        assertThat(fence.begin(1, () -> 5)).isEqualTo(5);
        assertThat(fence.begin(1, () -> 5)).as("after a failure").isEqualTo(5);
        take(false);
        assertThat(codeOf(() -> fence.begin(1, () -> 6))).isEqualTo(ErrorCode.FENCED);
        assertThat(fence.begin(2, () -> 5)).isEqualTo(6);
        assertThat(fence.begin(2, () -> 5)).as("after a failure").isEqualTo(6);
        assertThat(fence.begin(2, () -> 7)).isEqualTo(7);
        assertThat(fence.begin(Long.MAX_VALUE, () -> 1)).as("of another job").isEqualTo(7);
    }

    @Test
    void aDamagedLedgerLetsNobodyCommit() throws Exception {
        take(true);
        Files.writeString(work.resolve("heat/ledger.properties"), "incarnation=many\n");
        assertThat(codeOf(() -> fence.check(1))).isEqualTo(ErrorCode.WRITE);
        assertThat(codeOf(() -> take(false))).isEqualTo(ErrorCode.WRITE);
    }

    @Test
    void numbersAreTakenOneAfterTheOther() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Callable<Ledger>> takers = IntStream.range(0, 20)
                .mapToObj(i -> (Callable<Ledger>) () -> take(false))
                .toList();
        threads.invokeAll(takers);
        threads.shutdown();
        assertThat(fence.ledger().incarnation()).isEqualTo(20);
    }
}
