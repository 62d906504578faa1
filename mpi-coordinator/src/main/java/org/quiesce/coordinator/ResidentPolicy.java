// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.time.Duration;
import java.util.Optional;

/**
 * When a resident coordinator takes checkpoints unasked, and what it does when the job's time is over.
 *
 * @param interval from the start, and from the end of one checkpoint, to the next one; empty: none
 * @param auto the interval follows from cost and interruptions
 * @param beforeEnd how long before the end of its allocation the job is ended by a checkpoint
 * @param totalTime how long the job may run in all, over all its incarnations
 * @param maxWait the longest that a checkpoint may take which ends the job
 * @param requeue what happens then
 */
public record ResidentPolicy(
        Optional<Duration> interval,
        boolean auto,
        Optional<Duration> beforeEnd,
        Optional<Duration> totalTime,
        Optional<Duration> maxWait,
        Requeue requeue) {
    /** Nothing is done unasked, and signals are the job's. */
    public static final ResidentPolicy NOTHING = new ResidentPolicy(
            Optional.empty(), false, Optional.empty(), Optional.empty(), Optional.empty(), Requeue.FORWARD);

    /** The same without a requeue by Slurm's commands. */
    public ResidentPolicy leaving() {
        return new ResidentPolicy(
                interval, auto, beforeEnd, totalTime, maxWait, requeue == Requeue.SCONTROL ? Requeue.EXIT : requeue);
    }

    /** What happens to a job whose time is over. */
    public enum Requeue {
        /** Nobody asked: USR1 and TERM are for the program. */
        FORWARD,
        /** It is checkpointed and ended, with the status that asks for another run. */
        EXIT,
        /** The same, and Slurm is told to queue the batch job again. */
        SCONTROL,
        /** The same, and it is held until somebody releases it. */
        HOLD,
        /** It is checkpointed and ended as the launcher ends. */
        NONE
    }
}
