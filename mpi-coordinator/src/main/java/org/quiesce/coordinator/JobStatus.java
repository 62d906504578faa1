// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.agent.NodeAddress;
import org.quiesce.coordinator.agent.NodeFleet;
import org.quiesce.coordinator.agent.WireCommands;
import org.quiesce.coordinator.agent.WireEvents;
import org.quiesce.coordinator.core.WhoWaits;
import org.quiesce.coordinator.store.JobRegistry.Job;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.NodeStatus;
import org.quiesce.wire.proto.RankStatus;

/** Asks the nodes of a job what its ranks are doing. */
public final class JobStatus {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

    private final List<Rank> ranks = new ArrayList<>();
    private final List<String> silent = new ArrayList<>();
    private final Set<Integer> open = new HashSet<>();
    private final WhoWaits waits = new WhoWaits();

    private JobStatus() {}

    /**
     * One rank.
     *
     * @param phase in which it is of a checkpoint; "running" when there is none
     * @param millis since when
     * @param waitsFor what holds it up, for people
     * @param generation how many restarts it has behind it
     */
    public record Rank(int rank, String host, int pid, String phase, long millis, String waitsFor, int generation) {}

    /** Asks all nodes and waits for their answers, five seconds at most. */
    public static JobStatus of(Job job) {
        JobStatus status = new JobStatus();
        Inbox inbox = new Inbox();
        try (NodeFleet fleet = new NodeFleet(inbox)) {
            JobKey key = JobKey.parse(job.directory().key());
            for (int node = 0; node < job.nodes().size(); node++) {
                var record = job.nodes().get(node);
                fleet.connect(node, NodeAddress.of(record, LocalProcess.hostName()), key);
                status.open.add(node);
            }
            status.collect(job, inbox, fleet);
        }
        status.ranks.replaceAll(rank -> rank.phase().equals("collectives") ? status.withWaits(rank) : rank);
        status.ranks.sort(Comparator.comparingInt(Rank::rank));
        return status;
    }

    private Rank withWaits(Rank rank) {
        return new Rank(
                rank.rank(),
                rank.host(),
                rank.pid(),
                rank.phase(),
                rank.millis(),
                rank.waitsFor().isEmpty() ? waits.describe(rank.rank()) : rank.waitsFor(),
                rank.generation());
    }

    private void collect(Job job, Inbox inbox, NodeFleet fleet) {
        long end = System.nanoTime() + PATIENCE_NANOS;
        while (!open.isEmpty()) {
            Optional<Inbox.Message> message = next(inbox, end);
            if (message.isEmpty()) {
                open.forEach(node -> silent.add(job.nodes().get(node).getHost() + ": no answer"));
                return;
            }
            if (message.get() instanceof Inbox.Message.Received received) {
                take(received.node(), received.frame(), fleet);
            } else if (message.get() instanceof Inbox.Message.Lost lost && open.remove(lost.node())) {
                silent.add(job.nodes().get(lost.node()).getHost() + ": "
                        + lost.why().getMessage());
            }
        }
    }

    private static Optional<Inbox.Message> next(Inbox inbox, long end) {
        try {
            return inbox.await(end - System.nanoTime());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private void take(int node, Frame frame, NodeFleet fleet) {
        if (frame.hasNodeHello()) {
            fleet.send(node, WireCommands.query());
            fleet.flush();
        } else if (frame.hasNodeStatus() && open.remove(node)) {
            NodeStatus status = frame.getNodeStatus();
            status.getRankList().forEach(rank -> {
                ranks.add(rank(status.getHost(), rank));
                waits.add(
                        rank.getRank(),
                        WireEvents.calls(rank.getCallList()),
                        WireEvents.ranges(rank.getRankWaitedForList()),
                        new BitSet());
            });
        }
    }

    private static Rank rank(String host, RankStatus rank) {
        String phase = rank.getPhase().name().replace("PHASE_", "").toLowerCase(Locale.ROOT);
        return new Rank(
                rank.getRank(),
                host,
                rank.getPid(),
                phase.equals("idle") ? "running" : phase,
                rank.getMillisInPhase(),
                rank.getWaitsFor(),
                rank.getGeneration());
    }

    /** The ranks that were found, by rank. */
    public List<Rank> ranks() {
        return List.copyOf(ranks);
    }

    /** The nodes that gave no answer, and why. */
    public List<String> silent() {
        return List.copyOf(silent);
    }
}
