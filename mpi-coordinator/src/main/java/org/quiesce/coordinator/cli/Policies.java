// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.quiesce.coordinator.ResidentPolicy;
import org.quiesce.coordinator.ResidentPolicy.Requeue;
import org.quiesce.coordinator.launch.Interval;
import org.quiesce.coordinator.launch.Slurm;

/** What the options of {@code quiesce run} say of checkpoints that nobody asks for. */
final class Policies {
    private static final String AUTO = "auto";
    private static final String INTERVAL = "QUIESCE_INTERVAL";

    private Policies() {}

    static ResidentPolicy parse(CommandLine line, Context context) {
        boolean batch = new Slurm(context.environment()).isBatch();
        if (line.hasOption("before-end") && !batch) {
            throw Command.usage("--before-end needs a Slurm job, whose time ends; there is no SLURM_JOB_ID here");
        }
        if (line.hasOption("total-time") && !line.hasOption("name")) {
            throw Command.usage("--total-time needs --name, by which the next run finds what this one has used");
        }
        Optional<String> interval = Optional.ofNullable(
                        line.getOptionValue("interval", context.environment().get(INTERVAL)))
                .filter(text -> !text.isEmpty());
        boolean auto = interval.filter(AUTO::equals).isPresent();
        return new ResidentPolicy(
                auto ? Optional.empty() : interval.map(Interval::parse),
                auto,
                time(line, "before-end"),
                time(line, "total-time"),
                time(line, "max-wait"),
                requeue(line, batch));
    }

    private static Optional<Duration> time(CommandLine line, String option) {
        return Optional.ofNullable(line.getOptionValue(option)).map(Interval::parse);
    }

    /** In a batch job that goes on where it was, a signal of Slurm's means what it says. */
    private static Requeue requeue(CommandLine line, boolean batch) {
        if (!line.hasOption("requeue")) {
            return batch && line.hasOption("restart") ? Requeue.EXIT : Requeue.FORWARD;
        }
        String how = Optional.ofNullable(line.getOptionValue("requeue")).orElse(batch ? "scontrol" : "exit");
        return switch (how) {
            case "exit" -> Requeue.EXIT;
            case "scontrol" -> Requeue.SCONTROL;
            case "hold" -> Requeue.HOLD;
            case "none" -> Requeue.NONE;
            default ->
                throw Command.usage("--requeue=" + how.toLowerCase(Locale.ROOT)
                        + " is not known; there are exit, scontrol, hold and none");
        };
    }
}
