// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** The words that start a job: mpirun or srun, its options, the program. */
public record LauncherCommand(List<String> words) {
    /** How many words follow the rank program when it restores: "--restore" and the directory of the images. */
    public static final int RESTORE_WORDS = 2;

    private static final Set<String> MPIRUN = Set.of("mpirun", "mpiexec", "orterun");
    private static final Set<String> COUNT = Set.of("-np", "--np", "-n", "--n", "-c");
    private static final Set<String> HOST_LISTS = Set.of("-host", "--host", "-H");
    private static final Set<String> HOST_FILES = Set.of(
            "-hostfile", "--hostfile", "-machinefile", "--machinefile", "-default-hostfile", "--default-hostfile");
    private static final Set<String> RANK_FILES = Set.of("-rf", "-rankfile", "--rankfile");
    private static final Set<String> HOSTS =
            Stream.of(HOST_LISTS, HOST_FILES, RANK_FILES).flatMap(Set::stream).collect(Collectors.toUnmodifiableSet());
    private static final Set<String> OURS = Set.of("QUIESCE_JOB_DIR", "QUIESCE_JOB");
    private static final String RANK_PROGRAM = "cr_mpirank";
    private static final String SRUN = "srun";
    private static final String FORK_AGENT = "OMPI_MCA_orte_fork_agent";

    /** Copies the list. */
    public LauncherCommand {
        words = List.copyOf(words);
    }

    /** The words of an srun whose plugin has read its options of them: as those of any other launcher, without these options. */
    public static LauncherCommand parseOfPlugin(List<String> words) {
        boolean srun = !words.isEmpty() && fileName(words.get(0)).equals(SRUN);
        return parse(srun ? SrunCommand.withoutPlugin(words) : words);
    }

    /** Refuses what is not a launcher that this version can start. */
    public static LauncherCommand parse(List<String> words) {
        if (words.isEmpty()) {
            throw new CrException(
                    ErrorCode.USAGE, "nothing to run; usage: quiesce run [options] -- mpirun|srun ... PROGRAM");
        }
        String name = fileName(words.get(0));
        if (MPIRUN.contains(name)) {
            return new LauncherCommand(words);
        }
        if (name.equals(SRUN)) {
            return new LauncherCommand(SrunCommand.parse(words).words());
        }
        throw new CrException(
                ErrorCode.USAGE,
                "quiesce run starts MPI jobs, and \"" + words.get(0)
                        + "\" is neither mpirun nor srun; for a program without MPI use cr_run and cr_checkpoint");
    }

    private static String fileName(String word) {
        return word.substring(word.lastIndexOf('/') + 1);
    }

    /** The launcher's name without its directory. */
    public String name() {
        return fileName(words.get(0));
    }

    /** Whether that is srun; otherwise it is one of the names of mpirun. */
    public boolean isSrun() {
        return name().equals(SRUN);
    }

    /** How many words at the end are the program and its arguments; 0: only the ranks can tell. */
    public int programWords() {
        return isSrun() ? SrunCommand.parse(words).programWords() : 0;
    }

    /**
     * The words to execute so that ranks can be checkpointed and hear of our environment on other hosts.
     *
     * @param named whether the job has a name, which is handed on too
     */
    public List<String> started(Path rankProgram, Map<String, String> environment, boolean named) {
        return isSrun() ? SrunCommand.parse(words).started(rankProgram, environment) : handingEnvironmentOn(named);
    }

    /** What the launcher's environment must have besides, to start a job from its beginning. */
    public Map<String, String> startEnvironment(Path rankProgram, Map<String, String> environment) {
        return isSrun() ? SrunCommand.environment(environment) : Map.of(FORK_AGENT, rankProgram.toString());
    }

    /** What the launcher's environment must have besides, to restart a job. */
    public Map<String, String> restartEnvironment(Map<String, String> environment) {
        return isSrun() ? SrunCommand.environment(environment) : Map.of();
    }

    /** The same command, handing our environment on to ranks of other hosts; the job's name only if it has one. */
    public List<String> handingEnvironmentOn(boolean named) {
        if (isSrun()) {
            return words;
        }
        List<String> full = new ArrayList<>(List.of(words.get(0), "-x", "QUIESCE_JOB_DIR"));
        if (named) {
            full.addAll(List.of("-x", "QUIESCE_JOB"));
        }
        full.addAll(words.subList(1, words.size()));
        return full;
    }

    /**
     * The launcher and its options alone, without those that a restart sets itself.
     *
     * @param programWords how many words at the end are the program and its arguments
     */
    public List<String> options(int programWords) {
        int end = Math.max(1, words.size() - programWords);
        if (isSrun()) {
            return new SrunCommand(words, SrunOptions.read(words.subList(0, end))).recorded();
        }
        if (fileName(words.get(end - 1)).equals(RANK_PROGRAM)) {
            end--;
        }
        List<String> kept = new ArrayList<>(List.of(words.get(0)));
        for (int i = 1; i < end; i++) {
            if (COUNT.contains(words.get(i)) || isOurs(i, end)) {
                i++;
            } else {
                kept.add(words.get(i));
            }
        }
        return kept;
    }

    private boolean isOurs(int i, int end) {
        return words.get(i).equals("-x") && i + 1 < end && OURS.contains(words.get(i + 1));
    }

    /** The hosts that options of mpirun name, in order; none if there are no such options, or a file cannot be read. */
    public List<String> hosts() {
        Set<String> hosts = new LinkedHashSet<>();
        for (int i = 1; !isSrun() && i + 1 < words.size(); i++) {
            if (HOST_LISTS.contains(words.get(i))) {
                Arrays.stream(words.get(i + 1).split(","))
                        .map(LauncherCommand::host)
                        .forEach(hosts::add);
            } else if (HOST_FILES.contains(words.get(i))) {
                hosts.addAll(hostsOf(Path.of(words.get(i + 1))));
            }
        }
        hosts.remove("");
        return List.copyOf(hosts);
    }

    private static String host(String withSlots) {
        return withSlots.strip().split("[\\s:]", 2)[0];
    }

    private static List<String> hostsOf(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.map(line -> host(line.replaceFirst("#.*", ""))).toList();
        } catch (IOException | UncheckedIOException e) {
            return List.of();
        }
    }

    /** The launcher and its options as the user gives them now, without those that a restart sets itself. */
    public List<String> given(int programWords) {
        return isSrun() ? SrunCommand.parse(words).given() : options(programWords);
    }

    /** The command that restarts a job: the words of a launcher and its options, and what a restart sets itself. */
    public static LauncherCommand restart(
            List<String> launcher, RestartSpec spec, Path rankProgram, Path images, Map<String, String> environment) {
        List<String> restore = List.of(rankProgram.toString(), "--restore", images.toString());
        return onEveryRank(launcher, spec, restore, environment);
    }

    /** The command that starts this program where the ranks of a restart would be. */
    public static LauncherCommand onEveryRank(
            List<String> launcher, RestartSpec spec, List<String> program, Map<String, String> environment) {
        return new LauncherCommand(
                fileName(launcher.get(0)).equals(SRUN)
                        ? SrunCommand.restart(launcher, spec, program, environment)
                        : mpirun(launcher, spec, program));
    }

    /** Hosts that are named now take the place of all that were named before. */
    private static List<String> mpirun(List<String> launcher, RestartSpec spec, List<String> restore) {
        boolean elsewhere =
                spec.hostfile().isPresent() || spec.moreOptions().stream().anyMatch(HOSTS::contains);
        List<String> words = new ArrayList<>();
        for (int i = 0; i < launcher.size(); i++) {
            if (elsewhere && HOSTS.contains(launcher.get(i))) {
                i++;
            } else {
                words.add(launcher.get(i));
            }
        }
        spec.hostfile().ifPresent(file -> words.addAll(List.of("--hostfile", file.toString())));
        words.addAll(spec.moreOptions());
        words.addAll(List.of("-np", Integer.toString(spec.ranks())));
        words.addAll(restore);
        return words;
    }
}
