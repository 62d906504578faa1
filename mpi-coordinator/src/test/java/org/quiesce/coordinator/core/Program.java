// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;

/**
 * A legal MPI program: one global order of operations of which each rank does its own part, so that it ends on its own
 * whatever the timing.
 */
final class Program {
    sealed interface Operation {
        /** Everybody waits for everybody. */
        record Barrier(int group) implements Operation {}

        /** The root goes on at once, the others wait for the root. */
        record Broadcast(int group, int root) implements Operation {}

        record Send(int message, int to, boolean synchronous) implements Operation {}

        record Receive(int message, int from, boolean anySource) implements Operation {}
    }

    private final List<int[]> groups = new ArrayList<>();
    private final List<List<Operation>> perRank = new ArrayList<>();
    private int messages;

    private Program(int ranks) {
        for (int rank = 0; rank < ranks; rank++) {
            perRank.add(new ArrayList<>());
        }
    }

    /** A program of {@code operations} random operations over random groups. */
    static Program random(int ranks, int groupCount, int operations, Random random) {
        Program program = new Program(ranks);
        for (int i = 0; i < groupCount; i++) {
            program.groups.add(randomGroup(ranks, random));
        }
        double collectives = random.nextDouble();
        for (int i = 0; i < operations; i++) {
            if (random.nextDouble() < collectives || ranks == 1) {
                program.addCollective(random.nextInt(groupCount), random);
            } else {
                program.addMessage(ranks, random);
            }
        }
        return program;
    }

    /** Rows, columns and world of a square of ranks, as a solver of a large machine uses them. */
    static Program grid(int side, int rounds) {
        Program program = new Program(side * side);
        int[] world = new int[side * side];
        for (int i = 0; i < side; i++) {
            int[] row = new int[side];
            int[] column = new int[side];
            for (int k = 0; k < side; k++) {
                row[k] = i * side + k;
                column[k] = k * side + i;
                world[row[k]] = row[k];
            }
            program.groups.add(row);
            program.groups.add(column);
        }
        program.groups.add(world);
        for (int round = 0; round < rounds; round++) {
            for (int g = 0; g < program.groups.size(); g++) {
                for (int rank : program.groups.get(g)) {
                    program.perRank.get(rank).add(new Operation.Barrier(g));
                }
            }
        }
        return program;
    }

    private static int[] randomGroup(int ranks, Random random) {
        BitSet members = new BitSet();
        if (random.nextInt(4) == 0) {
            members.set(0, ranks);
        } else {
            int size = 1 + random.nextInt(ranks);
            while (members.cardinality() < size) {
                members.set(random.nextInt(ranks));
            }
        }
        return members.stream().toArray();
    }

    private void addCollective(int group, Random random) {
        int[] members = groups.get(group);
        boolean rooted = random.nextBoolean();
        int root = members[random.nextInt(members.length)];
        for (int rank : members) {
            perRank.get(rank).add(rooted ? new Operation.Broadcast(group, root) : new Operation.Barrier(group));
        }
    }

    private void addMessage(int ranks, Random random) {
        int from = random.nextInt(ranks);
        int to = (from + 1 + random.nextInt(ranks - 1)) % ranks;
        int message = messages++;
        perRank.get(from).add(new Operation.Send(message, to, random.nextInt(3) == 0));
        perRank.get(to).add(new Operation.Receive(message, from, random.nextInt(4) == 0));
    }

    List<Operation> of(int rank) {
        return perRank.get(rank);
    }

    int[] group(int group) {
        return groups.get(group);
    }

    int groupCount() {
        return groups.size();
    }

    int messageCount() {
        return messages;
    }

    int rankCount() {
        return perRank.size();
    }
}
