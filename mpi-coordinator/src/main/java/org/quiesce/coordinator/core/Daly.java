// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/**
 * How often to take checkpoints: the interval that loses the least time, by the higher order estimate of J. T. Daly (Future
 * Generation Computer Systems 22, 2006, pages 303 to 312).
 */
public final class Daly {
    private static final double THIRD = 3.0;
    private static final double EIGHTEEN = 18.0;

    private Daly() {}

    /**
     * The time from one checkpoint to the next.
     *
     * @param cost what a checkpoint costs the job
     * @param mean time between two interruptions
     */
    public static long interval(long cost, long mean) {
        if (cost >= 2 * mean) {
            return mean;
        }
        double ratio = cost / (2.0 * mean);
        double best = Math.sqrt(2.0 * cost * mean) * (1 + Math.sqrt(ratio) / THIRD + 2 * ratio / EIGHTEEN) - cost;
        return Math.max(cost, Math.round(best));
    }
}
