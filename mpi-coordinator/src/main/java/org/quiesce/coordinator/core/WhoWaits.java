// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Collectors;

/**
 * Which rank waits for which, and in which call, for people. A rank waits for those whose messages it wants (any one of
 * them, if it takes messages from any source), and in a collective for the members that are not in it.
 */
public final class WhoWaits {
    private record Rank(List<RankCall> calls, List<RankRange> messagesOf, BitSet behind) {}

    private final Map<Integer, Rank> ranks = new HashMap<>();
    private final Map<GroupId, BitSet> arrived = new HashMap<>();

    /** What a rank says of itself; {@code behind}: those known to lack a collective that it has begun. */
    public void add(int rank, List<RankCall> calls, List<RankRange> messagesOf, BitSet behind) {
        ranks.put(rank, new Rank(calls, messagesOf, behind));
        for (RankCall call : calls) {
            if (call.awaitsMembers()) {
                arrived.computeIfAbsent(call.id(), id -> new BitSet()).set(rank);
            }
        }
    }

    /** The ranks that this one waits for, as far as it is known. */
    public BitSet awaited(int rank) {
        BitSet awaited = new BitSet();
        Rank state = ranks.get(rank);
        if (state == null) {
            return awaited;
        }
        state.messagesOf.forEach(range -> awaited.set(range.first(), range.last() + 1));
        for (RankCall call : state.calls) {
            if (call.awaitsMembers()) {
                BitSet absent = new BitSet();
                call.members().forEach(range -> absent.set(range.first(), range.last() + 1));
                absent.andNot(arrived.get(call.id()));
                awaited.or(absent);
            }
        }
        if (awaited.isEmpty() && state.calls.stream().noneMatch(RankCall::held)) {
            awaited.or(state.behind);
        }
        awaited.clear(rank);
        return awaited;
    }

    /** What a rank does, and for whom it waits; it goes on a sentence that begins with "rank N is". */
    public String describe(int rank) {
        Rank state = ranks.get(rank);
        List<RankCall> calls = state == null ? List.of() : state.calls;
        String doing = calls.isEmpty()
                ? "outside of MPI"
                : calls.stream().map(RankCall::toString).distinct().collect(Collectors.joining(" and "));
        BitSet awaited = awaited(rank);
        return awaited.isEmpty() ? doing : doing + ", waits for " + words(awaited);
    }

    /** "rank 3", "ranks 1, 4-7". */
    private static String words(BitSet set) {
        List<String> ranges = new ArrayList<>();
        for (int first = set.nextSetBit(0); first >= 0; ) {
            int end = set.nextClearBit(first);
            ranges.add(new RankRange(first, end - 1).toString());
            first = set.nextSetBit(end);
        }
        return (set.cardinality() == 1 ? "rank " : "ranks ") + String.join(", ", ranges);
    }

    /** The shortest circle of ranks that wait for each other, first one repeated at the end; empty if there is none. */
    public List<Integer> circle() {
        List<Integer> shortest = List.of();
        for (int rank : ranks.keySet().stream().sorted().toList()) {
            List<Integer> circle = circleThrough(rank);
            if (!circle.isEmpty() && (shortest.isEmpty() || circle.size() < shortest.size())) {
                shortest = circle;
            }
        }
        return shortest;
    }

    /** What is to be said of some ranks, at most {@code limit} of them, and the circle among all ranks, a line each. */
    List<String> lines(Collection<Integer> named, int limit, IntFunction<String> line) {
        List<String> lines = new ArrayList<>();
        named.stream().limit(limit).forEach(rank -> lines.add(line.apply(rank)));
        if (named.size() > limit) {
            lines.add("and " + (named.size() - limit) + " more ranks");
        }
        List<Integer> circle = circle();
        if (!circle.isEmpty()) {
            lines.add("ranks wait for each other: "
                    + circle.stream().map(String::valueOf).collect(Collectors.joining(" -> ")));
        }
        return lines;
    }

    private List<Integer> circleThrough(int start) {
        int size = ranks.keySet().stream().mapToInt(Integer::intValue).max().orElse(0) + 1;
        int[] from = new int[size];
        Arrays.fill(from, -1);
        Deque<Integer> queue = new ArrayDeque<>(List.of(start));
        while (!queue.isEmpty()) {
            int rank = queue.remove();
            BitSet next = awaited(rank);
            for (int other = next.nextSetBit(0); other >= 0 && other < size; other = next.nextSetBit(other + 1)) {
                if (from[other] < 0) {
                    from[other] = rank;
                    queue.add(other);
                }
            }
            if (from[start] >= 0) {
                return path(start, from);
            }
        }
        return List.of();
    }

    private static List<Integer> path(int start, int[] from) {
        List<Integer> path = new ArrayList<>(List.of(start));
        for (int rank = from[start]; rank != start; rank = from[rank]) {
            path.add(rank);
        }
        path.add(start);
        Collections.reverse(path);
        return path;
    }
}
