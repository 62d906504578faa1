// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/**
 * When a job that runs under a coordinator is to be checkpointed unasked, and when that is to be its end. Times are
 * milliseconds of one clock; lengths of 0 mean that the user did not ask.
 */
public final class Timetable {
    /** With {@code auto}, the first checkpoint measures the cost. */
    private static final long FIRST = 300_000;

    /** A cost that was measured is a guess of the next one. */
    private static final long MARGIN = 5_000;

    /** Before a time, a job can only be ended once the cost is known. */
    private static final long TRY_AGAIN = 10_000;

    private static final long NEVER = Long.MAX_VALUE / 4;

    private final Wishes wishes;
    private final long startedAt;
    private long intervalFrom;
    private long triedAt = -NEVER;
    private long costMillis;
    private long pauseMillis;
    private long endsAt = NEVER;
    private Halt halt = Halt.NONE;

    /** What is due. */
    public enum Due {
        /** Nothing. */
        NOTHING,
        /** A checkpoint, after which the job goes on. */
        CHECKPOINT,
        /** The last one, because the allocation ends. */
        END_OF_ALLOCATION,
        /** The last one, because the time is used up that the job may have in all. */
        END_OF_BUDGET,
        /** The last one, because somebody wanted the job to stop. */
        HALT
    }

    /**
     * What the user asked for.
     *
     * @param interval from the end of one checkpoint to the next one
     * @param auto the interval follows from cost and interruptions
     * @param mean time between interruptions, for {@code auto}
     * @param beforeEnd how long before the end of the allocation the job is to be ended by a checkpoint
     * @param budget how long the job may still run
     */
    public record Wishes(long interval, boolean auto, long mean, long beforeEnd, long budget) {}

    /**
     * What somebody asked for while the job runs.
     *
     * @param checkpoints how many are still to be taken, the last of which ends the job; 0: not asked
     * @param at when the job is to be ended; 0: not asked
     * @param before by when it is to have ended; 0: not asked
     */
    public record Halt(long checkpoints, long at, long before) {
        /** Nobody asked. */
        public static final Halt NONE = new Halt(0, 0, 0);
    }

    /** A timetable of a job that starts now. */
    public Timetable(Wishes wishes, long now) {
        this.wishes = wishes;
        startedAt = now;
        intervalFrom = now;
    }

    /** What is due now. */
    public Due due(long now) {
        boolean periodic = now >= nextPeriodic() || halt.before() > 0 && costMillis == 0 && now >= triedAt + TRY_AGAIN;
        if (halt.at() > 0 && now >= halt.at()
                || halt.before() > 0 && now >= halt.before() - lead()
                || halt.checkpoints() == 1 && periodic
                || halt.checkpoints() < 0) {
            return Due.HALT;
        }
        if (wishes.budget() > 0 && now >= startedAt + Math.max(0, wishes.budget() - lead())) {
            return Due.END_OF_BUDGET;
        }
        if (wishes.beforeEnd() > 0 && now >= endsAt - beforeEnd()) {
            return Due.END_OF_ALLOCATION;
        }
        return periodic ? Due.CHECKPOINT : Due.NOTHING;
    }

    /** How long before the end of the allocation the last checkpoint is due: longer than asked for if checkpoints take longer. */
    public long beforeEnd() {
        return Math.max(wishes.beforeEnd(), lead());
    }

    private long lead() {
        return 2 * costMillis + (costMillis > 0 ? MARGIN : 0);
    }

    private long nextPeriodic() {
        if (wishes.auto()) {
            return intervalFrom + autoInterval();
        }
        return wishes.interval() > 0 ? intervalFrom + wishes.interval() : NEVER;
    }

    private long autoInterval() {
        return pauseMillis == 0
                ? Math.min(FIRST, wishes.mean())
                : Math.max(costMillis, Daly.interval(pauseMillis, wishes.mean()));
    }

    /** A checkpoint was tried, successfully or not. */
    public void tried(long now) {
        intervalFrom = now;
        triedAt = now;
    }

    /** A checkpoint was committed: how long that took, and how long the job stood still for it. */
    public void measured(long cost, long pause) {
        costMillis = Math.max(1, cost);
        pauseMillis = Math.max(1, pause);
    }

    /** The allocation ends then. */
    public void allocationEnds(long at) {
        endsAt = at;
    }

    /** Somebody wants the job to stop, or does not any more. */
    public void halt(Halt wanted) {
        halt = wanted;
    }

    /** How long the last checkpoint took; 0: there was none. */
    public long costMillis() {
        return costMillis;
    }
}
