// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The ranks of a job, what passes between them, and the truth that no coordinator sees. */
final class SimulatedJob {
    private static final long MESSAGE_NANOS = 200_000;

    private final Timeline timeline;
    private final Program program;
    private final int ranksPerNode;
    private final List<SimulatedRank> ranks = new ArrayList<>();
    private final List<Map<Integer, Integer>> entered = new ArrayList<>();
    private final List<GroupId> ids = new ArrayList<>();
    private final Map<GroupId, GroupMembers> members = new HashMap<>();
    private final Map<Integer, Set<GroupId>> announced = new HashMap<>();
    private final Map<Integer, Integer> synchronousSenders = new HashMap<>();
    private final Map<Integer, List<int[]>> instances = new HashMap<>();
    private ReportSink sink = (rank, report) -> {};

    interface ReportSink {
        void report(int node, Event.CollectiveReported report);
    }

    SimulatedJob(Timeline timeline, Program program, int ranksPerNode, long computeNanos) {
        this.timeline = timeline;
        this.program = program;
        this.ranksPerNode = ranksPerNode;
        for (int g = 0; g < program.groupCount(); g++) {
            GroupId id = new GroupId(
                    Arrays.hashCode(program.group(g)),
                    Arrays.toString(program.group(g)).hashCode());
            ids.add(id);
            members.put(id, new GroupMembers(id, ranges(program.group(g))));
            entered.add(new HashMap<>());
        }
        for (int rank = 0; rank < program.rankCount(); rank++) {
            long slowness = timeline.random().nextInt(10) == 0 ? computeNanos * 20 : computeNanos;
            ranks.add(new SimulatedRank(this, rank, program.of(rank), slowness));
        }
    }

    static List<RankRange> ranges(int[] sorted) {
        List<RankRange> ranges = new ArrayList<>();
        int first = 0;
        for (int i = 1; i <= sorted.length; i++) {
            if (i == sorted.length || sorted[i] != sorted[i - 1] + 1) {
                ranges.add(new RankRange(sorted[first], sorted[i - 1]));
                first = i;
            }
        }
        return ranges;
    }

    void start() {
        ranks.forEach(SimulatedRank::start);
    }

    void reportsGoTo(ReportSink newSink) {
        sink = newSink;
        announced.clear();
    }

    void report(int rank, Event.CollectiveReported report) {
        sink.report(nodeOf(rank), report);
    }

    int nodeOf(int rank) {
        return rank / ranksPerNode;
    }

    int nodeCount() {
        return (ranks.size() + ranksPerNode - 1) / ranksPerNode;
    }

    List<Integer> ranksOf(int node) {
        List<Integer> own = new ArrayList<>();
        for (int rank = node * ranksPerNode; rank < Math.min((node + 1) * ranksPerNode, ranks.size()); rank++) {
            own.add(rank);
        }
        return own;
    }

    /** Members of the groups that this rank's node has not described yet on this connection. */
    List<GroupMembers> unannounced(int rank, Set<GroupId> groups) {
        Set<GroupId> known = announced.computeIfAbsent(nodeOf(rank), n -> new HashSet<>());
        return groups.stream().filter(known::add).map(members::get).toList();
    }

    /** A rank has begun a collective; those whose part is complete go on. */
    void entered(int group, int rank) {
        // An instance of a collective is the k-th on its group index; several indices may share members, as two
        // communicators over the same ranks do.
        int instance = entered.get(group).merge(rank, 1, Integer::sum) - 1;
        List<int[]> begun = instances.computeIfAbsent(group, g -> new ArrayList<>());
        while (begun.size() <= instance) {
            begun.add(new int[] {0, 0});
        }
        int[] state = begun.get(instance);
        state[0]++;
        Program.Operation operation = nthOn(group, instance, rank);
        if (operation instanceof Program.Operation.Broadcast broadcast) {
            broadcast(group, instance, rank, broadcast.root());
        } else if (state[0] == program.group(group).length) {
            for (int member : program.group(group)) {
                timeline.in(timeline.delay(MESSAGE_NANOS), ranks.get(member)::collectiveEnded);
            }
        }
    }

    private void broadcast(int group, int instance, int rank, int root) {
        if (rank != root) {
            if (entered.get(group).getOrDefault(root, 0) > instance) {
                timeline.in(timeline.delay(MESSAGE_NANOS), ranks.get(rank)::collectiveEnded);
            }
            return;
        }
        for (int member : program.group(group)) {
            if (member == root || entered.get(group).getOrDefault(member, 0) == instance + 1) {
                timeline.in(timeline.delay(MESSAGE_NANOS), ranks.get(member)::collectiveEnded);
            }
        }
    }

    private final Map<Long, Program.Operation> operationCache = new HashMap<>();

    private Program.Operation nthOn(int group, int instance, int rank) {
        long key = (long) group << 32 | instance;
        return operationCache.computeIfAbsent(key, k -> {
            int seen = 0;
            for (Program.Operation operation : program.of(rank)) {
                boolean match = operation instanceof Program.Operation.Barrier barrier && barrier.group() == group
                        || operation instanceof Program.Operation.Broadcast broadcast && broadcast.group() == group;
                if (match && seen++ == instance) {
                    return operation;
                }
            }
            throw new IllegalStateException("no such collective");
        });
    }

    void deliver(int from, Program.Operation.Send send) {
        if (send.synchronous()) {
            synchronousSenders.put(send.message(), from);
        }
        timeline.in(timeline.delay(MESSAGE_NANOS), () -> ranks.get(send.to()).arrive(send.message()));
    }

    void received(Program.Operation.Receive receive) {
        Integer sender = synchronousSenders.remove(receive.message());
        if (sender != null) {
            timeline.in(timeline.delay(MESSAGE_NANOS), ranks.get(sender)::sent);
        }
    }

    Timeline timeline() {
        return timeline;
    }

    GroupId groupId(int group) {
        return ids.get(group);
    }

    SimulatedRank rank(int rank) {
        return ranks.get(rank);
    }

    int rankCount() {
        return ranks.size();
    }

    boolean finished() {
        return ranks.stream().allMatch(rank -> rank.isFinished() || rank.isDead());
    }

    /** The truth about convergence: every member of every group has begun as many, and none is inside. */
    void assertConverged() {
        for (int rank = 0; rank < ranks.size(); rank++) {
            assertThat(ranks.get(rank).isInCollective())
                    .as("rank %d inside a collective at STOP", rank)
                    .isFalse();
        }
        for (int g = 0; g < ids.size(); g++) {
            GroupId id = ids.get(g);
            int[] group = program.group(g);
            long first = ranks.get(group[0]).sequence(id);
            for (int member : group) {
                assertThat(ranks.get(member).sequence(id))
                        .as("collectives of rank %d on group %d", member, g)
                        .isEqualTo(first);
            }
        }
    }
}
