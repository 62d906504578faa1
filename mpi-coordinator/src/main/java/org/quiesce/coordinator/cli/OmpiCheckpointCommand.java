// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.OptionGroup;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.CheckpointRequest;
import org.quiesce.coordinator.CheckpointRequest.Ending;
import org.quiesce.coordinator.Committed;
import org.quiesce.coordinator.Coordinator;
import org.quiesce.coordinator.NodeRevival;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code ompi-checkpoint}: a checkpoint under the name, with the options and the output that it had in Open MPI. */
final class OmpiCheckpointCommand implements OldCommand {
    @Override
    public String name() {
        return "ompi-checkpoint";
    }

    @Override
    public String arguments() {
        return "PID_OF_MPIRUN";
    }

    @Override
    public String purpose() {
        return "checkpoint a job that was started with mpirun -am ft-enable-cr";
    }

    @Override
    public Options options() {
        return OldNames.common()
                .addOptionGroup(new OptionGroup()
                        .addOption(Usage.flag("term", "end the job once the checkpoint is established"))
                        .addOption(Usage.flag("stop", "stop the job with SIGSTOP once the checkpoint is established")))
                .addOption("s", "status", false, "tell each state of the checkpoint")
                .addOption("w", "nowait", false, "accepted; the command waits all the same, as it always did")
                .addOption("l", "list", false, "list the checkpoints that there are, and end")
                .addOption(Usage.value("hnp-pid", "PID", "the pid of mpirun"))
                .addOption(Usage.value("hnp-jobid", "N", "the number of mpirun's job, instead of its pid"));
    }

    @Override
    public int run(CommandLine line, Context context) {
        if (line.hasOption("list")) {
            list(OldNames.directory(line, context), context);
            return 0;
        }
        OldProgress progress = new OldProgress(context.err(), line.hasOption("status") || line.hasOption("verbose"));
        JobRegistry.Job job = job(line, context);
        if (line.hasOption("nowait")) {
            context.err().println(name() + ": --nowait was never implemented; waiting until the checkpoint is done");
        }
        progress.say("Requested", "...");
        Ending ending = ending(line);
        Map<String, String> environment = OldNames.environment(line, context);
        Committed committed = new Coordinator(NodeRevival.revive(job, environment), environment)
                .checkpoint(new CheckpointRequest(Optional.empty(), ending, OptionalLong.empty()), progress);
        String reference = new ReferenceDirectory(committed.reference()).name();
        progress.say("Checkpoint Established", reference);
        if (ending == Ending.STOP) {
            progress.say("Stopped", reference);
        } else if (ending == Ending.CONTINUE) {
            progress.say("Continuing/Recovered", reference);
        }
        context.out().println(String.format(Locale.ROOT, "Snapshot Ref.: %3d %s", committed.sequence(), reference));
        return 0;
    }

    private static Ending ending(CommandLine line) {
        if (line.hasOption("term")) {
            return Ending.TERM;
        }
        return line.hasOption("stop") ? Ending.STOP : Ending.CONTINUE;
    }

    /** Says first, as ever, that a process that lives has no job that can be checkpointed. */
    private JobRegistry.Job job(CommandLine line, Context context) {
        try {
            return OldNames.job(line, context);
        } catch (CrException e) {
            List<String> pids = line.hasOption("hnp-pid") ? List.of(line.getOptionValue("hnp-pid")) : line.getArgList();
            boolean lives = e.code() == ErrorCode.NO_AGENT
                    && ProcessHandle.of(Long.parseLong(pids.get(0))).isPresent();
            if (!lives) {
                throw e;
            }
            throw new CrException(
                    e.code(),
                    "The job with pid " + pids.get(0) + " is not checkpointable. Was it started with"
                            + " mpirun -am ft-enable-cr, and are its ranks in MPI_Init? (" + e.getMessage() + ")",
                    e);
        }
    }

    private static void list(Path directory, Context context) {
        List<ReferenceDirectory> found = new ReferenceLocator(directory).all();
        for (ReferenceDirectory reference : found) {
            String sequences = reference.sequences().stream()
                    .map(sequence -> Integer.toString(sequence))
                    .collect(Collectors.joining(","));
            context.out().println("Snapshot Ref.: " + reference.name() + "\t[" + sequences + "]");
        }
        if (found.isEmpty()) {
            context.out().println("[No Valid Checkpoints]");
        }
    }
}
