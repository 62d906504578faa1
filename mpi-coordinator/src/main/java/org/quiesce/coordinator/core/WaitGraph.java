// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Finds the parked ranks that somebody needs. A rank that is behind may wait, in a point-to-point call, for a rank that is
 * parked at its gate, directly or through ranks that run and wait themselves; such a parked rank gets one passage. A false
 * edge costs one passage and no more.
 */
final class WaitGraph {
    private final CollectiveClocks clocks;
    private final BitSet needed;
    private final BitSet reached;
    private final int[] queue;
    private int tail;

    private WaitGraph(CollectiveClocks clocks) {
        this.clocks = clocks;
        needed = new BitSet(clocks.worldSize());
        reached = new BitSet(clocks.worldSize());
        queue = new int[clocks.worldSize()];
    }

    /** The ranks to release now, ascending. */
    static List<Integer> releasable(CollectiveClocks clocks) {
        WaitGraph graph = new WaitGraph(clocks);
        for (int rank = 0; rank < clocks.worldSize(); rank++) {
            if (clocks.rank(rank).behind > 0) {
                graph.reach(rank);
            }
        }
        for (int head = 0; head < graph.tail; head++) {
            clocks.rank(graph.queue[head]).waitsFor.forEach(graph::need);
        }
        return graph.parkedAndNeeded();
    }

    private void reach(int rank) {
        if (!reached.get(rank)) {
            reached.set(rank);
            queue[tail++] = rank;
        }
    }

    private void need(RankRange range) {
        int end = Math.min(range.last(), clocks.worldSize() - 1);
        for (int rank = needed.nextClearBit(Math.max(range.first(), 0));
                rank <= end;
                rank = needed.nextClearBit(rank)) {
            needed.set(rank);
            if (!clocks.rank(rank).gate.parked()) {
                reach(rank);
            }
        }
    }

    private List<Integer> parkedAndNeeded() {
        List<Integer> released = new ArrayList<>();
        for (int rank = needed.nextSetBit(0); rank >= 0; rank = needed.nextSetBit(rank + 1)) {
            RankState state = clocks.rank(rank);
            if (state.gate.parked() && state.behind == 0 && !state.releasePending()) {
                released.add(rank);
            }
        }
        return released;
    }
}
