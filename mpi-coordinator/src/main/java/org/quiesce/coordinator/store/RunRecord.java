// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;

/**
 * What {@code quiesce run} says about a job in the job's directory, so that other commands find it and put its checkpoints
 * where it wants them.
 *
 * @param name what a person calls the job
 * @param place where {@code quiesce run} runs
 * @param directory where references lie
 * @param reference the name of the job's reference there; empty: the usual one
 * @param incarnation which of the job's incarnations it is; 0: none was taken
 * @param keep how many checkpoints are kept; 0: all
 * @param launcher the words with which the user started the launcher
 * @param programWords how many of these at the end are the program and its arguments; 0: as the ranks say
 * @param local a directory of each node to which images go first
 * @param again what the same command does when it is run once more
 */
public record RunRecord(
        String name,
        Place place,
        Path directory,
        String reference,
        long incarnation,
        int keep,
        List<String> launcher,
        int programWords,
        Optional<Path> local,
        Again again) {
    /** What a command does that is run once more after its job was ended. */
    public enum Again {
        /** The job begins from its start. */
        BEGINS,
        /** The job goes on from its checkpoints, if it has the same number in Slurm. */
        GOES_ON_IN_JOB,
        /** The job goes on from its checkpoints. */
        GOES_ON
    }

    /**
     * Where {@code quiesce run} runs.
     *
     * @param host its name; empty: this one
     * @param pid of {@code quiesce run}
     * @param startTime of that process, in clock ticks since boot; 0: not known
     * @param launcherPid of mpirun or srun; 0: not started yet
     * @param slurm the job of Slurm; empty: none
     * @param slurmArray its name as a task of an array, ARRAY_TASK; empty: it is none
     */
    public record Place(String host, long pid, long startTime, long launcherPid, String slurm, String slurmArray) {
        /** This process, with what its environment says of Slurm. */
        public static Place here(Map<String, String> environment) {
            long pid = ProcessHandle.current().pid();
            String array = environment.getOrDefault("SLURM_ARRAY_JOB_ID", "");
            return new Place(
                    LocalProcess.hostName(),
                    pid,
                    LocalProcess.startTime(pid),
                    0,
                    environment.getOrDefault("SLURM_JOB_ID", ""),
                    array.isEmpty() ? "" : array + '_' + environment.getOrDefault("SLURM_ARRAY_TASK_ID", ""));
        }

        /** The same place, now with a launcher. */
        public Place with(long launcher) {
            return new Place(host, pid, startTime, launcher, slurm, slurmArray);
        }

        /** Whether it is on this host. */
        public boolean isHere() {
            return host.isEmpty() || host.equals(LocalProcess.hostName());
        }

        /** Whether its launcher is still there, which outlives a {@code quiesce run} that was killed. */
        boolean hasLauncher() {
            return isHere() && launcherPid > 0 && LocalProcess.alive(launcherPid, 0);
        }

        /** Whether it is still there; on another host that is not known, and said so. */
        public boolean mayBeAlive() {
            return !isHere() || LocalProcess.alive(pid, startTime);
        }
    }

    private static final String FILE = "run.properties";

    /** A job whose images go to the directory of the reference at once, and whose command begins anew when it is run again. */
    public RunRecord(
            String name,
            Place place,
            Path directory,
            String reference,
            long incarnation,
            int keep,
            List<String> launcher,
            int programWords) {
        this(
                name,
                place,
                directory,
                reference,
                incarnation,
                keep,
                launcher,
                programWords,
                Optional.empty(),
                Again.BEGINS);
    }

    /** Copies the list. */
    public RunRecord {
        launcher = List.copyOf(launcher);
    }

    void write(Path jobDirectory) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("name", name);
        properties.setProperty("host", place.host());
        properties.setProperty("pid", Long.toString(place.pid()));
        properties.setProperty("start", Long.toString(place.startTime()));
        properties.setProperty("launcherPid", Long.toString(place.launcherPid()));
        properties.setProperty("slurm", place.slurm());
        properties.setProperty("slurmArray", place.slurmArray());
        properties.setProperty("incarnation", Long.toString(incarnation));
        properties.setProperty("directory", directory.toString());
        properties.setProperty("reference", reference);
        local.ifPresent(path -> properties.setProperty("local", path.toString()));
        properties.setProperty("again", again.name());
        properties.setProperty("keep", Integer.toString(keep));
        properties.setProperty("programWords", Integer.toString(programWords));
        for (int i = 0; i < launcher.size(); i++) {
            properties.setProperty("launcher." + i, launcher.get(i));
        }
        DurableFiles.write(jobDirectory.resolve(FILE), DurableFiles.text(properties, "written by quiesce run"));
    }

    static Optional<RunRecord> read(Path jobDirectory) throws IOException {
        Path file = jobDirectory.resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Properties properties = DurableFiles.properties(file);
        List<String> launcher = new ArrayList<>();
        for (int i = 0; properties.containsKey("launcher." + i); i++) {
            launcher.add(properties.getProperty("launcher." + i));
        }
        try {
            return Optional.of(new RunRecord(
                    properties.getProperty("name", ""),
                    place(properties),
                    Path.of(properties.getProperty("directory", ".")),
                    properties.getProperty("reference", ""),
                    Long.parseLong(properties.getProperty("incarnation", "0")),
                    Integer.parseInt(properties.getProperty("keep", "0")),
                    launcher,
                    Integer.parseInt(properties.getProperty("programWords", "0")),
                    Optional.ofNullable(properties.getProperty("local")).map(Path::of),
                    Again.valueOf(properties.getProperty("again", Again.BEGINS.name()))));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    private static Place place(Properties properties) {
        return new Place(
                properties.getProperty("host", ""),
                Long.parseLong(properties.getProperty("pid", "0")),
                Long.parseLong(properties.getProperty("start", "0")),
                Long.parseLong(properties.getProperty("launcherPid", "0")),
                properties.getProperty("slurm", ""),
                properties.getProperty("slurmArray", ""));
    }

    /** Where the checkpoints of the job go when nobody wants them elsewhere. */
    public Path referencePath() {
        return directory.resolve(reference).toAbsolutePath().normalize();
    }

    /** The program and its arguments, if they are known. */
    public List<String> program() {
        int first = Math.max(0, launcher.size() - Math.max(0, programWords));
        return launcher.subList(first, launcher.size());
    }

    static void remove(Path jobDirectory) throws IOException {
        Files.deleteIfExists(jobDirectory.resolve(FILE));
    }
}
