// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/**
 * How long each phase may last, in milliseconds.
 *
 * @param connectMillis until every rank is there
 * @param collectivesMillis until the collectives have converged: as long as the slowest rank computes between two calls
 * @param stepMillis for each of STOP, DRAIN, CALLBACKS, RESUME, and for the way back after a failure
 * @param writeMillis for each of DUMP, SEAL and COMMIT
 * @param roundMillis for everything up to the end of SEAL
 */
public record Limits(long connectMillis, long collectivesMillis, long stepMillis, long writeMillis, long roundMillis) {
    /** What is used when the user says nothing. */
    public static final Limits DEFAULT = new Limits(10_000, 300_000, 60_000, 3_600_000, 7_200_000);

    /** The same limits, with at most {@code millis} for the whole round. */
    public Limits withRound(long millis) {
        return new Limits(connectMillis, collectivesMillis, stepMillis, writeMillis, Math.min(roundMillis, millis));
    }

    long nanos(Phase phase) {
        long millis = switch (phase) {
            case CONNECT -> connectMillis;
            case COLLECTIVES -> collectivesMillis;
            case STOP, DRAIN, CALLBACKS, RESUME, ABORT -> stepMillis;
            case DUMP, SEAL, COMMIT -> writeMillis;
            case ENDED -> Long.MAX_VALUE / 1_000_000 / 4;
        };
        return millis * 1_000_000;
    }
}
