// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * One group of ranks and how many collectives each member has begun on it. The target is the most that any member has
 * begun; the announced target is what the ranks behind it have been told.
 */
final class GroupState {
    private static final int[] NONE = {};

    private final GroupId id;
    private final Map<Integer, Long> early = new HashMap<>();
    private List<RankRange> ranges = List.of();
    private int[] members = NONE;
    private long[] sequences = {};
    private long target;
    private long announced;

    GroupState(GroupId id) {
        this.id = id;
    }

    GroupId id() {
        return id;
    }

    boolean known() {
        return members.length > 0;
    }

    int size() {
        return members.length;
    }

    int member(int position) {
        return members[position];
    }

    long sequence(int position) {
        return sequences[position];
    }

    long target() {
        return target;
    }

    long announced() {
        return announced;
    }

    String describe() {
        return ranges.toString();
    }

    /** Learns the members; the clocks that came before them count from now on. */
    void learn(List<RankRange> memberRanges, int worldSize) {
        if (known()) {
            if (!ranges.equals(memberRanges)) {
                throw new CrException(
                        ErrorCode.PROTOCOL, "two groups of ranks share one identity: " + ranges + ", " + memberRanges);
            }
            return;
        }
        members = expand(memberRanges, worldSize);
        ranges = List.copyOf(memberRanges);
        sequences = new long[members.length];
        early.forEach((rank, sequence) -> sequences[position(rank)] = sequence);
        early.clear();
    }

    private static int[] expand(List<RankRange> ranges, int worldSize) {
        int last = -1;
        long count = 0;
        for (RankRange range : ranges) {
            if (range.first() <= last || range.last() < range.first() || range.last() >= worldSize) {
                throw new CrException(ErrorCode.PROTOCOL, "a group has impossible members: " + ranges);
            }
            last = range.last();
            count += range.size();
        }
        if (count == 0) {
            throw new CrException(ErrorCode.PROTOCOL, "a group has no members");
        }
        int[] members = new int[(int) count];
        int next = 0;
        for (RankRange range : ranges) {
            for (int rank = range.first(); rank <= range.last(); rank++) {
                members[next++] = rank;
            }
        }
        return members;
    }

    /** Records that a rank has begun this many; returns what it was before, for known groups. */
    long advance(int rank, long sequence) {
        target = Math.max(target, sequence);
        if (!known()) {
            early.put(rank, sequence);
            return 0;
        }
        int position = position(rank);
        long before = sequences[position];
        if (sequence < before) {
            throw new CrException(
                    ErrorCode.PROTOCOL,
                    "rank " + rank + " counted " + before + " collectives and now " + sequence + " on " + ranges);
        }
        sequences[position] = sequence;
        return before;
    }

    boolean needsAnnouncing() {
        return target > announced;
    }

    void markAnnounced() {
        announced = target;
    }

    /** Adds those members that have begun fewer than {@code rank}, if it is a member. */
    void behind(int rank, BitSet behind) {
        int own = Arrays.binarySearch(members, rank);
        for (int i = 0; own >= 0 && i < members.length; i++) {
            if (sequences[i] < sequences[own]) {
                behind.set(members[i]);
            }
        }
    }

    private int position(int rank) {
        int position = Arrays.binarySearch(members, rank);
        if (position < 0) {
            throw new CrException(ErrorCode.PROTOCOL, "rank " + rank + " counts on a group without it: " + ranges);
        }
        return position;
    }
}
