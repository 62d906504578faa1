// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.bench;

import java.util.ArrayList;
import java.util.List;
import org.quiesce.wire.proto.CollectiveReport;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.GroupMembers;
import org.quiesce.wire.proto.NodeHello;
import org.quiesce.wire.proto.PhaseDone;
import org.quiesce.wire.proto.Range;
import org.quiesce.wire.proto.RankInfo;
import org.quiesce.wire.proto.RankResult;

/** What the nodes of a large job say, without any job: each rank is in the group of all and in that of its node. */
final class SyntheticNodes {
    private static final long EVERYBODY = 1;
    private static final long ONE_NODE = 2;
    private static final long SEQUENCE = 1_000;

    private final int count;
    private final int ranksPerNode;

    SyntheticNodes(int count, int ranksPerNode) {
        this.count = count;
        this.ranksPerNode = ranksPerNode;
    }

    List<byte[]> greetings() {
        List<byte[]> frames = new ArrayList<>();
        for (int node = 0; node < count; node++) {
            NodeHello.Builder hello = NodeHello.newBuilder().setHost("node" + node);
            for (int rank = node * ranksPerNode; rank < (node + 1) * ranksPerNode; rank++) {
                hello.addRank(
                        RankInfo.newBuilder().setRank(rank).setPid(rank + 1).setReady(true));
            }
            frames.add(Frame.newBuilder().setNodeHello(hello).build().toByteArray());
        }
        return frames;
    }

    /** The node that a frame is from: here it can be seen from what is in it. */
    int nodeOf(Frame frame) {
        if (frame.hasNodeHello()) {
            return frame.getNodeHello().getRank(0).getRank() / ranksPerNode;
        }
        if (frame.hasPhaseDone()) {
            return frame.getPhaseDone().getResult(0).getRank() / ranksPerNode;
        }
        return frame.getCollectiveReport().getRank() / ranksPerNode;
    }

    List<byte[]> answer(Frame command, long round) {
        List<byte[]> frames = new ArrayList<>();
        switch (command.getBodyCase()) {
            case BEGIN -> {
                for (int rank = 0; rank < count * ranksPerNode; rank++) {
                    frames.add(report(rank, SEQUENCE + rank % 2, rank % ranksPerNode == 0, round));
                }
            }
            case TARGETS -> frames.add(report(command.getTargets().getRank(), SEQUENCE + 1, false, round));
            case ENTER -> {
                for (int node = 0; node < count; node++) {
                    frames.add(done(node, command.getEnter().getPhase(), round));
                }
            }
            default -> {
                // nothing to say
            }
        }
        return frames;
    }

    private byte[] report(int rank, long sequence, boolean withGroups, long round) {
        int node = rank / ranksPerNode;
        CollectiveReport.Builder report = CollectiveReport.newBuilder().setRank(rank);
        report.addClockBuilder().setIdHigh(EVERYBODY).setSequence(sequence);
        report.addClockBuilder().setIdHigh(ONE_NODE).setIdLow(node).setSequence(SEQUENCE);
        if (withGroups) {
            report.addGroup(GroupMembers.newBuilder()
                    .setIdHigh(EVERYBODY)
                    .addMember(Range.newBuilder().setLast(count * ranksPerNode - 1)));
            report.addGroup(GroupMembers.newBuilder()
                    .setIdHigh(ONE_NODE)
                    .setIdLow(node)
                    .addMember(
                            Range.newBuilder().setFirst(node * ranksPerNode).setLast((node + 1) * ranksPerNode - 1)));
        }
        return Frame.newBuilder()
                .setRound(round)
                .setCollectiveReport(report)
                .build()
                .toByteArray();
    }

    private byte[] done(int node, org.quiesce.wire.proto.Phase phase, long round) {
        PhaseDone.Builder done = PhaseDone.newBuilder().setPhase(phase).setRanks(ranksPerNode);
        for (int rank = node * ranksPerNode; rank < (node + 1) * ranksPerNode; rank++) {
            done.addResult(RankResult.newBuilder()
                    .setRank(rank)
                    .setPid(rank + 1)
                    .setBytes(1L << 30)
                    .setDigestHigh(rank)
                    .setDigestLow(phase.getNumber())
                    .setFile("rank-" + rank + ".cr"));
        }
        return Frame.newBuilder().setRound(round).setPhaseDone(done).build().toByteArray();
    }
}
