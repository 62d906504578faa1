// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.OptionGroup;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.CheckpointRequest;
import org.quiesce.coordinator.CheckpointRequest.Ending;
import org.quiesce.coordinator.Committed;
import org.quiesce.coordinator.Coordinator;
import org.quiesce.coordinator.NodeRevival;
import org.quiesce.coordinator.launch.Interval;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.StoreSpec;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.StorageLevel;

/** {@code quiesce checkpoint}. */
final class CheckpointCommand implements Command {
    private static final long TURN_MILLIS = 100;
    private static final long TURN_MINUTES = 10;

    @Override
    public String name() {
        return "checkpoint";
    }

    @Override
    public String arguments() {
        return "TARGET";
    }

    @Override
    public String purpose() {
        return "checkpoint a running job: TARGET is its name, slurm:JOB[.STEP], or the pid of mpirun, srun or quiesce run";
    }

    @Override
    public Options options() {
        return new Options()
                .addOptionGroup(new OptionGroup()
                        .addOption(Usage.flag("term", "end the job with SIGTERM once the checkpoint is committed"))
                        .addOption(Usage.flag("stop", "stop the job with SIGSTOP once the checkpoint is committed"))
                        .addOption(Usage.flag("kill", "end the job with SIGKILL once the checkpoint is committed")))
                .addOptionGroup(new OptionGroup()
                        .addOption(Usage.flag("wait", "return when the checkpoint is committed (always so)"))
                        .addOption(Usage.flag("nowait", "not available yet")))
                .addOption(Usage.value("max-wait", "T", "give up after this long; the job goes on, exit status 5"))
                .addOption(Usage.flag("forked", "not available yet"))
                .addOption(Usage.flag("incremental", "not available yet"))
                .addOption(Usage.value("dir", "DIR", "where the reference lies"))
                .addOption(Usage.value("store", "SPEC", "local:DIR,shared:DIR2: images go to the nodes' own DIR first"))
                .addOption(Usage.flag("for-rank", "as crnode asks for a program: TARGET is a job's directory"))
                .addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        String target = Command.argument(line, "TARGET");
        for (String later : new String[] {"forked", "incremental", "nowait"}) {
            if (line.hasOption(later)) {
                throw Command.usage("--" + later + " is not available yet");
            }
        }
        CheckpointRequest request = request(line, context);
        long begun = System.nanoTime();
        boolean forRank = line.hasOption("for-rank");
        JobRegistry.Job job =
                forRank ? JobRegistry.Job.of(new JobDirectory(Path.of(target))) : Targets.find(target, context);
        RoundProgress progress = new RoundProgress(context, line.hasOption("verbose"));
        Committed committed;
        try {
            Coordinator coordinator =
                    new Coordinator(NodeRevival.revive(job, context.environment()), context.environment());
            committed = forRank
                    ? inTurn(() -> coordinator.checkpoint(request, progress))
                    : coordinator.raise(coordinator.checkpoint(request, progress), request.maxWaitMillis(), begun);
        } finally {
            progress.finish();
        }
        if (forRank) {
            context.out().println(committed.sequence() + " " + committed.reference());
        } else {
            print(committed, line, context);
            return Stores.status(committed, context);
        }
        return 0;
    }

    /** A program cannot know of checkpoints that others take: it waits for their end. */
    private static Committed inTurn(Supplier<Committed> checkpoint) {
        long begun = System.nanoTime();
        while (true) {
            try {
                return checkpoint.get();
            } catch (CrException e) {
                if (e.code() != ErrorCode.BUSY || System.nanoTime() - begun > TimeUnit.MINUTES.toNanos(TURN_MINUTES)) {
                    throw e;
                }
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(TURN_MILLIS));
        }
    }

    private static CheckpointRequest request(CommandLine line, Context context) {
        Ending ending = Ending.CONTINUE;
        for (Ending possible : Ending.values()) {
            ending = line.hasOption(possible.name().toLowerCase(java.util.Locale.ROOT)) ? possible : ending;
        }
        Optional<StoreSpec> store = Stores.parse(line, context);
        Optional<Path> directory = store.map(StoreSpec::shared)
                .or(() -> Optional.ofNullable(line.getOptionValue("dir")).map(context.directory()::resolve));
        OptionalLong limit = line.hasOption("max-wait")
                ? OptionalLong.of(
                        Interval.parse(line.getOptionValue("max-wait")).toMillis())
                : OptionalLong.empty();
        return new CheckpointRequest(directory, store.flatMap(StoreSpec::local), ending, limit);
    }

    private static void print(Committed committed, CommandLine line, Context context) {
        if (line.hasOption("json")) {
            Json.print(View.of(committed), context.out());
            return;
        }
        context.out().println(committed.reference());
        if (line.hasOption("verbose")) {
            context.err().println("quiesce: sequence " + committed.sequence() + ", " + Table.size(committed.bytes()));
        }
    }

    private record View(
            String reference,
            int sequence,
            String path,
            String level,
            long bytes,
            long messages,
            long releases,
            List<String> warnings,
            Map<String, Long> phaseMicros) {
        static View of(Committed committed) {
            return new View(
                    committed.reference().toString(),
                    committed.sequence(),
                    committed.path().toString(),
                    committed.lower().isPresent() ? StorageLevel.LOCAL : StorageLevel.SHARED,
                    committed.bytes(),
                    committed.summary().messages(),
                    committed.summary().releases(),
                    committed.summary().warnings(),
                    committed.summary().phaseMicros().entrySet().stream()
                            .collect(Collectors.toMap(
                                    entry -> entry.getKey().title(),
                                    Map.Entry::getValue,
                                    (one, other) -> one,
                                    java.util.LinkedHashMap::new)));
        }
    }
}
