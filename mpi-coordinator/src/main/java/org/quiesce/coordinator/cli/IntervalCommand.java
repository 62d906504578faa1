// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.Locale;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.CheckpointRequest;
import org.quiesce.coordinator.Coordinator;
import org.quiesce.coordinator.IntervalAdvice;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code quiesce interval}. */
final class IntervalCommand implements Command {
    private static final long SECOND = 1000;
    private static final long MINUTE = 60 * SECOND;
    private static final long HOUR = 60 * MINUTE;

    @Override
    public String name() {
        return "interval";
    }

    @Override
    public String arguments() {
        return "TARGET|REF";
    }

    @Override
    public String purpose() {
        return "tell how often to checkpoint a job, from what its checkpoints cost and how often it was interrupted";
    }

    @Override
    public Options options() {
        return new Options().addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        IntervalAdvice advice = IntervalAdvice.of(reference(Command.argument(line, "TARGET|REF"), context));
        if (line.hasOption("json")) {
            Json.print(advice, context.out());
        } else {
            tell(advice, context);
        }
        return 0;
    }

    /** Of a job that runs, or where there is none of that name, the one that has it. */
    private static ReferenceDirectory reference(String target, Context context) {
        JobRegistry.Job job;
        try {
            job = Targets.find(target, context);
        } catch (CrException e) {
            if (e.code() != ErrorCode.NO_AGENT) {
                throw e;
            }
            return References.named(target, context).reference();
        }
        return new ReferenceDirectory(new Coordinator(job, context.environment()).reference(CheckpointRequest.plain()));
    }

    private static void tell(IntervalAdvice advice, Context context) {
        context.out()
                .println("checkpoints    " + advice.checkpoints() + ", the newest took " + words(advice.costMillis())
                        + "; the job stood still for " + words(advice.pauseMillis()) + " of that");
        context.out()
                .println("interruptions  "
                        + (advice.interruptions() == 0
                                ? "none in " + words(advice.ranMillis()) + "; one in " + words(advice.meanMillis())
                                        + " is assumed"
                                : advice.interruptions() + " in " + words(advice.ranMillis()) + ": one in "
                                        + words(advice.meanMillis())));
        context.out().println("interval       " + words(advice.intervalMillis()));
    }

    private static String words(long millis) {
        if (millis < MINUTE) {
            return String.format(Locale.ROOT, "%.3f s", millis / (double) SECOND);
        }
        return millis < HOUR
                ? String.format(Locale.ROOT, "%d min %d s", millis / MINUTE, millis % MINUTE / SECOND)
                : String.format(Locale.ROOT, "%d h %d min", millis / HOUR, millis % HOUR / MINUTE);
    }
}
