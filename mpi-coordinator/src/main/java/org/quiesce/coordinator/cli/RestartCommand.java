// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.HostCheck;
import org.quiesce.coordinator.Incarnation;
import org.quiesce.coordinator.ResidentJob;
import org.quiesce.coordinator.ResidentPlan;
import org.quiesce.coordinator.Restart;
import org.quiesce.coordinator.Retrieval;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.launch.Notices;
import org.quiesce.coordinator.launch.Words;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.coordinator.store.StoreSpec;
import org.quiesce.cr.ExitCode;

/** {@code quiesce restart}. */
final class RestartCommand implements Command {
    private static final List<String> LAUNCHERS = List.of("mpirun", "srun");

    @Override
    public String name() {
        return "restart";
    }

    @Override
    public String arguments() {
        return "REF";
    }

    @Override
    public String purpose() {
        return "restart a job from a checkpoint; ends as the job ends";
    }

    @Override
    public Options options() {
        return new Options()
                .addOption("s", "seq", true, "the sequence, instead of the newest")
                .addOption(Usage.value("hostfile", "FILE", "hosts for mpirun, instead of the original ones"))
                .addOption(Usage.value("launcher", "mpirun|srun", "what starts the ranks"))
                .addOption(Usage.value("mpirun-opts", "WORDS", "more options for mpirun"))
                .addOption(Usage.value("srun-opts", "WORDS", "more options for srun"))
                .addOption(Usage.flag("showme", "print the command that would be run, and end"))
                .addOption(Usage.flag("check", "check everything that can be checked without starting, and end"))
                .addOption(Usage.flag("info", "print what would be restarted, and end"))
                .addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        String wanted = line.getOptionValue("launcher", "mpirun");
        if (!LAUNCHERS.contains(wanted)) {
            throw Command.usage("--launcher " + wanted + " is not known; there are mpirun and srun");
        }
        if (line.hasOption("info")) {
            return new InfoCommand().run(line, context);
        }
        ReferenceLocator.Located located = References.find(line, context);
        Restart restart = Restart.at(located.path());
        List<String> launcher = launcher(restart, line);
        LauncherCommand command = command(restart, launcher, line, context);
        if (line.hasOption("showme")) {
            context.out().println(Words.join(command.words()));
            return 0;
        }
        if (!line.hasOption("check")) {
            fetch(restart, launcher, line, context);
        }
        int status = check(restart, context);
        if (status != 0 || line.hasOption("check")) {
            return status;
        }
        Incarnation incarnation = Incarnation.take(
                restart.directory().resolve(restart.referenceName()),
                context.environment(),
                false,
                context.err()::println);
        ResidentPlan.Checkpoints checkpoints = new ResidentPlan.Checkpoints(
                restart.directory(),
                restart.manifest().localDirectory().map(StoreSpec::localOf),
                restart.referenceName(),
                0,
                incarnation,
                line.hasOption("seq") || located.named().isPresent()
                        ? RunRecord.Again.BEGINS
                        : RunRecord.Again.GOES_ON);
        ResidentPlan plan = restart.plan(command, launcher, context.environment(), checkpoints);
        return new ResidentJob(plan, context.environment(), Notices.none(), context.err()).run();
    }

    /** That of the first run with its options, or another one without any. */
    private static List<String> launcher(Restart restart, CommandLine line) {
        List<String> recorded = restart.recordedLauncher();
        String name = new LauncherCommand(recorded).name();
        String wanted = line.getOptionValue("launcher", name);
        boolean same = wanted.equals(name) || wanted.equals("mpirun") && !name.equals("srun");
        return same ? recorded : List.of(wanted);
    }

    private static LauncherCommand command(Restart restart, List<String> launcher, CommandLine line, Context context) {
        Optional<Path> hostfile =
                Optional.ofNullable(line.getOptionValue("hostfile")).map(context.directory()::resolve);
        String name = new LauncherCommand(launcher).isSrun() ? "srun" : "mpirun";
        String other = name.equals("srun") ? "mpirun" : "srun";
        if (line.hasOption(other + "-opts")) {
            throw Command.usage(
                    "--" + other + "-opts is given, but " + name + " is the launcher; say --launcher " + other);
        }
        List<String> more = Words.split(line.getOptionValue(name + "-opts", ""));
        return restart.command(
                Installation.find(context.environment()), launcher, hostfile, more, context.environment());
    }

    private static void fetch(Restart restart, List<String> launcher, CommandLine line, Context context) {
        Optional<Path> hostfile =
                Optional.ofNullable(line.getOptionValue("hostfile")).map(context.directory()::resolve);
        String name = new LauncherCommand(launcher).isSrun() ? "srun" : "mpirun";
        List<String> more = Words.split(line.getOptionValue(name + "-opts", ""));
        new Retrieval(Installation.find(context.environment()), context.environment(), context.err()::println)
                .bring(restart, launcher, hostfile, more);
    }

    private static int check(Restart restart, Context context) {
        Verifying.of(restart.path(), context).throwIfDamaged();
        List<String> problems = HostCheck.problems(restart.path(), restart.manifest());
        if (problems.isEmpty()) {
            return 0;
        }
        context.err().println("quiesce: " + restart.path() + " cannot be restarted here:");
        problems.forEach(problem -> context.err().println("  " + problem));
        return ExitCode.HOST.value();
    }
}
