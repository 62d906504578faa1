// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The phase COLLECTIVES: hands out targets and releases until the clocks have converged. */
final class Convergence {
    /** A release waits until nothing new has come for this long; sooner would be right too, but often needless. */
    static final long QUIET_NANOS = 4_000_000;
    /** Ranks that poll may report without end; a release does not wait longer than this for silence. */
    static final long NOISY_NANOS = 50_000_000;

    private final CollectiveClocks clocks;
    private final Nodes nodes;
    private long lastReport;
    private long lastLook;
    private boolean lookedSinceReport = true;
    private long releases;

    Convergence(Nodes nodes, int worldSize, long now) {
        this.nodes = nodes;
        clocks = new CollectiveClocks(worldSize);
        lastReport = now;
        lastLook = now;
    }

    void report(Event.CollectiveReported report, long now) {
        clocks.report(report);
        lastReport = now;
        lookedSinceReport = false;
    }

    boolean converged() {
        return clocks.converged();
    }

    long releases() {
        return releases;
    }

    List<String> obstacles(int limit) {
        return clocks.obstacles(limit);
    }

    /** What is due now that no event waits. */
    List<Action> step(long now) {
        List<Action> actions = new ArrayList<>();
        if (clocks.announcementsDue()) {
            clocks.announce()
                    .forEach((rank, targets) -> actions.add(new Action.SendTargets(nodes.nodeOf(rank), rank, targets)));
            lookedSinceReport = false;
        } else if (now >= releaseAt()) {
            lookedSinceReport = true;
            lastLook = now;
            release(actions);
        }
        return actions;
    }

    /** When a release is to be considered. */
    long releaseAt() {
        if (lookedSinceReport || !clocks.allReported() || !clocks.somebodyBehind()) {
            return Long.MAX_VALUE;
        }
        return Math.min(lastReport + QUIET_NANOS, lastLook + NOISY_NANOS);
    }

    private void release(List<Action> actions) {
        List<Integer> released = WaitGraph.releasable(clocks);
        clocks.release(released);
        releases += released.size();
        Map<Integer, List<Integer>> perNode = new TreeMap<>();
        for (int rank : released) {
            perNode.computeIfAbsent(nodes.nodeOf(rank), n -> new ArrayList<>()).add(rank);
        }
        perNode.forEach((node, ranks) -> actions.add(new Action.SendRelease(node, ranks)));
    }
}
