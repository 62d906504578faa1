// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Decides when every collective that anybody has begun is finished by everybody.
 *
 * <p>A rank moves past the gate of a collective only while a target that it was told exceeds its own count, or on a
 * release. Its view never exceeds ours, so "not behind" here means a closed gate there; only releases need an
 * acknowledgement. Targets are told only to ranks that are behind, and only once every rank has reported: before that
 * they would change with each report. All counters are kept up to date report by report, so the test of convergence costs
 * nothing; raising a target costs one look at each member, each of which then has a collective to do.
 */
final class CollectiveClocks {
    private final RankState[] ranks;
    private final Map<GroupId, GroupState> groups = new HashMap<>();
    private final Set<GroupState> raised = new LinkedHashSet<>();
    private int reported;
    private int inCollective;
    private int behind;
    private int releasesPending;
    private int unknownGroups;

    CollectiveClocks(int worldSize) {
        ranks = new RankState[worldSize];
        for (int rank = 0; rank < worldSize; rank++) {
            ranks[rank] = new RankState();
        }
    }

    /** Takes one report in; the reports of a rank must come in the order in which it sent them. */
    void report(Event.CollectiveReported report) {
        if (report.rank() < 0 || report.rank() >= ranks.length) {
            throw new CrException(ErrorCode.PROTOCOL, "a report of rank " + report.rank() + ", which the job has not");
        }
        RankState state = ranks[report.rank()];
        report.groups().forEach(this::learn);
        for (GroupClock clock : report.clocks()) {
            advance(report.rank(), state, clock);
        }
        inCollective += asInt(report.gate().inCollective()) - asInt(state.gate.inCollective());
        releasesPending -= asInt(state.releasePending());
        state.used(report.releasesUsed());
        releasesPending += asInt(state.releasePending());
        state.gate = report.gate();
        state.waitsFor = report.waitsFor();
        state.calls = report.calls();
        reported += asInt(!state.reported);
        state.reported = true;
    }

    private static int asInt(boolean value) {
        return value ? 1 : 0;
    }

    private void learn(GroupMembers members) {
        GroupState group = group(members.group());
        boolean known = group.known();
        group.learn(members.ranges(), ranks.length);
        if (!known) {
            unknownGroups--;
            if (group.needsAnnouncing()) {
                raised.add(group);
            }
        }
    }

    private GroupState group(GroupId id) {
        GroupState group = groups.get(id);
        if (group == null) {
            group = new GroupState(id);
            groups.put(id, group);
            unknownGroups++;
        }
        return group;
    }

    private void advance(int rank, RankState state, GroupClock clock) {
        GroupState group = group(clock.group());
        long before = group.advance(rank, clock.sequence());
        if (!group.known()) {
            return;
        }
        if (group.needsAnnouncing()) {
            raised.add(group);
        }
        if (before < group.announced() && clock.sequence() >= group.announced()) {
            state.behind--;
            behind -= asInt(state.behind == 0);
        }
    }

    /** Whether every rank has reported at least once. */
    boolean allReported() {
        return reported == ranks.length;
    }

    /** Whether a target has risen that nobody has been told yet. */
    boolean announcementsDue() {
        return allReported() && !raised.isEmpty();
    }

    /** Raises the targets: what each rank that is behind must be told, by rank. */
    Map<Integer, List<GroupClock>> announce() {
        Map<Integer, List<GroupClock>> targets = new TreeMap<>();
        for (GroupState group : raised) {
            GroupClock target = new GroupClock(group.id(), group.target());
            for (int i = 0; i < group.size(); i++) {
                if (group.sequence(i) < group.target()) {
                    markBehind(group, i);
                    targets.computeIfAbsent(group.member(i), r -> new ArrayList<>(1))
                            .add(target);
                }
            }
            group.markAnnounced();
        }
        raised.clear();
        return targets;
    }

    private void markBehind(GroupState group, int position) {
        if (group.sequence(position) < group.announced()) {
            return;
        }
        RankState state = ranks[group.member(position)];
        behind += asInt(state.behind == 0);
        state.behind++;
    }

    /** Whether nothing that anybody has begun is unfinished and every gate is closed. */
    boolean converged() {
        return allReported()
                && raised.isEmpty()
                && behind == 0
                && inCollective == 0
                && releasesPending == 0
                && unknownGroups == 0;
    }

    /** Whether somebody is behind, so that a parked rank may be in the way. */
    boolean somebodyBehind() {
        return behind > 0;
    }

    RankState rank(int rank) {
        return ranks[rank];
    }

    int worldSize() {
        return ranks.length;
    }

    /** Marks ranks as released; each is let through one gate. */
    void release(List<Integer> released) {
        for (int rank : released) {
            releasesPending -= asInt(ranks[rank].releasePending());
            ranks[rank].released();
            releasesPending += asInt(ranks[rank].releasePending());
        }
    }

    /** What keeps the round from converging: ranks that wait for each other first, at most {@code limit} of all. */
    List<String> obstacles(int limit) {
        WhoWaits waits = new WhoWaits();
        for (int rank = 0; rank < ranks.length; rank++) {
            waits.add(rank, ranks[rank].calls, ranks[rank].waitsFor, behind(rank));
        }
        Set<Integer> named = new LinkedHashSet<>(waits.circle());
        for (int rank = 0; rank < ranks.length; rank++) {
            if (isObstacle(ranks[rank])) {
                named.add(rank);
            }
        }
        return waits.lines(named, limit, rank -> obstacle(rank, waits));
    }

    private static boolean isObstacle(RankState state) {
        return !state.reported || state.gate.inCollective() || state.behind > 0 || state.releasePending();
    }

    private String obstacle(int rank, WhoWaits waits) {
        RankState state = ranks[rank];
        if (!state.reported) {
            return "rank " + rank + " has not answered";
        }
        String late = state.behind > 0 ? " (others are in a collective that it has not reached)" : "";
        return "rank " + rank + " is " + waits.describe(rank) + late;
    }

    /** The ranks that have not begun a collective that this one has begun. */
    private BitSet behind(int rank) {
        BitSet behind = new BitSet();
        for (GroupState group : groups.values()) {
            group.behind(rank, behind);
        }
        return behind;
    }
}
