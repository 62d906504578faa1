// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** srun, its options, the program. It has no agent to start programs by, so ours is put before the program's words. */
record SrunCommand(List<String> words, SrunOptions options) {
    private static final String EXPORT = "SLURM_EXPORT_ENV";
    private static final String OURS = "QUIESCE_JOB_DIR,QUIESCE_JOB,QUIESCE_LISTEN";
    private static final String COUNT = "ntasks";

    /** Of the allocation in which the job ran, which need not be the one in which it is restarted. */
    private static final Set<String> OF_ALLOCATION =
            Set.of(COUNT, "jobid", "nodelist", "nodefile", "exclude", "relative");

    /** The options of our plugin for Slurm. */
    private static final Set<String> OF_PLUGIN = Set.of("checkpoint", "checkpoint-dir", "restart-dir");

    /** The words without the options of our plugin for Slurm. */
    static List<String> withoutPlugin(List<String> words) {
        SrunOptions options = SrunOptions.read(words);
        List<String> all = new SrunCommand(words, options).kept(OF_PLUGIN);
        all.add("--");
        all.addAll(words.subList(options.program(), words.size()));
        return all;
    }

    /** Reads a command line and refuses what cannot be checkpointed. */
    static SrunCommand parse(List<String> words) {
        if (words.contains(":")) {
            throw usage(
                    "srun with several components (\":\") cannot be checkpointed; start one component, or use mpirun");
        }
        SrunOptions options = SrunOptions.read(words);
        if (options.has("multi-prog")) {
            throw usage(
                    "srun --multi-prog cannot be checkpointed: its programs stand in a file; write cr_mpirank before each of"
                            + " them there, start srun without quiesce run, and use quiesce checkpoint");
        }
        for (String other : List.of("bcast", "pty", "attach", "container")) {
            if (options.has(other)) {
                throw usage("srun --" + other + " cannot be used under quiesce run; leave it out");
            }
        }
        for (String plugin : OF_PLUGIN) {
            if (options.has(plugin)) {
                throw usage(
                        "srun --" + plugin
                                + " cannot be used under quiesce run; leave it out and use --interval, --dir or --restart of quiesce run");
            }
        }
        if (options.program() >= words.size()) {
            throw usage(
                    "there is no program among the words of srun; usage: quiesce run -- srun [options] PROGRAM ...");
        }
        return new SrunCommand(List.copyOf(words), options);
    }

    /** How many words at the end are the program and its arguments. */
    int programWords() {
        return words.size() - options.program() - (hasRankProgram() && words.size() > options.program() + 1 ? 1 : 0);
    }

    private boolean hasRankProgram() {
        String first = words.get(options.program());
        return first.substring(first.lastIndexOf('/') + 1).equals("cr_mpirank");
    }

    /** The words that start each task as a rank that can be checkpointed. */
    List<String> started(Path rankProgram, Map<String, String> environment) {
        List<String> program = words.subList(options.program(), words.size());
        List<String> behind = new ArrayList<>(hasRankProgram() ? List.of() : List.of(rankProgram.toString()));
        behind.addAll(program);
        return join(kept(Set.of()), environment, behind);
    }

    /** The words that restart the ranks from their images. */
    static List<String> restart(
            List<String> launcher, RestartSpec spec, List<String> restore, Map<String, String> environment) {
        List<String> words = new ArrayList<>(launcher);
        words.addAll(spec.moreOptions());
        SrunOptions options = SrunOptions.read(words);
        if (options.program() < words.size()) {
            throw usage("\"" + words.get(options.program()) + "\" is no option of srun");
        }
        if (spec.hostfile().isPresent()) {
            throw usage("--hostfile is for mpirun; for srun use --srun-opts \"--nodelist=...\"");
        }
        List<String> kept = new SrunCommand(words, options).kept(Set.of(COUNT));
        kept.addAll(List.of("-n", Integer.toString(spec.ranks())));
        return join(kept, environment, restore);
    }

    /** srun and those options that hold for a restart too. */
    List<String> recorded() {
        return kept(OF_ALLOCATION);
    }

    /** srun and its options with the number of tasks and without {@code --}. */
    List<String> given() {
        return kept(Set.of(COUNT));
    }

    private List<String> kept(Set<String> without) {
        List<String> kept = new ArrayList<>(List.of(words.get(0)));
        options.options().stream()
                .filter(option -> !without.contains(option.name()))
                .forEach(option -> kept.addAll(option.words()));
        return kept;
    }

    /** Ranks must see where their job meets, whatever else the user hands on. */
    private static List<String> exported(SrunOptions.Given option) {
        return option.name().equals("export") ? List.of("--export=" + withOurs(option.value())) : option.words();
    }

    private static String withOurs(String value) {
        if (value.equals("NONE") || value.equals("NIL") || value.isEmpty()) {
            return OURS;
        }
        return value.contains(OURS) ? value : value + ',' + OURS;
    }

    private static List<String> join(List<String> launcher, Map<String, String> environment, List<String> program) {
        SrunOptions options = SrunOptions.read(launcher);
        List<String> all = new ArrayList<>(List.of(launcher.get(0)));
        options.options().forEach(option -> all.addAll(exported(option)));
        if (!options.has("mpi") && !environment.containsKey("SLURM_MPI_TYPE")) {
            all.add("--mpi=pmix");
        }
        all.addAll(program);
        return all;
    }

    /** What srun's environment must be so that ranks see where their job meets. */
    static Map<String, String> environment(Map<String, String> now) {
        return now.containsKey(EXPORT) ? Map.of(EXPORT, withOurs(now.getOrDefault(EXPORT, ""))) : Map.of();
    }

    private static CrException usage(String text) {
        return new CrException(ErrorCode.USAGE, text);
    }
}
