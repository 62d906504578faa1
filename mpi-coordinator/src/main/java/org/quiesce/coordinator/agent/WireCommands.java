// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import java.util.List;
import org.quiesce.coordinator.core.GroupClock;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.wire.proto.Begin;
import org.quiesce.wire.proto.Cancel;
import org.quiesce.wire.proto.End;
import org.quiesce.wire.proto.Enter;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.Move;
import org.quiesce.wire.proto.Query;
import org.quiesce.wire.proto.Release;
import org.quiesce.wire.proto.Targets;

/** Frames of one round for crnodes. */
public final class WireCommands {
    private final long round;

    /** Frames of this round. */
    public WireCommands(long round) {
        this.round = round;
    }

    private Frame.Builder frame() {
        return Frame.newBuilder().setRound(round);
    }

    /** Begins the round. */
    public Frame begin(Begin begin) {
        return frame().setBegin(begin).build();
    }

    /** How far the groups of a rank have come. */
    public Frame targets(int rank, List<GroupClock> clocks) {
        Targets.Builder targets = Targets.newBuilder().setRank(rank);
        for (GroupClock clock : clocks) {
            targets.addClockBuilder()
                    .setIdHigh(clock.group().high())
                    .setIdLow(clock.group().low())
                    .setSequence(clock.sequence());
        }
        return frame().setTargets(targets).build();
    }

    /** One gate passage for each rank. */
    public Frame release(List<Integer> ranks) {
        return frame().setRelease(Release.newBuilder().addAllRank(ranks)).build();
    }

    /** On to the next phase. */
    public Frame enter(Phase phase) {
        return frame().setEnter(Enter.newBuilder().setPhase(wire(phase))).build();
    }

    /** The round is given up. */
    public Frame cancel(String reason) {
        return frame().setCancel(Cancel.newBuilder().setReason(reason)).build();
    }

    /** The round is committed. */
    public Frame end(int signal) {
        return frame().setEnd(End.newBuilder().setSignal(signal)).build();
    }

    /** Images of the node go from a directory of it to that of their checkpoint. */
    public static Frame move(String from, String to) {
        return Frame.newBuilder()
                .setMove(Move.newBuilder().setFrom(from).setTo(to))
                .build();
    }

    /** What are the ranks doing? */
    public static Frame query() {
        return Frame.newBuilder().setQuery(Query.getDefaultInstance()).build();
    }

    private static org.quiesce.wire.proto.Phase wire(Phase phase) {
        return switch (phase) {
            case COLLECTIVES -> org.quiesce.wire.proto.Phase.PHASE_COLLECTIVES;
            case STOP -> org.quiesce.wire.proto.Phase.PHASE_STOP;
            case DRAIN -> org.quiesce.wire.proto.Phase.PHASE_DRAIN;
            case CALLBACKS -> org.quiesce.wire.proto.Phase.PHASE_CALLBACKS;
            case DUMP -> org.quiesce.wire.proto.Phase.PHASE_DUMP;
            case RESUME -> org.quiesce.wire.proto.Phase.PHASE_RESUME;
            case SEAL -> org.quiesce.wire.proto.Phase.PHASE_SEAL;
            case COMMIT -> org.quiesce.wire.proto.Phase.PHASE_COMMIT;
            case CONNECT, ABORT, ENDED -> org.quiesce.wire.proto.Phase.PHASE_IDLE;
        };
    }
}
