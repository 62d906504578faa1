// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.CheckpointRequest;
import org.quiesce.coordinator.CheckpointRequest.Ending;
import org.quiesce.coordinator.Committed;
import org.quiesce.coordinator.Coordinator;
import org.quiesce.coordinator.NodeRevival;
import org.quiesce.coordinator.RoundListener;
import org.quiesce.coordinator.launch.ShownJob;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.CheckpointState;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code quiesce scontrol checkpoint}: the words, the output and the statuses of Slurm's own command of old. */
final class ScontrolCommand implements Command {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss", Locale.ROOT);

    @Override
    public String name() {
        return "scontrol";
    }

    @Override
    public String arguments() {
        return "checkpoint OP JOB[.STEP] [ImageDir=DIR] [MaxWait=SECONDS] [StickToNodes]";
    }

    @Override
    public String purpose() {
        return "as scontrol checkpoint was: OP is able, create, vacate, requeue, disable, enable, restart or error";
    }

    @Override
    public boolean endsAtFirstWord() {
        return true;
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** As scontrol ends. */
    @Override
    public int exitStatus(ErrorCode code) {
        return 1;
    }

    @Override
    public int run(CommandLine line, Context context) {
        ScontrolWords words = ScontrolWords.parse(line.getArgList());
        if (words.operation() == ScontrolWords.Operation.RESTART) {
            context.out().println("Submitted batch job " + new Resubmission(words, context).submit());
            return 0;
        }
        Slurm slurm = new Slurm(context.environment());
        JobRegistry.Job job = find(words, context, slurm);
        JobDirectory directory = job.directory();
        switch (words.operation()) {
            case ABLE -> context.out().println(able(directory.checkpoints()));
            case ERROR -> context.out().println(error(directory.checkpoints()));
            case DISABLE -> directory.checkpoints().disable();
            case ENABLE -> directory.checkpoints().enable();
            case CREATE -> checkpoint(words, context, job, Ending.CONTINUE);
            case VACATE -> checkpoint(words, context, job, Ending.HALT);
            case REQUEUE -> {
                Requeueing requeueing =
                        Requeueing.checked(words.id(), job, slurm, request(words, context, Ending.QUEUE));
                checkpoint(words, context, job, Ending.QUEUE);
                requeueing.await();
            }
            case RESTART -> throw new IllegalStateException("done above");
        }
        return 0;
    }

    private static JobRegistry.Job find(ScontrolWords words, Context context, Slurm slurm) {
        String number = words.id().replaceFirst("\\..*", "");
        Optional<String> state =
                words.operation().takesLimit() ? slurm.shown(number).map(ShownJob::state) : Optional.empty();
        if (state.equals(Optional.of("PENDING")) || state.equals(Optional.of("SUSPENDED"))) {
            throw new CrException(
                    ErrorCode.REFUSED, "job " + number + " is " + state.get() + ", and cannot be checkpointed now");
        }
        return Targets.find("slurm:" + words.id(), context);
    }

    static String able(CheckpointState state) {
        return state.last()
                .filter(CheckpointState.Last::underWay)
                .map(last -> "Began at "
                        + TIME.format(Instant.ofEpochMilli(last.beganAtMillis()).atZone(ZoneId.systemDefault())))
                .orElseGet(() -> state.disabled() > 0 ? "No" : "Yes");
    }

    static String error(CheckpointState state) {
        return state.last()
                .filter(last -> last.code() != 0)
                .map(last -> "error(" + last.code() + "): " + last.text())
                .orElse("error(0): No error");
    }

    private static CheckpointRequest request(ScontrolWords words, Context context, Ending ending) {
        Optional<Path> directory = words.imageDirectory().map(context.directory()::resolve);
        OptionalLong limit = words.maxWaitSeconds() == 0
                ? OptionalLong.empty()
                : OptionalLong.of(TimeUnit.SECONDS.toMillis(words.maxWaitSeconds()));
        return new CheckpointRequest(directory, ending, limit);
    }

    private static void checkpoint(ScontrolWords words, Context context, JobRegistry.Job job, Ending ending) {
        CheckpointRequest request = request(words, context, ending);
        long begun = System.nanoTime();
        Coordinator coordinator =
                new Coordinator(NodeRevival.revive(job, context.environment()), context.environment());
        Committed committed = coordinator.raise(
                coordinator.checkpoint(request, RoundListener.SILENT), request.maxWaitMillis(), begun);
        committed.lower().ifPresent(reason -> {
            throw new CrException(
                    ErrorCode.WRITE,
                    committed.path() + " exists, but its images are on the disks of the nodes only: " + reason);
        });
    }
}
