// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.quiesce.coordinator.core.Event;
import org.quiesce.coordinator.core.GroupClock;
import org.quiesce.coordinator.core.GroupId;
import org.quiesce.coordinator.core.GroupMembers;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.core.RankCall;
import org.quiesce.coordinator.core.RankMember;
import org.quiesce.coordinator.core.RankRange;
import org.quiesce.coordinator.core.RankResult;
import org.quiesce.wire.proto.Call;
import org.quiesce.wire.proto.CollectiveReport;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.NodeHello;
import org.quiesce.wire.proto.PhaseDone;
import org.quiesce.wire.proto.Range;

/** Frames of crnode as events of the core. */
public final class WireEvents {
    private WireEvents() {}

    /** The event that a frame stands for; empty for frames of another round and for those that no round needs. */
    public static Optional<Event> of(int node, Frame frame, long round) {
        boolean ours = frame.getRound() == round;
        return switch (frame.getBodyCase()) {
            case NODE_HELLO -> Optional.of(hello(node, frame.getNodeHello()));
            case COLLECTIVE_REPORT -> when(ours, () -> report(frame.getCollectiveReport()));
            case PHASE_DONE -> when(ours, () -> phaseDone(node, frame.getPhaseDone()));
            case RANK_LOST ->
                Optional.of(new Event.RankLost(
                        node, frame.getRankLost().getRank(), frame.getRankLost().getReason()));
            case BEGIN,
                    TARGETS,
                    RELEASE,
                    ENTER,
                    CANCEL,
                    END,
                    QUERY,
                    DETACH,
                    ELSEWHERE,
                    RANK_HELLO,
                    NODE_STATUS,
                    CHECKPOINT_REQUEST,
                    CHECKPOINT_ANSWER,
                    FORWARD,
                    FORWARDED,
                    MOVE,
                    MOVED,
                    BODY_NOT_SET -> Optional.empty();
        };
    }

    private static Optional<Event> when(boolean ours, java.util.function.Supplier<Event> event) {
        return ours ? Optional.of(event.get()) : Optional.empty();
    }

    private static Event hello(int node, NodeHello hello) {
        List<RankMember> members = hello.getRankList().stream()
                .map(rank -> new RankMember(rank.getRank(), rank.getPid(), rank.getReady(), rank.getFinalizing()))
                .toList();
        return new Event.NodeConnected(node, hello.getHost(), members, hello.getEndedList());
    }

    private static Event report(CollectiveReport report) {
        List<GroupClock> clocks = new ArrayList<>(report.getClockCount());
        report.getClockList()
                .forEach(clock -> clocks.add(
                        new GroupClock(new GroupId(clock.getIdHigh(), clock.getIdLow()), clock.getSequence())));
        List<GroupMembers> groups = new ArrayList<>(report.getGroupCount());
        report.getGroupList()
                .forEach(group -> groups.add(new GroupMembers(
                        new GroupId(group.getIdHigh(), group.getIdLow()), ranges(group.getMemberList()))));
        return new Event.CollectiveReported(
                report.getRank(),
                new Event.Gate(report.getInCollective(), report.getParked(), report.getFinalizing()),
                report.getReleasesUsed(),
                clocks,
                ranges(report.getWaitsForList()),
                groups,
                calls(report.getCallList()));
    }

    /** What threads of a rank do in MPI. */
    public static List<RankCall> calls(List<Call> calls) {
        return calls.stream()
                .map(call -> new RankCall(
                        call.getName(),
                        call.getObject(),
                        new GroupId(call.getIdHigh(), call.getIdLow()),
                        ranges(call.getMemberList()),
                        call.getHeld()))
                .toList();
    }

    /** World ranks. */
    public static List<RankRange> ranges(List<Range> ranges) {
        List<RankRange> result = new ArrayList<>(ranges.size());
        ranges.forEach(range -> result.add(new RankRange(range.getFirst(), range.getLast())));
        return result;
    }

    private static Event phaseDone(int node, PhaseDone done) {
        List<RankResult> results = done.getResultList().stream()
                .map(result -> new RankResult(
                        result.getRank(),
                        result.getPid(),
                        result.getError(),
                        result.getText(),
                        result.getMicros(),
                        new RankResult.Image(
                                result.getFile(), result.getBytes(), result.getDigestHigh(), result.getDigestLow()),
                        new RankResult.Drained(
                                result.getMessages(), result.getWaitsIn(), ranges(result.getWaitsForList()))))
                .toList();
        return new Event.PhaseDone(node, phase(done.getPhase()), done.getRanks(), results);
    }

    /** The phase of the core for one of the wire. */
    static Phase phase(org.quiesce.wire.proto.Phase phase) {
        return switch (phase) {
            case PHASE_COLLECTIVES -> Phase.COLLECTIVES;
            case PHASE_STOP -> Phase.STOP;
            case PHASE_DRAIN -> Phase.DRAIN;
            case PHASE_CALLBACKS -> Phase.CALLBACKS;
            case PHASE_DUMP -> Phase.DUMP;
            case PHASE_RESUME -> Phase.RESUME;
            case PHASE_SEAL -> Phase.SEAL;
            case PHASE_COMMIT -> Phase.COMMIT;
            case PHASE_IDLE, PHASE_LAYOUT, UNRECOGNIZED -> Phase.CONNECT;
        };
    }
}
