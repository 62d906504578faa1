// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Predicate;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.NodeRecord;

/** All jobs of a user. */
public final class JobRegistry {
    private static final String SLURM = "slurm:";

    private final Path home;

    /** The jobs that meet below this directory. */
    public JobRegistry(Path home) {
        this.home = home;
    }

    /** The jobs of the user, as the environment names the place. */
    public static JobRegistry of(Map<String, String> environment) {
        String home = environment.getOrDefault("QUIESCE_HOME", "");
        return new JobRegistry(
                home.isEmpty()
                        ? Path.of(environment.getOrDefault("HOME", System.getProperty("user.home")), ".quiesce")
                        : Path.of(home));
    }

    /** Where they meet. */
    public Path home() {
        return home;
    }

    /** The jobs that are alive, in order of name. */
    public List<Job> jobs() {
        Path directory = home.resolve("jobs");
        List<Job> jobs = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            for (Path entry : entries) {
                JobDirectory job = new JobDirectory(entry);
                if (Files.isDirectory(entry) && job.running()) {
                    jobs.add(Job.of(job));
                }
            }
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (AccessDeniedException e) {
            throw new CrException(
                    ErrorCode.PERMISSION,
                    directory + " belongs to another user; you can only checkpoint your own jobs",
                    e);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot look for jobs in", directory, e);
        }
        jobs.sort(Comparator.comparing(Job::name));
        return jobs;
    }

    /** Removes what jobs have left here that ended without doing so themselves. */
    public void sweep() {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(home.resolve("jobs"))) {
            for (Path entry : entries) {
                if (Files.exists(entry.resolve("run.properties")) && !new JobDirectory(entry).alive()) {
                    DurableFiles.deleteTree(entry);
                }
            }
        } catch (IOException e) {
            // housekeeping: the next one tries again
            return;
        }
    }

    /**
     * The job that a person means by the pid of its launcher or of {@code quiesce run}, by its name, or by
     * {@code slurm:JOB[.STEP]}. Of several incarnations of one job it is the newest.
     */
    public Job find(String target) {
        List<Job> found = newest(jobs().stream().filter(matching(target)).toList());
        if (found.size() == 1) {
            return found.get(0);
        }
        if (found.isEmpty()) {
            throw missing(target);
        }
        throw new CrException(
                ErrorCode.USAGE,
                found.size() + " jobs are called \"" + target + "\"; give the pid of the launcher: "
                        + found.stream()
                                .map(job -> Long.toString(job.launcherPid()))
                                .toList());
    }

    private static Predicate<Job> matching(String target) {
        if (target.startsWith(SLURM)) {
            String id = target.substring(SLURM.length());
            return job -> job.isSlurm(id);
        }
        return target.matches("[0-9]{1,18}")
                ? job -> job.hasPid(Long.parseLong(target))
                : job -> job.name().equals(target);
    }

    /** Leaves out those to whose checkpoints a newer incarnation writes; they may run on a host that is out of reach. */
    private static List<Job> newest(List<Job> found) {
        return found.size() < 2
                ? found
                : found.stream().filter(job -> !job.directory().isSuperseded()).toList();
    }

    private CrException missing(String target) {
        if (target.matches("[0-9]{1,9}")) {
            OptionalInt owner = LocalProcess.owner(Integer.parseInt(target));
            if (owner.isEmpty()) {
                return new CrException(ErrorCode.NO_AGENT, "there is no process " + target + " here");
            }
            if (owner.getAsInt()
                    != LocalProcess.owner(ProcessHandle.current().pid()).orElse(-1)) {
                return new CrException(
                        ErrorCode.PERMISSION,
                        "process " + target + " belongs to user " + owner.getAsInt()
                                + "; you can only checkpoint your own jobs");
            }
            return new CrException(
                    ErrorCode.NO_AGENT,
                    "process " + target + " is no launcher of a job under Quiesce (looked in " + home
                            + "); start it by \"quiesce run -- mpirun ...\", or wait until its ranks are in MPI_Init");
        }
        return new CrException(
                ErrorCode.NO_AGENT, "no job is called \"" + target + "\" in " + home + "; see \"quiesce status\"");
    }

    /** One job that is alive. */
    public record Job(JobDirectory directory, String name, List<NodeRecord> nodes) {
        /** The job that meets in this directory, as it stands now. */
        public static Job of(JobDirectory directory) {
            List<NodeRecord> nodes = directory.nodes();
            String name = directory
                    .run()
                    .map(RunRecord::name)
                    .filter(given -> !given.isEmpty())
                    .orElseGet(() -> nodes.isEmpty()
                            ? directory.path().getFileName().toString()
                            : nodes.get(0).getJob());
            return new Job(directory, name, nodes);
        }

        boolean hasPid(long pid) {
            String here = LocalProcess.hostName();
            return directory
                            .run()
                            .map(RunRecord::place)
                            .filter(RunRecord.Place::isHere)
                            .map(place -> place.pid() == pid || place.launcherPid() == pid)
                            .orElse(false)
                    || nodes.stream()
                            .anyMatch(node -> node.getLauncherPid() == pid
                                    && node.getHost().equals(here));
        }

        /** Whether this is the job, or the step, of Slurm that is called so. */
        boolean isSlurm(String id) {
            boolean ofRun = directory
                    .run()
                    .map(RunRecord::place)
                    .map(place -> id.equals(place.slurm()) || id.equals(place.slurmArray()))
                    .orElse(false);
            return !id.isEmpty()
                    && (ofRun
                            || nodes.stream()
                                    .map(NodeRecord::getSlurm)
                                    .anyMatch(slurm -> slurm.equals(id) || slurm.startsWith(id + '.')));
        }

        /** The pid of mpirun or srun; 0 when that runs on another host. */
        public long launcherPid() {
            long known = directory
                    .run()
                    .map(RunRecord::place)
                    .filter(RunRecord.Place::isHere)
                    .map(RunRecord.Place::launcherPid)
                    .orElse(0L);
            return known != 0
                    ? known
                    : nodes.stream().mapToLong(NodeRecord::getLauncherPid).max().orElse(0);
        }
    }
}
