// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.quiesce.coordinator.launch.Errand;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.launch.RestartSpec;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.launch.Words;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.MoveRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.NodeRecord;

/** The hosts on which a running job is to go on, by the launcher that has started it. */
final class Destination {
    private static final long PATIENCE_SECONDS = 30;

    private final List<String> launcher;
    private final int ranks;
    private final List<String> hosts;

    private Destination(List<String> launcher, int ranks, List<String> hosts) {
        this.launcher = launcher;
        this.ranks = ranks;
        this.hosts = List.copyOf(hosts);
    }

    /** Where this job would go; throws why it cannot go there. */
    static Destination of(MoveRecord wanted, JobRegistry.Job job, Slurm slurm) {
        if (job.nodes().isEmpty()) {
            throw new CrException(ErrorCode.NOT_READY, "no rank of the job is in MPI yet; try again later");
        }
        List<String> launcher = LaunchedWords.of(job).launcher();
        if (new LauncherCommand(launcher).isSrun() && slurm.job().isEmpty()) {
            throw new CrException(
                    ErrorCode.REFUSED,
                    "srun outside of a Slurm job gets its hosts from Slurm; use quiesce checkpoint --kill, then"
                            + " quiesce restart --srun-opts \"--nodelist=...\"");
        }
        Set<String> now =
                job.nodes().stream().map(NodeRecord::getHost).collect(Collectors.toCollection(LinkedHashSet::new));
        List<String> allocated = slurm.hosts(slurm.nodeList());
        List<String> off = slurm.hosts(wanted.off());
        List<String> onto = slurm.hosts(wanted.onto());
        checkOff(off, now, job.name());
        checkAllocated(onto, allocated, slurm.job());
        List<String> possible = new ArrayList<>(onto);
        if (possible.isEmpty()) {
            possible.addAll(allocated.isEmpty() ? named(launcher, now) : allocated);
        }
        possible.removeIf(host -> isAmong(host, off));
        if (possible.isEmpty()) {
            throw new CrException(
                    ErrorCode.USAGE,
                    "no host is left for job " + job.name() + " without " + String.join(", ", off)
                            + "; name others by --onto");
        }
        int ranks = job.nodes().get(0).getWorldSize();
        return new Destination(launcher, ranks, possible.subList(0, Math.min(possible.size(), ranks)));
    }

    /** What the user has told mpirun; without that, where the ranks are. */
    private static List<String> named(List<String> launcher, Set<String> now) {
        List<String> named = new LauncherCommand(launcher).hosts();
        return named.isEmpty() ? List.copyOf(now) : named;
    }

    private static void checkOff(List<String> off, Set<String> now, String job) {
        if (!off.isEmpty() && off.stream().noneMatch(host -> isAmong(host, now))) {
            throw new CrException(
                    ErrorCode.USAGE,
                    "job " + job + " has no rank on " + String.join(", ", off) + "; it runs on "
                            + String.join(", ", now));
        }
    }

    private static void checkAllocated(List<String> onto, List<String> allocated, String job) {
        List<String> others =
                onto.stream().filter(host -> !isAmong(host, allocated)).toList();
        if (!allocated.isEmpty() && !others.isEmpty()) {
            throw new CrException(
                    ErrorCode.USAGE,
                    String.join(", ", others) + " does not belong to Slurm job " + job + "; it has "
                            + String.join(", ", allocated));
        }
    }

    /** A host may be called by its whole name or without its domain. */
    private static boolean isAmong(String host, Iterable<String> others) {
        for (String other : others) {
            if (host.equals(other) || host.startsWith(other + '.') || other.startsWith(host + '.')) {
                return true;
            }
        }
        return false;
    }

    /** Their names. */
    String names() {
        return String.join(", ", hosts);
    }

    /** Those of the launcher that name these hosts, with room for all ranks. */
    List<String> options() {
        if (new LauncherCommand(launcher).isSrun()) {
            return List.of("--nodelist=" + String.join(",", hosts), "--nodes=" + hosts.size());
        }
        int slots = (ranks + hosts.size() - 1) / hosts.size();
        return List.of("-H", hosts.stream().map(host -> host + ':' + slots).collect(Collectors.joining(",")));
    }

    /** Has the launcher start a program there that does nothing, as many times as there are ranks; throws if that fails. */
    void check(Map<String, String> environment) {
        LauncherCommand command = LauncherCommand.onEveryRank(
                launcher, new RestartSpec(ranks, Optional.empty(), options()), List.of("true"), environment);
        Map<String, String> all = new HashMap<>(command.restartEnvironment(environment));
        // beside the job, whose step has the processors
        all.put("SLURM_OVERLAP", "1");
        String problem = problem(command.words(), all);
        if (!problem.isEmpty()) {
            throw new CrException(
                    ErrorCode.REFUSED,
                    "the job cannot be started on " + names() + ": \"" + Words.join(command.words()) + "\" " + problem
                            + "; what it says is in the error output of quiesce run");
        }
    }

    /** Why a command is not done; empty: it is. */
    private static String problem(List<String> words, Map<String, String> more) {
        try {
            Process process = Errand.start(words, more, Optional.empty());
            try {
                if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    return "has not ended within " + PATIENCE_SECONDS + " s";
                }
                return process.exitValue() == 0 ? "" : "has ended with status " + process.exitValue();
            } finally {
                process.destroy();
            }
        } catch (IOException e) {
            return "cannot be started: " + e.getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "was interrupted";
        }
    }
}
