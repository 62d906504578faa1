// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.quiesce.cr.ErrorCode;

/** Single events and what follows from them; whole rounds are in RoundSimulationTest. */
class RoundTest {
    private static final long MILLI = 1_000_000;
    private static final GroupId GROUP = new GroupId(1, 2);
    private static final int RANKS = 3;

    private Round round = new Round(plan(Limits.DEFAULT, false), 0);

    private static RoundPlan plan(Limits limits, boolean keepStopped) {
        return new RoundPlan(1, 0, RANKS, keepStopped, keepStopped ? 9 : 0, limits);
    }

    private void connect() {
        List<RankMember> members = IntStream.range(0, RANKS)
                .mapToObj(rank -> new RankMember(rank, rank + 1, true, false))
                .toList();
        round.apply(new Event.NodeConnected(0, "here", members, List.of()), 0);
    }

    private void report(int rank, long sequence, boolean parked, int waitsFor, long releasesUsed) {
        List<RankRange> waits = waitsFor < 0 ? List.of() : List.of(new RankRange(waitsFor, waitsFor));
        round.apply(
                new Event.CollectiveReported(
                        rank,
                        new Event.Gate(false, parked, false),
                        releasesUsed,
                        List.of(new GroupClock(GROUP, sequence)),
                        waits,
                        List.of(new GroupMembers(GROUP, List.of(new RankRange(0, RANKS - 1)))),
                        List.of()),
                0);
    }

    private List<Action> tick(long now) {
        return round.apply(new Event.Tick(), now);
    }

    private static Outcome.Failed failed(List<Action> actions) {
        Action.Finish finish = (Action.Finish) actions.get(actions.size() - 1);
        return (Outcome.Failed) finish.outcome();
    }

    @Test
    void aLimitOfTheUserEndsTheWaitForNodesAsATimeOut() {
        round = new Round(plan(Limits.DEFAULT.withRound(5), false), 0);
        assertThat(failed(tick(6 * MILLI)).failures().get(0).code()).isEqualTo(ErrorCode.TIMEOUT);
    }

    @Test
    void ranksThatNeverComeAreNotReady() {
        assertThat(failed(tick(11_000 * MILLI)).failures().get(0).code()).isEqualTo(ErrorCode.NOT_READY);
    }

    @Test
    void ranksThatHaveEndedAreNotWaitedFor() {
        Outcome.Failed all = failed(round.apply(new Event.NodeConnected(0, "here", List.of(), List.of(2, 0, 1)), 0));
        assertThat(all.failures().get(0).code()).isEqualTo(ErrorCode.FINALIZING);
        assertThat(all.failures().get(0).text()).contains("all ranks on here have ended");
        round = new Round(plan(Limits.DEFAULT, false), 0);
        List<RankMember> left = List.of(new RankMember(0, 1, true, false));
        Outcome.Failed some = failed(round.apply(new Event.NodeConnected(0, "here", left, List.of(2, 1)), 0));
        assertThat(some.failures().get(0).text()).contains("on here has ended rank 1, 2");
    }

    @Test
    void onlyRanksThatAreBehindGetATarget() {
        connect();
        report(0, 5, false, -1, 0);
        report(1, 4, false, -1, 0);
        report(2, 5, false, -1, 0);
        assertThat(tick(0)).containsExactly(new Action.SendTargets(0, 1, List.of(new GroupClock(GROUP, 5))));
        report(1, 5, false, -1, 0);
        assertThat(tick(0)).containsExactly(new Action.SendEnter(Phase.STOP));
    }

    @Test
    void aReleaseIsTransitiveWaitsForSilenceAndMustBeUsed() {
        connect();
        report(0, 5, true, -1, 0); // parked; rank 2 waits for it
        report(1, 4, false, 2, 0); // behind, waits for rank 2
        report(2, 5, false, 0, 0); // runs, waits for rank 0
        tick(0);
        assertThat(tick(3 * MILLI)).isEmpty();
        assertThat(tick(4 * MILLI)).containsExactly(new Action.SendRelease(0, List.of(0)));
        report(1, 5, false, -1, 0);
        assertThat(tick(5 * MILLI)).isEmpty();
        report(0, 6, false, -1, 1); // it used the release and raised the target
        assertThat(tick(6 * MILLI)).hasSize(2).allMatch(action -> action instanceof Action.SendTargets);
    }

    @Test
    void oldReleasesOfEarlierRoundsDoNotCount() {
        connect();
        for (int rank = 0; rank < RANKS; rank++) {
            report(rank, 5, false, -1, 17);
        }
        assertThat(tick(0)).containsExactly(new Action.SendEnter(Phase.STOP));
    }

    @Test
    void aRankInFinalizeRefusesTheRound() {
        connect();
        List<Action> actions = round.apply(
                new Event.CollectiveReported(
                        1, new Event.Gate(false, false, true), 0, List.of(), List.of(), List.of(), List.of()),
                0);
        assertThat(actions).hasSize(1).first().isInstanceOf(Action.SendCancel.class);
        actions = round.apply(new Event.PhaseDone(0, Phase.RESUME, RANKS, List.of()), 0);
        assertThat(failed(actions).failures().get(0).code()).isEqualTo(ErrorCode.FINALIZING);
    }

    @Test
    void ranksThatAreGoingToEndAreNotResumedBeforeTheyAreSealed() {
        round = new Round(plan(Limits.DEFAULT, true), 0);
        connect();
        for (int rank = 0; rank < RANKS; rank++) {
            report(rank, 5, false, -1, 0);
        }
        tick(0);
        for (Phase phase : List.of(Phase.STOP, Phase.DRAIN, Phase.CALLBACKS)) {
            round.apply(new Event.PhaseDone(0, phase, RANKS, List.of()), 0);
        }
        assertThat(round.apply(new Event.PhaseDone(0, Phase.DUMP, RANKS, List.of()), 0))
                .containsExactly(new Action.SendEnter(Phase.SEAL));
    }

    private static RankResult drained(int rank, String waitsIn, int waitsFor) {
        RankResult.Drained drained = new RankResult.Drained(0, waitsIn, List.of(new RankRange(waitsFor, waitsFor)));
        return new RankResult(rank, rank + 1, 0, "", 1, RankResult.Image.NONE, drained);
    }

    private static RankResult sealed(int rank) {
        RankResult.Image image = new RankResult.Image("rank-" + rank + ".cr", 1, 1, 1);
        return new RankResult(rank, rank + 1, 0, "", 1, image, RankResult.Drained.NOTHING);
    }

    /** Of a round whose ranks say this at the end of DRAIN. */
    private List<String> warningsAfter(List<RankResult> drained) {
        connect();
        for (int rank = 0; rank < RANKS; rank++) {
            report(rank, 5, false, -1, 0);
        }
        tick(0);
        round.apply(new Event.PhaseDone(0, Phase.STOP, RANKS, List.of()), 0);
        round.apply(new Event.PhaseDone(0, Phase.DRAIN, RANKS, drained), 0);
        for (Phase phase : List.of(Phase.CALLBACKS, Phase.DUMP, Phase.RESUME)) {
            round.apply(new Event.PhaseDone(0, phase, RANKS, List.of()), 0);
        }
        List<Action> actions =
                round.apply(new Event.PhaseDone(0, Phase.SEAL, RANKS, List.of(sealed(0), sealed(1), sealed(2))), 0);
        return ((Action.WriteManifest) actions.get(actions.size() - 1))
                .summary()
                .warnings();
    }

    @Test
    void ranksThatAllWaitForMessagesAreDeadlocked() {
        assertThat(warningsAfter(
                        List.of(drained(0, "MPI_Recv", 1), drained(1, "MPI_Probe", 2), drained(2, "MPI_Ssend", 0))))
                .containsExactly("the job is deadlocked: all ranks wait for messages, and none is under way: "
                        + "rank 0 is in MPI_Recv, waits for rank 1; rank 1 is in MPI_Probe, waits for rank 2; "
                        + "rank 2 is in MPI_Ssend, waits for rank 0; ranks wait for each other: 0 -> 1 -> 2 -> 0");
    }

    @Test
    void aRankThatMayStillSendKeepsTheOthersFromBeingDeadlocked() {
        assertThat(warningsAfter(List.of(drained(0, "MPI_Recv", 1), drained(1, "MPI_Recv", 0), drained(2, "", 0))))
                .isEmpty();
    }

    @Test
    void aClockThatGoesBackIsAProtocolError() {
        connect();
        report(0, 5, false, -1, 0);
        report(0, 4, false, -1, 0);
        assertThat(round.phase()).isEqualTo(Phase.ABORT);
    }

    @Test
    void anImageWhoseNameLeavesTheDirectoryIsRefused() {
        assertThat(new RankResult.Image("../x", 1, 1, 1).named()).isFalse();
        assertThat(new RankResult.Image("rank-0.cr", 1, 1, 1).named()).isTrue();
    }
}
