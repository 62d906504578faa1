// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Option;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.launch.OpenMpiParameters;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** What Open MPI's own commands for checkpoints have in common: names, options, the place of references. */
final class OldNames {
    private static final int JOB_FAMILY_BITS = 16;
    private static final List<Command> COMMANDS =
            List.of(new OmpiCheckpointCommand(), new OmpiRestartCommand(), new OmpiMigrateCommand());

    private OldNames() {}

    /** A command by its name of Open MPI ({@code ompi-}) or of its runtime ({@code orte-}). */
    static Optional<Command> find(String name) {
        String newer = name.replaceFirst("^orte-", "ompi-");
        return COMMANDS.stream().filter(command -> command.name().equals(newer)).findFirst();
    }

    /** Options that all of them have. */
    static Options common() {
        return new Options()
                .addOption(pair("mca", "a parameter of Open MPI for this command"))
                .addOption(pair("gmca", "the same"))
                .addOption("V", true, "how much to say; accepted, does nothing");
    }

    private static Option pair(String name, String text) {
        return Option.builder()
                .longOpt(name)
                .numberOfArgs(2)
                .argName("NAME> <VALUE")
                .desc(text)
                .get();
    }

    /** The parameters that the words and the environment of this command give. */
    private static OpenMpiParameters parameters(CommandLine line, Context context) {
        return OpenMpiParameters.of(List.of(), environment(line, context));
    }

    /** The environment, with the parameters that the words give, and where references lie when nobody says. */
    static Map<String, String> environment(CommandLine line, Context context) {
        Map<String, String> all = new HashMap<>(context.environment());
        for (String option : List.of("gmca", "mca")) {
            String[] words = Optional.ofNullable(line.getOptionValues(option)).orElseGet(() -> new String[0]);
            for (int i = 0; i + 1 < words.length; i += 2) {
                all.put("OMPI_MCA_" + words[i], words[i + 1]);
            }
        }
        String home = all.getOrDefault("HOME", "");
        if (all.getOrDefault("QUIESCE_DIR", "").isEmpty() && !home.isEmpty()) {
            all.put("QUIESCE_DIR", home);
        }
        return all;
    }

    /** Where references lie when no job says: Open MPI's parameter, {@code QUIESCE_DIR}, the home directory. */
    static Path directory(CommandLine line, Context context) {
        String usual = environment(line, context).getOrDefault("QUIESCE_DIR", "");
        return context.directory()
                .resolve(parameters(line, context).snapshotDirectory().orElse(usual));
    }

    /** A path as it is; a bare name where references lie, or else here, where {@code quiesce checkpoint} may have put it. */
    static Path reference(CommandLine line, Context context) {
        String text = Command.argument(line, "GLOBAL_SNAPSHOT_REF");
        Path here = context.directory().resolve(text);
        Path usual = directory(line, context).resolve(text);
        boolean bare = text.indexOf('/') < 0;
        return bare && (Files.exists(usual) || !Files.exists(here)) ? usual : here;
    }

    /** The job that the words name: by mpirun's pid, or by the number of mpirun's job. */
    static JobRegistry.Job job(CommandLine line, Context context) {
        JobRegistry registry = JobRegistry.of(context.environment());
        if (line.hasOption("hnp-jobid")) {
            long family = Command.number(line, "hnp-jobid", 0) >>> JOB_FAMILY_BITS;
            return registry.jobs().stream()
                    .filter(job -> family == family(job))
                    .findFirst()
                    .orElseThrow(() -> new CrException(
                            ErrorCode.NO_AGENT,
                            "no job that can be checkpointed has the number " + line.getOptionValue("hnp-jobid")));
        }
        return registry.find(pid(line));
    }

    private static String pid(CommandLine line) {
        if (line.hasOption("hnp-pid")) {
            return Integer.toString(Command.number(line, "hnp-pid", 1));
        }
        String pid = Command.argument(line, "PID_OF_MPIRUN");
        if (!pid.matches("[1-9][0-9]{0,8}")) {
            throw Command.usage("\"" + pid + "\" is not the pid of an mpirun");
        }
        return pid;
    }

    /** The upper half of the job's number, which it shares with its mpirun; the directory is called after the number. */
    private static long family(JobRegistry.Job job) {
        String number = String.valueOf(job.directory().path().getFileName()).split("-", 2)[0];
        return number.matches("[0-9]{1,10}") ? Long.parseLong(number) >>> JOB_FAMILY_BITS : -1;
    }
}
