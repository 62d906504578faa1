// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.ResidentJob;
import org.quiesce.coordinator.ResidentPlan;
import org.quiesce.coordinator.Restart;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.Interval;
import org.quiesce.coordinator.launch.LauncherCommand;

/** {@code quiesce run}. */
final class RunCommand implements Command {
    private static final List<String> LATER = List.of("store", "requeue", "before-end", "total-time");
    private static final String FORK_AGENT = "OMPI_MCA_orte_fork_agent";

    @Override
    public String name() {
        return "run";
    }

    @Override
    public String arguments() {
        return "-- mpirun ... PROGRAM ...";
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
                .addOption(Usage.value("interval", "T", "take a checkpoint every T, such as 90s, 15m or 2h"))
                .addOption(Usage.value("dir", "DIR", "where references lie"))
                .addOption(Usage.value("keep", "N", "keep the newest N checkpoints and remove older ones"))
                .addOption(Option.builder()
                        .longOpt("restart")
                        .hasArg()
                        .optionalArg(true)
                        .argName("latest|REF")
                        .desc("go on from the newest complete checkpoint if there is one (=latest, =REF)")
                        .get())
                .addOption(Option.builder()
                        .longOpt("store")
                        .hasArg()
                        .argName("SPEC")
                        .desc("not available yet")
                        .get())
                .addOption(Option.builder()
                        .longOpt("requeue")
                        .hasArg()
                        .optionalArg(true)
                        .argName("HOW")
                        .desc("not available yet")
                        .get())
                .addOption(Usage.value("before-end", "T", "not available yet"))
                .addOption(Usage.value("total-time", "T", "not available yet"));
    }

    @Override
    public int run(CommandLine line, Context context) {
        LATER.stream().filter(line::hasOption).findFirst().ifPresent(option -> {
            throw Command.usage("--" + option + " is not available yet");
        });
        if ("auto".equals(line.getOptionValue("interval"))) {
            throw Command.usage("--interval auto is not available yet; give a length of time");
        }
        LauncherCommand command = LauncherCommand.parse(line.getArgList());
        ResidentPlan plan = restart(line, context, command)
                .map(restart -> resume(restart, line, context))
                .orElseGet(() -> fresh(line, context, command));
        return new ResidentJob(plan, context.environment(), context.err()).run();
    }

    private static Optional<Restart> restart(CommandLine line, Context context, LauncherCommand command) {
        if (!line.hasOption("restart")) {
            return Optional.empty();
        }
        String reference = Optional.ofNullable(line.getOptionValue("restart")).orElse("latest");
        Restart.Finder finder = new Restart.Finder(directory(line, context), context.err()::println);
        return reference.equals("latest")
                ? finder.newest(Optional.ofNullable(line.getOptionValue("name")), command.words())
                : Optional.of(finder.named(reference));
    }

    private static Path directory(CommandLine line, Context context) {
        return line.hasOption("dir")
                ? context.directory().resolve(line.getOptionValue("dir"))
                : context.checkpointDirectory();
    }

    private static ResidentPlan fresh(CommandLine line, Context context, LauncherCommand command) {
        String agent = Installation.find(context.environment()).rankProgram().toString();
        return new ResidentPlan(
                line.getOptionValue("name", ""),
                command.handingEnvironmentOn(line.hasOption("name")),
                command.words(),
                0,
                Map.of(FORK_AGENT, agent),
                Optional.empty(),
                checkpoints(line, directory(line, context), ""));
    }

    private static ResidentPlan resume(Restart restart, CommandLine line, Context context) {
        context.err().println("quiesce: going on from " + restart.path());
        return restart.plan(
                Installation.find(context.environment()).rankProgram(),
                checkpoints(line, restart.directory(), restart.referenceName()));
    }

    private static ResidentPlan.Checkpoints checkpoints(CommandLine line, Path directory, String reference) {
        Optional<Duration> interval =
                Optional.ofNullable(line.getOptionValue("interval")).map(Interval::parse);
        int keep = line.hasOption("keep") ? Command.number(line, "keep", 1) : 0;
        return new ResidentPlan.Checkpoints(directory, reference, interval, keep);
    }
}
