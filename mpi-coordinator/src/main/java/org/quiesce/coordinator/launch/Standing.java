// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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
        return text.lines()
                .filter(line -> line.startsWith("JobId=" + job + ' '))
                .findFirst()
                .map(line -> new Standing(
                        value(line, "JobState"),
                        value(line, "Reason"),
                        number(value(line, "Restarts")),
                        !value(line, "PreemptTime").matches("|None|\\(null\\)|Unknown")));
    }

    private static String value(String line, String key) {
        Matcher matcher = Pattern.compile(" " + key + "=(\\S*)").matcher(line);
        return matcher.find() ? matcher.group(1) : "";
    }

    private static int number(String digits) {
        return digits.matches("[0-9]{1,9}") ? Integer.parseInt(digits) : 0;
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
