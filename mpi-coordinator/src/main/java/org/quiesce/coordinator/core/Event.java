// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;
import org.quiesce.cr.ErrorCode;

/** What a round is told. Nodes are numbered from 0 by whoever connects them. */
public sealed interface Event {
    /** A node has connected and says which ranks it has, and which it had whose processes have ended. */
    record NodeConnected(int node, String host, List<RankMember> ranks, List<Integer> ended) implements Event {
        /** Copies the lists. */
        public NodeConnected {
            ranks = List.copyOf(ranks);
            ended = List.copyOf(ended);
        }
    }

    /** A rank's view of its collectives, a consistent snapshot. */
    record CollectiveReported(
            int rank,
            Gate gate,
            long releasesUsed,
            List<GroupClock> clocks,
            List<RankRange> waitsFor,
            List<GroupMembers> groups,
            List<RankCall> calls)
            implements Event {}

    /** Every rank of a node has ended a phase, or one of them has failed in it. */
    record PhaseDone(int node, Phase phase, int ranks, List<RankResult> results) implements Event {}

    /** A rank has ended. */
    record RankLost(int node, int rank, String reason) implements Event {}

    /** A node's connection is gone. */
    record NodeLost(int node, ErrorCode code, String reason) implements Event {}

    /** The manifest is in place: the checkpoint exists. */
    record ManifestWritten() implements Event {}

    /** The manifest could not be written. */
    record ManifestFailed(ErrorCode code, String text) implements Event {}

    /** Somebody wants the round to end without a checkpoint. */
    record CancelRequested(ErrorCode code, String reason) implements Event {}

    /** No further event is waiting; time has passed. */
    record Tick() implements Event {}

    /**
     * Where a rank stands with regard to collectives.
     *
     * @param inCollective inside a collective, or on the way into one
     * @param parked waiting at the gate of its next collective
     * @param finalizing past the point of no return in MPI_Finalize
     */
    record Gate(boolean inCollective, boolean parked, boolean finalizing) {}
}
