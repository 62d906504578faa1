// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import org.quiesce.coordinator.core.Daly;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.Ledger;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.Times;

/**
 * How often a job is to be checkpointed, from what its reference tells; {@code --interval auto} goes by the same.
 *
 * @param checkpoints how many there are
 * @param costMillis from the request of the newest one to its commit
 * @param pauseMillis for how much of that the job stood still
 * @param ranMillis for how long all incarnations of the job have run, as far as they have said
 * @param interruptions how many of them have ended without saying so
 * @param meanMillis the time between two interruptions; assumed if there was none
 * @param intervalMillis Daly's, from one checkpoint to the next
 */
public record IntervalAdvice(
        int checkpoints,
        long costMillis,
        long pauseMillis,
        long ranMillis,
        int interruptions,
        long meanMillis,
        long intervalMillis) {
    private static final long MICROS = 1000;

    /** Refuses where there is no checkpoint to learn from. */
    public static IntervalAdvice of(ReferenceDirectory reference) {
        int newest = reference
                .newest()
                .orElseThrow(() -> new CrException(
                        ErrorCode.REFUSED,
                        "no interval for " + reference.path()
                                + ": it holds no checkpoint whose cost could be told; take one first"));
        Times times = ManifestFile.read(reference.sequence(newest)).times();
        long cost = Duration.between(times.startedAt(), times.committedAt()).toMillis();
        long pause = pauseMicros(times) / MICROS;
        Ledger ledger = new Fence(reference.path()).ledger();
        long mean = Incarnation.mean(ledger);
        return new IntervalAdvice(
                reference.sequences().size(),
                cost,
                pause,
                ledger.usedMillis(),
                ledger.interruptions(),
                mean,
                Math.max(cost, Daly.interval(pause, mean)));
    }

    private static long pauseMicros(Times times) {
        Set<String> pausing = Keeper.PAUSE.stream().map(Phase::title).collect(Collectors.toSet());
        return times.phases().stream()
                .filter(phase -> pausing.contains(phase.phase()))
                .mapToLong(Times.PhaseTime::micros)
                .sum();
    }
}
