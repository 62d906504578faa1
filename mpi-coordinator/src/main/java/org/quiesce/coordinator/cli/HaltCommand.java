// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.time.Clock;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.OptionGroup;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.CheckpointRequest;
import org.quiesce.coordinator.Committed;
import org.quiesce.coordinator.Coordinator;
import org.quiesce.coordinator.NodeRevival;
import org.quiesce.coordinator.launch.Interval;
import org.quiesce.coordinator.store.HaltRecord;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code quiesce halt}. */
final class HaltCommand implements Command {
    private static final int NO_SEQUENCE = -1;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss", Locale.ROOT);

    @Override
    public String name() {
        return "halt";
    }

    @Override
    public String arguments() {
        return "TARGET";
    }

    @Override
    public String purpose() {
        return "checkpoint a job and end it, so that it is not queued again: now, or on a condition";
    }

    @Override
    public Options options() {
        return new Options()
                .addOptionGroup(new OptionGroup()
                        .addOption(Usage.value("checkpoints", "N", "with the Nth checkpoint from now on"))
                        .addOption(Usage.value("before", "T", "so early that it has ended T from now, or at T"))
                        .addOption(Usage.value("after", "T", "when T has gone by, or at T"))
                        .addOption(Usage.flag("list", "print the condition, and end"))
                        .addOption(Usage.flag("remove", "the condition holds no more, the job goes on")));
    }

    @Override
    public int run(CommandLine line, Context context) {
        JobRegistry.Job job = Targets.find(Command.argument(line, "TARGET"), context);
        if (line.hasOption("list")) {
            context.out()
                    .println(job.directory()
                            .halt()
                            .map(record -> job.name() + " is to be halted " + words(record))
                            .orElse("no halt is set for " + job.name()));
            return 0;
        }
        if (line.hasOption("remove")) {
            boolean was = job.directory().removeHalt();
            context.out()
                    .println(was ? "the halt of " + job.name() + " is removed" : "no halt is set for " + job.name());
            return 0;
        }
        if (line.hasOption("checkpoints") || line.hasOption("before") || line.hasOption("after")) {
            checkWatched(job);
            set(record(line, context, job), context, job);
            return 0;
        }
        return now(line, context, job);
    }

    private static int now(CommandLine line, Context context, JobRegistry.Job job) {
        RoundProgress progress = new RoundProgress(context, line.hasOption("verbose"));
        try {
            Coordinator coordinator =
                    new Coordinator(NodeRevival.revive(job, context.environment()), context.environment());
            Committed committed = coordinator.checkpoint(
                    new CheckpointRequest(Optional.empty(), CheckpointRequest.Ending.HALT, OptionalLong.empty()),
                    progress);
            context.out().println(committed.reference());
            return Stores.status(committed, context);
        } finally {
            progress.finish();
        }
    }

    /** Only a coordinator that stays with the job can wait for a condition. */
    private static void checkWatched(JobRegistry.Job job) {
        boolean watched = job.directory()
                .run()
                .map(RunRecord::place)
                .map(RunRecord.Place::mayBeAlive)
                .orElse(false);
        if (!watched) {
            throw new CrException(
                    ErrorCode.REFUSED,
                    "job " + job.name() + " has no quiesce run that would wait for the condition; \"quiesce halt "
                            + job.name() + "\" without one halts it now");
        }
    }

    private static void set(HaltRecord record, Context context, JobRegistry.Job job) {
        String instead = job.directory()
                .halt()
                .map(before -> ", and not " + words(before))
                .orElse("");
        try {
            job.directory().write(record);
        } catch (CrException e) {
            if (job.directory().run().isPresent()) {
                throw e;
            }
            throw new CrException(ErrorCode.NO_AGENT, "job " + job.name() + " has just ended", e);
        }
        context.out().println(job.name() + " is to be halted " + words(record) + instead);
    }

    private static HaltRecord record(CommandLine line, Context context, JobRegistry.Job job) {
        if (line.hasOption("checkpoints")) {
            int count = Command.number(line, "checkpoints", 1);
            ReferenceDirectory reference = new ReferenceDirectory(
                    new Coordinator(job, context.environment()).reference(CheckpointRequest.plain()));
            return new HaltRecord((long) reference.newest().orElse(NO_SEQUENCE) + count, 0, 0);
        }
        return line.hasOption("before")
                ? new HaltRecord(NO_SEQUENCE, 0, time(line, "before"))
                : new HaltRecord(NO_SEQUENCE, time(line, "after"), 0);
    }

    /** A length of time from now on, or a time of this place. */
    private static long time(CommandLine line, String option) {
        String text = line.getOptionValue(option);
        Instant now = Clock.systemUTC().instant();
        if (!text.contains("T")) {
            return now.plus(Interval.parse(text)).toEpochMilli();
        }
        try {
            Instant then =
                    LocalDateTime.parse(text).atZone(ZoneId.systemDefault()).toInstant();
            if (then.isAfter(now)) {
                return then.toEpochMilli();
            }
        } catch (DateTimeException e) {
            throw new CrException(
                    ErrorCode.USAGE, "\"" + text + "\" is no time such as 2h, 1:30:00 or 2030-12-31T23:59:00", e);
        }
        throw Command.usage("--" + option + ' ' + text + " is past");
    }

    private static String words(HaltRecord record) {
        if (record.lastSequence() >= 0) {
            return "with checkpoint " + record.lastSequence();
        }
        return record.beforeMillis() > 0 ? "before " + local(record.beforeMillis()) : "at " + local(record.atMillis());
    }

    private static String local(long millis) {
        return TIME.format(
                Instant.ofEpochMilli(millis).atZone(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS));
    }
}
