// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;
import java.util.Map;

/** What a round wants done. */
public sealed interface Action {
    /** Begin the round on every node. */
    record SendBegin() implements Action {}

    /** Tell one rank how far the groups that it is behind in have come. */
    record SendTargets(int node, int rank, List<GroupClock> targets) implements Action {}

    /** Let each of these ranks of a node through one gate. */
    record SendRelease(int node, List<Integer> ranks) implements Action {}

    /** All nodes go on to this phase. */
    record SendEnter(Phase phase) implements Action {}

    /** All nodes give the round up and let their ranks go on. */
    record SendCancel(String reason) implements Action {}

    /** Write the manifest and answer with ManifestWritten or ManifestFailed. */
    record WriteManifest(Summary summary) implements Action {}

    /** The round is committed; a signal other than 0 goes to every rank. */
    record SendEnd(int signal) implements Action {}

    /** The last action of every round. */
    record Finish(Outcome outcome) implements Action {}

    /**
     * What the manifest tells of a round.
     *
     * @param phaseMicros how long each phase took
     * @param images one result of SEAL per rank, in order of rank
     * @param hosts the host of each rank
     * @param messages how many messages were in flight
     * @param releases how many gate passages were granted
     * @param warnings what somebody should know of the job, a sentence each
     */
    record Summary(
            Map<Phase, Long> phaseMicros,
            List<RankResult> images,
            List<String> hosts,
            long messages,
            long releases,
            List<String> warnings) {}
}
