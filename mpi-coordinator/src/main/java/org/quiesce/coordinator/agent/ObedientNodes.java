// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.quiesce.wire.proto.CollectiveReport;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.GroupClock;
import org.quiesce.wire.proto.GroupMembers;
import org.quiesce.wire.proto.NodeHello;
import org.quiesce.wire.proto.NodeStatus;
import org.quiesce.wire.proto.Phase;
import org.quiesce.wire.proto.PhaseDone;
import org.quiesce.wire.proto.Range;
import org.quiesce.wire.proto.RankInfo;
import org.quiesce.wire.proto.RankResult;
import org.quiesce.wire.proto.RankStatus;

/** Nodes on which every phase goes well, unless a script that extends this one says otherwise. Their images are zeros. */
public class ObedientNodes implements FakeCrnode.Script {
    private static final long GROUP_HIGH = 11;
    private static final long GROUP_LOW = 12;

    private final int ranksPerNode;
    private final int worldSize;
    private final IntFunction<RankResult.Builder> sealed;
    private volatile Path directory = Path.of("");

    /** Nodes of a world; {@code sealed} is what a rank says in SEAL. */
    public ObedientNodes(int nodes, int ranksPerNode, IntFunction<RankResult.Builder> sealed) {
        this.ranksPerNode = ranksPerNode;
        this.worldSize = nodes * ranksPerNode;
        this.sealed = sealed;
    }

    /** Images of zeros. */
    public static RankResult.Builder imaginary(int rank) {
        return RankResult.newBuilder()
                .setPid(1000 + rank)
                .setFile("rank-" + rank + ".cr")
                .setBytes(4096)
                .setDigestHigh(rank)
                .setDigestLow(~rank);
    }

    @Override
    public List<Frame> greeting(int node) {
        NodeHello.Builder hello = NodeHello.newBuilder()
                .setHost("host" + node)
                .setWorldSize(worldSize)
                .setJob("job");
        ranks(
                node,
                rank -> hello.addRank(
                        RankInfo.newBuilder().setRank(rank).setPid(1000 + rank).setReady(true)));
        return List.of(Frame.newBuilder().setNodeHello(hello).build());
    }

    private void ranks(int node, java.util.function.IntConsumer what) {
        for (int rank = node * ranksPerNode; rank < (node + 1) * ranksPerNode; rank++) {
            what.accept(rank);
        }
    }

    @Override
    public List<Frame> answer(int node, Frame frame) {
        return switch (frame.getBodyCase()) {
            case BEGIN -> {
                directory = Path.of(frame.getBegin().getDirectory());
                yield reports(node, frame);
            }
            case ENTER -> done(node, frame, frame.getEnter().getPhase());
            case CANCEL -> done(node, frame, Phase.PHASE_RESUME);
            case QUERY -> List.of(status(node));
            default -> List.of();
        };
    }

    /** All ranks have begun as many collectives, so that the first look converges. */
    private List<Frame> reports(int node, Frame begin) {
        List<Frame> reports = new ArrayList<>();
        ranks(node, rank -> {
            CollectiveReport.Builder report = CollectiveReport.newBuilder()
                    .setRank(rank)
                    .addClock(GroupClock.newBuilder()
                            .setIdHigh(GROUP_HIGH)
                            .setIdLow(GROUP_LOW)
                            .setSequence(5));
            if (rank == node * ranksPerNode) {
                report.addGroup(GroupMembers.newBuilder()
                        .setIdHigh(GROUP_HIGH)
                        .setIdLow(GROUP_LOW)
                        .addMember(Range.newBuilder().setLast(worldSize - 1)));
            }
            reports.add(Frame.newBuilder()
                    .setRound(begin.getRound())
                    .setCollectiveReport(report)
                    .build());
        });
        return reports;
    }

    private List<Frame> done(int node, Frame command, Phase phase) {
        PhaseDone.Builder done = PhaseDone.newBuilder().setPhase(phase).setRanks(ranksPerNode);
        if (phase == Phase.PHASE_SEAL) {
            ranks(node, rank -> done.addResult(written(sealed.apply(rank).setRank(rank))));
        }
        return List.of(Frame.newBuilder()
                .setRound(command.getRound())
                .setPhaseDone(done)
                .build());
    }

    /** Some tests give no directory for the images. */
    private RankResult.Builder written(RankResult.Builder result) {
        if (!directory.isAbsolute() || result.getFile().isEmpty()) {
            return result;
        }
        try (RandomAccessFile image =
                new RandomAccessFile(directory.resolve(result.getFile()).toFile(), "rw")) {
            image.setLength(result.getBytes());
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Frame status(int node) {
        NodeStatus.Builder status = NodeStatus.newBuilder().setHost("host" + node);
        ranks(
                node,
                rank -> status.addRank(RankStatus.newBuilder()
                        .setRank(rank)
                        .setPid(1000 + rank)
                        .setWaitsFor("waits for ranks 1")));
        return Frame.newBuilder().setNodeStatus(status).build();
    }

    /** A refusal of one rank. */
    public static Frame refusal(Frame command, Phase phase, int rank, int error, String text) {
        return Frame.newBuilder()
                .setRound(command.getRound())
                .setPhaseDone(PhaseDone.newBuilder()
                        .setPhase(phase)
                        .setRanks(1)
                        .addResult(RankResult.newBuilder()
                                .setRank(rank)
                                .setError(error)
                                .setText(text)))
                .build();
    }
}
