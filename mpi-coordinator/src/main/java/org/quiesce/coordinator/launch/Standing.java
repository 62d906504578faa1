// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.util.Optional;

/**
 * How Slurm sees a job.
 *
 * @param state in Slurm's words
 * @param reason why it is so; {@code None}: Slurm says none
 * @param restarts how often it was started again
 * @param preempted whether Slurm is about to take its nodes away
 */
public record Standing(String state, String reason, int restarts, boolean preempted) {
    /** Slurm lets its processes end, or waits for them: it was cancelled, requeued, or its time is over. */
    private static final String ENDS = "COMPLETING";

    private static final String TIME_LIMIT = "TimeLimit";

    /** Reads the line of a job from {@code scontrol -o show job}. */
    static Optional<Standing> read(String text, String job) {
        return ShownJob.read(text, job)
                .map(shown -> new Standing(
                        shown.state(),
                        shown.word("Reason"),
                        shown.restarts(),
                        !shown.word("PreemptTime").matches("|None|\\(null\\)|Unknown")));
    }

    /** Whether its time limit has ended it. */
    public boolean timeIsOver() {
        return state.equals(ENDS) && reason.equals(TIME_LIMIT);
    }

    /** Whether one of its processes, that knows of this many restarts, may queue it again. */
    boolean mayRequeue(int knownRestarts) {
        return restarts == knownRestarts && (timeIsOver() || !state.equals(ENDS) && !state.equals("CANCELLED"));
    }
}
