// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.Incarnation;
import org.quiesce.coordinator.ResidentJob;
import org.quiesce.coordinator.ResidentPlan;
import org.quiesce.coordinator.ResidentPolicy;
import org.quiesce.coordinator.Restart;
import org.quiesce.coordinator.Retrieval;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.launch.Notices;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.coordinator.store.StoreSpec;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code quiesce run}. */
final class RunCommand implements Command {
    private static final String LATEST = "latest";

    @Override
    public String name() {
        return "run";
    }

    @Override
    public String arguments() {
        return "-- mpirun|srun ... PROGRAM ...";
    }

    @Override
    public String purpose() {
        return "run an MPI job so that it can be checkpointed; ends as the job ends";
    }

    @Override
    public boolean endsAtFirstWord() {
        return true;
    }

    @Override
    public Options options() {
        return new Options()
                .addOption(Usage.value("name", "NAME", "what to call the job, and its reference"))
                .addOption(Usage.value(
                        "interval",
                        "T|auto",
                        "take a checkpoint every T, such as 90s, 15m or 2h; auto: as cost and interruptions suggest"))
                .addOption(Usage.value("dir", "DIR", "where references lie"))
                .addOption(Usage.value("keep", "N", "keep the newest N checkpoints and remove older ones"))
                .addOption(Option.builder()
                        .longOpt("restart")
                        .hasArg()
                        .optionalArg(true)
                        .argName("latest|REF")
                        .desc("go on from the newest complete checkpoint if there is one (=latest, =REF)")
                        .get())
                .addOption(Usage.value(
                        "restart-dir",
                        "DIR",
                        "go on from the newest complete checkpoint of the program in DIR, or of the reference DIR"))
                .addOption(Usage.flag("of-plugin", "what srun's own options --checkpoint and so on have become"))
                .addOption(Option.builder()
                        .longOpt("store")
                        .hasArg()
                        .argName("SPEC")
                        .desc(
                                "local:DIR,shared:DIR2: images go to the nodes' own DIR first, then to DIR2, where references lie")
                        .get())
                .addOption(Option.builder()
                        .longOpt("requeue")
                        .hasArg()
                        .optionalArg(true)
                        .argName("exit|scontrol|hold|none")
                        .desc("at SIGUSR1 or SIGTERM checkpoint the job, end it, and have it run again")
                        .get())
                .addOption(Usage.value("before-end", "T", "do the same T before the end of the Slurm job"))
                .addOption(Usage.value("total-time", "T", "how long the job may run in all, over all its runs"))
                .addOption(Usage.value("max-wait", "T", "the longest that the checkpoint may take that ends the job"));
    }

    @Override
    public int run(CommandLine line, Context context) {
        Stores.parse(line, context);
        LauncherCommand command = line.hasOption("of-plugin")
                ? LauncherCommand.parseOfPlugin(line.getArgList())
                : LauncherCommand.parse(line.getArgList());
        ResidentPolicy policy = Policies.parse(line, context);
        boolean forward = policy.requeue() == ResidentPolicy.Requeue.FORWARD;
        Notices notices = forward ? Notices.none() : Notices.listen();
        Origin origin = origin(line, context, command);
        ResidentPlan plan;
        try {
            plan = restart(line, context, command, origin)
                    .map(restart -> resume(restart, command, line, context, origin))
                    .orElseGet(() -> fresh(line, context, command, origin))
                    .with(origin.canGoOn() ? policy : policy.leaving());
        } catch (CrException e) {
            origin.incarnation().givenUp();
            throw e;
        }
        return new ResidentJob(plan, context.environment(), notices, context.err()).run();
    }

    /**
     * Where a job comes from.
     *
     * @param reference where its checkpoints are, if that is known
     * @param incarnation the one that was taken there
     * @param wanted what it goes on from; empty: nothing
     * @param canGoOn whether another run of the same command would go on
     */
    private record Origin(
            Optional<Path> reference, Incarnation incarnation, Optional<String> wanted, boolean canGoOn) {}

    private static Origin origin(CommandLine line, Context context, LauncherCommand command) {
        Optional<String> wanted = wanted(line, context, command);
        if (wanted.isEmpty() && line.hasOption("of-plugin")) {
            return ofStep(line, context, command);
        }
        Optional<Path> reference = reference(line, context, command, wanted);
        Incarnation incarnation = reference
                .map(path -> Incarnation.take(path, context.environment(), wanted.isEmpty(), context.err()::println))
                .orElseGet(Incarnation::none);
        return new Origin(reference, incarnation, wanted, true);
    }

    /** Of a job that says by Slurm's options only that it is to be checkpointed. In a batch job it is found again. */
    private static Origin ofStep(CommandLine line, Context context, LauncherCommand command) {
        Origin unnamed = new Origin(Optional.empty(), Incarnation.none(), Optional.empty(), false);
        if (!new Slurm(context.environment()).isBatch()) {
            return unnamed;
        }
        StepReference step = new StepReference(context, directory(line, context), command.words());
        Optional<String> latest = step.isAgain() ? Optional.of(LATEST) : Optional.empty();
        return step.take(context.err()::println)
                .map(taken -> new Origin(Optional.of(step.path()), taken, latest, true))
                .orElse(unnamed);
    }

    /** The reference that is known before anything is started: that of a name, or that of a checkpoint to go on from. */
    private static Optional<Path> reference(
            CommandLine line, Context context, LauncherCommand command, Optional<String> wanted) {
        if (wanted.isPresent() && !wanted.get().equals(LATEST)) {
            Restart named = finder(line, context, command).named(wanted.get());
            return Optional.of(named.directory().resolve(named.referenceName()));
        }
        if (line.hasOption("name")) {
            return Optional.of(directory(line, context).resolve(line.getOptionValue("name")));
        }
        return wanted.isPresent()
                ? new BatchReference(
                                new Slurm(context.environment()),
                                directory(line, context),
                                finder(line, context, command),
                                command.words())
                        .find()
                : Optional.empty();
    }

    /** From where the job is to go on: a checkpoint, or the newest one if there is one; empty: it begins. */
    private static Optional<String> wanted(CommandLine line, Context context, LauncherCommand command) {
        if (line.hasOption("restart-dir")) {
            if (line.hasOption("restart") || line.hasOption("dir") || line.hasOption("store")) {
                throw Command.usage("--restart-dir goes neither with --restart nor with --dir or --store");
            }
            return Optional.of(
                    within(context.directory().resolve(line.getOptionValue("restart-dir")), context, command));
        }
        return line.hasOption("restart")
                ? Optional.of(
                        Optional.ofNullable(line.getOptionValue("restart")).orElse(LATEST))
                : Optional.empty();
    }

    /** The checkpoint in a directory that is a reference, or that holds references. */
    private static String within(Path directory, Context context, LauncherCommand command) {
        if (new ReferenceDirectory(directory).newest().isPresent()) {
            return directory.toString();
        }
        return finder(directory, context, command)
                .newest(command.words(), path -> true)
                .map(found -> found.path().toString())
                .orElseThrow(() -> new CrException(
                        ErrorCode.INCOMPLETE,
                        "there is no complete checkpoint of this program in " + directory + "; see \"quiesce list "
                                + directory + "\""));
    }

    private static Restart.Finder finder(CommandLine line, Context context, LauncherCommand command) {
        return finder(directory(line, context), context, command);
    }

    private static Restart.Finder finder(Path directory, Context context, LauncherCommand command) {
        Retrieval retrieval =
                new Retrieval(Installation.find(context.environment()), context.environment(), context.err()::println);
        return new Restart.Finder(
                directory,
                restart -> retrieval.bring(restart, restart.launcherOf(command), Optional.empty(), List.of()),
                context.err()::println);
    }

    /** Looked for once nobody else can commit there any more. */
    private static Optional<Restart> restart(
            CommandLine line, Context context, LauncherCommand command, Origin origin) {
        return origin.wanted()
                .flatMap(what -> what.equals(LATEST)
                        ? origin.reference().flatMap(finder(line, context, command)::newestOf)
                        : Optional.of(finder(line, context, command).named(what)));
    }

    private static Path directory(CommandLine line, Context context) {
        if (line.hasOption("store")) {
            return Stores.parse(line, context).map(StoreSpec::shared).orElseThrow();
        }
        return line.hasOption("dir")
                ? context.directory().resolve(line.getOptionValue("dir"))
                : context.checkpointDirectory();
    }

    /** What the user calls the job, or the name that it gets by itself to be found again. */
    private static String name(CommandLine line, Optional<Path> reference) {
        String found = reference.map(path -> String.valueOf(path.getFileName())).orElse("");
        return line.getOptionValue("name", found);
    }

    private static ResidentPlan fresh(CommandLine line, Context context, LauncherCommand command, Origin origin) {
        String name = name(line, origin.reference());
        Path agent = Installation.find(context.environment()).rankProgram();
        return new ResidentPlan(
                name,
                command.started(agent, context.environment(), !name.isEmpty()),
                command.words(),
                command.programWords(),
                command.startEnvironment(agent, context.environment()),
                Optional.empty(),
                checkpoints(line, context, directory(line, context), name, origin),
                ResidentPolicy.NOTHING);
    }

    private static ResidentPlan resume(
            Restart restart, LauncherCommand command, CommandLine line, Context context, Origin origin) {
        context.err().println("quiesce: going on from " + restart.path());
        List<String> launcher = restart.launcherOf(command);
        LauncherCommand again = restart.command(
                Installation.find(context.environment()), launcher, Optional.empty(), List.of(), context.environment());
        return restart.plan(
                again,
                launcher,
                context.environment(),
                checkpoints(line, context, restart.directory(), restart.referenceName(), origin));
    }

    private static ResidentPlan.Checkpoints checkpoints(
            CommandLine line, Context context, Path directory, String reference, Origin origin) {
        int keep = line.hasOption("keep") ? Command.number(line, "keep", 1) : 0;
        Optional<Path> local = Stores.parse(line, context).flatMap(StoreSpec::local);
        return new ResidentPlan.Checkpoints(
                directory, local, reference, keep, origin.incarnation(), again(line, context, origin));
    }

    /** A checkpoint that the command line names itself may be older than the newest one. */
    private static RunRecord.Again again(CommandLine line, Context context, Origin origin) {
        boolean newest = line.hasOption("restart-dir")
                || line.hasOption("restart")
                        && line.getOptionValue("restart", LATEST).equals(LATEST);
        boolean ofStep =
                line.hasOption("of-plugin") && !newest && origin.incarnation().number() > 0;
        boolean ofTask = newest && new Slurm(context.environment()).isTask() && !line.hasOption("name");
        if (ofStep || ofTask) {
            return RunRecord.Again.GOES_ON_IN_JOB;
        }
        return newest ? RunRecord.Again.GOES_ON : RunRecord.Again.BEGINS;
    }
}
