// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One job as {@code scontrol -o show job} shows it: words {@code KEY=VALUE}, of which some values have spaces.
 *
 * @param line all of it
 */
public record ShownJob(String line) {
    /** The line of this job, if it is among these. */
    static Optional<ShownJob> read(String text, String job) {
        return text.lines()
                .filter(line -> line.startsWith("JobId=" + job + ' '))
                .findFirst()
                .map(ShownJob::new);
    }

    /** A value without spaces; empty if it is not shown. */
    public String word(String key) {
        return match(" " + Pattern.quote(key) + "=(\\S*)").orElse("");
    }

    /** A value that may have spaces, up to the next key; empty if it is not shown. */
    public String text(String key) {
        return match(" " + Pattern.quote(key) + "=(.*?) *(?= [A-Z][A-Za-z:/]*=|$)")
                .orElse("");
    }

    private Optional<String> match(String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(line);
        return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    }

    /** Whether it has a script, so that it can be run again. */
    public boolean isBatch() {
        return word("BatchFlag").equals("1");
    }

    /** Whether its user and the site let it be queued again. */
    public boolean mayBeQueuedAgain() {
        return word("Requeue").equals("1");
    }

    /** In Slurm's words, such as RUNNING. */
    public String state() {
        return word("JobState");
    }

    /** How often it was queued again. */
    public int restarts() {
        String digits = word("Restarts");
        return digits.matches("[0-9]{1,9}") ? Integer.parseInt(digits) : 0;
    }

    /** Whether it waits, runs or has not quite ended. */
    public boolean isActive() {
        return state().matches("PENDING|CONFIGURING|RUNNING|SUSPENDED|STOPPED|COMPLETING|SIGNALING|RESIZING|STAGE_OUT|"
                + "REQUEUED|REQUEUE_HOLD|REQUEUE_FED|RESV_DEL_HOLD|SPECIAL_EXIT");
    }
}
