// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** The words that start a job: mpirun, its options, the program. */
public record LauncherCommand(List<String> words) {
    private static final Set<String> MPIRUN = Set.of("mpirun", "mpiexec", "orterun");
    private static final Set<String> COUNT = Set.of("-np", "--np", "-n", "--n", "-c");
    private static final Set<String> HOSTS = Set.of(
            "-hostfile", "--hostfile", "-machinefile", "--machinefile", "-default-hostfile", "--default-hostfile");
    private static final Set<String> OURS = Set.of("QUIESCE_JOB_DIR", "QUIESCE_JOB");
    private static final String RANK_PROGRAM = "cr_mpirank";

    /** Copies the list. */
    public LauncherCommand {
        words = List.copyOf(words);
    }

    /** Refuses what is not a launcher that this version can start. */
    public static LauncherCommand parse(List<String> words) {
        if (words.isEmpty()) {
            throw new CrException(
                    ErrorCode.USAGE, "nothing to run; usage: quiesce run [options] -- mpirun ... PROGRAM");
        }
        String name = fileName(words.get(0));
        if (MPIRUN.contains(name)) {
            return new LauncherCommand(words);
        }
        if (name.equals("srun")) {
            throw new CrException(
                    ErrorCode.USAGE, "quiesce run does not start srun yet; use mpirun inside the allocation");
        }
        throw new CrException(
                ErrorCode.USAGE,
                "quiesce run starts MPI jobs, and \"" + words.get(0)
                        + "\" is not mpirun; for a program without MPI use cr_run and cr_checkpoint");
    }

    private static String fileName(String word) {
        return word.substring(word.lastIndexOf('/') + 1);
    }

    /** The launcher's name without its directory. */
    public String name() {
        return fileName(words.get(0));
    }

    /** The same command, handing our environment on to ranks of other hosts; the job's name only if it has one. */
    public List<String> handingEnvironmentOn(boolean named) {
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

    /** The command that restarts a job. */
    public static LauncherCommand restart(List<String> options, RestartSpec spec, Path rankProgram, Path images) {
        List<String> words = new ArrayList<>();
        for (int i = 0; i < options.size(); i++) {
            if (spec.hostfile().isPresent() && HOSTS.contains(options.get(i))) {
                i++;
            } else {
                words.add(options.get(i));
            }
        }
        spec.hostfile().ifPresent(file -> words.addAll(List.of("--hostfile", file.toString())));
        words.addAll(spec.moreOptions());
        words.addAll(List.of("-np", Integer.toString(spec.ranks()), rankProgram.toString(), "--restore"));
        words.add(images.toString());
        return new LauncherCommand(words);
    }
}
