// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.quiesce.cr.ErrorCode;

/** Nodes, their connections and a coordinator around a simulated job; checks what must hold after each event. */
final class SimulatedCluster {
    /** What goes wrong, and when. */
    enum Fault {
        NONE,
        RANK_DIES,
        NODE_DIES,
        REFUSAL,
        CANCEL,
        MANIFEST
    }

    private final SimulatedJob job;
    private final Timeline timeline;
    private final long netNanos;
    private final Fault fault;
    private final int faultRank;
    private final Phase faultPhase;
    private final long[] upFree;
    private final long[] downFree;
    private final boolean[] nodeLost;
    private final int[] answers;
    private final boolean[] sealed;
    private Optional<Round> started = Optional.empty();
    private long scheduledWake = Long.MAX_VALUE;
    private boolean manifestWritten;
    private Optional<Outcome> outcome = Optional.empty();
    private boolean finishSeen;
    private long applyNanos;
    private long events;

    SimulatedCluster(SimulatedJob job, long netNanos, Fault fault) {
        this.job = job;
        this.timeline = job.timeline();
        this.netNanos = netNanos;
        this.fault = fault;
        faultRank = timeline.random().nextInt(job.rankCount());
        Phase[] phases = {Phase.STOP, Phase.DRAIN, Phase.CALLBACKS, Phase.DUMP, Phase.RESUME, Phase.SEAL};
        faultPhase = phases[timeline.random().nextInt(phases.length)];
        upFree = new long[job.nodeCount()];
        downFree = new long[job.rankCount()];
        nodeLost = new boolean[job.nodeCount()];
        answers = new int[job.nodeCount()];
        sealed = new boolean[job.rankCount()];
    }

    /** Begins a round now. */
    void begin(RoundPlan plan) {
        started = Optional.of(new Round(plan, timeline.now()));
        job.reportsGoTo((node, report) -> up(node, report));
        for (int node = 0; node < job.nodeCount(); node++) {
            List<RankMember> members = new ArrayList<>();
            for (int rank : job.ranksOf(node)) {
                members.add(new RankMember(rank, 1000 + rank, true, false));
            }
            up(node, new Event.NodeConnected(node, "host" + node, members, List.of()));
        }
        long when = timeline.delay(20_000_000);
        switch (fault) {
            case RANK_DIES -> timeline.in(when, () -> rankDies(faultRank));
            case NODE_DIES -> timeline.in(when, () -> nodeDies(job.nodeOf(faultRank)));
            case CANCEL ->
                timeline.in(when, () -> apply(new Event.CancelRequested(ErrorCode.CANCELLED, "as the test wants")));
            case NONE, REFUSAL, MANIFEST -> {}
        }
    }

    /** Lets time pass until the round is over. */
    Outcome runToEnd() {
        while (outcome.isEmpty()) {
            assertThat(timeline.step())
                    .as("something happens before the round ends")
                    .isTrue();
        }
        return outcome.get();
    }

    private void rankDies(int rank) {
        if (!nodeLost[job.nodeOf(rank)]) {
            job.rank(rank).die();
            up(job.nodeOf(rank), new Event.RankLost(job.nodeOf(rank), rank, "killed by signal 9"));
        }
    }

    private void nodeDies(int node) {
        job.ranksOf(node).forEach(rank -> job.rank(rank).die());
        up(node, new Event.NodeLost(node, ErrorCode.RANK_LOST, "connection reset"));
        nodeLost[node] = true;
    }

    private void up(int node, Event event) {
        if (nodeLost[node]) {
            return;
        }
        upFree[node] = Math.max(upFree[node], timeline.now() + timeline.delay(netNanos));
        timeline.at(upFree[node], () -> apply(event));
    }

    private void down(int rank, Runnable what) {
        downFree[rank] = Math.max(downFree[rank], timeline.now() + timeline.delay(netNanos));
        timeline.at(downFree[rank], () -> {
            if (!job.rank(rank).isDead()) {
                what.run();
            }
        });
    }

    private void apply(Event event) {
        long before = System.nanoTime();
        Round round = started.orElseThrow();
        List<Action> actions = round.apply(event, timeline.now());
        applyNanos += System.nanoTime() - before;
        events++;
        actions.forEach(this::perform);
        if (!(event instanceof Event.Tick)) {
            timeline.in(timeline.random().nextInt(2) * timeline.delay(100_000), () -> apply(new Event.Tick()));
        }
        long wake = round.wakeAt();
        if (wake < scheduledWake && wake != Long.MAX_VALUE && !finishSeen) {
            scheduledWake = wake;
            timeline.at(wake, () -> {
                scheduledWake = Long.MAX_VALUE;
                apply(new Event.Tick());
            });
        }
    }

    private void perform(Action action) {
        assertThat(finishSeen).as("nothing is done after the end: %s", action).isFalse();
        if (action instanceof Action.SendBegin) {
            everyRank(rank -> job.rank(rank).begin());
        } else if (action instanceof Action.SendTargets targets) {
            down(targets.rank(), () -> job.rank(targets.rank()).target(targets.targets()));
        } else if (action instanceof Action.SendRelease release) {
            release.ranks().forEach(rank -> down(rank, () -> job.rank(rank).release()));
        } else if (action instanceof Action.SendEnter enter) {
            enter(enter.phase());
        } else if (action instanceof Action.SendCancel) {
            cancel();
        } else if (action instanceof Action.WriteManifest write) {
            writeManifest(write.summary());
        } else if (action instanceof Action.SendEnd) {
            assertThat(manifestWritten).as("no end before the manifest").isTrue();
        } else if (action instanceof Action.Finish finish) {
            finished(finish.outcome());
        }
    }

    private void everyRank(java.util.function.IntConsumer what) {
        for (int rank = 0; rank < job.rankCount(); rank++) {
            int target = rank;
            down(rank, () -> what.accept(target));
        }
    }

    private void enter(Phase phase) {
        if (phase == Phase.STOP) {
            job.assertConverged();
        }
        if (phase == Phase.DUMP) {
            job.assertConverged();
            assertThat(allAlive(SimulatedRank::isStopped))
                    .as("all are stopped at DUMP")
                    .isTrue();
        }
        java.util.Arrays.fill(answers, 0);
        everyRank(rank -> obey(rank, phase));
    }

    private boolean allAlive(java.util.function.Predicate<SimulatedRank> test) {
        for (int rank = 0; rank < job.rankCount(); rank++) {
            if (!job.rank(rank).isDead() && !test.test(job.rank(rank))) {
                return false;
            }
        }
        return true;
    }

    private void obey(int rank, Phase phase) {
        if (phase == Phase.STOP) {
            job.rank(rank).stop();
        } else if (phase == Phase.RESUME) {
            job.rank(rank).go();
        }
        timeline.in(timeline.delay(netNanos * 2), () -> {
            if (!job.rank(rank).isDead()) {
                answer(rank, phase);
            }
        });
    }

    private void answer(int rank, Phase phase) {
        int node = job.nodeOf(rank);
        if (fault == Fault.REFUSAL && rank == faultRank && phase == faultPhase) {
            RankResult refusal =
                    new RankResult(rank, 1, 28, "no space left", 1, RankResult.Image.NONE, RankResult.Drained.NOTHING);
            up(node, new Event.PhaseDone(node, phase, 1, List.of(refusal)));
            return;
        }
        if (phase == Phase.SEAL) {
            sealed[rank] = true;
        }
        if (++answers[node] == job.ranksOf(node).size()) {
            List<RankResult> results = new ArrayList<>();
            if (phase == Phase.SEAL || phase == Phase.DUMP) {
                for (int own : job.ranksOf(node)) {
                    RankResult.Image image = new RankResult.Image("rank-" + own + ".cr", 4096, own, own);
                    results.add(new RankResult(own, 1000 + own, 0, "", 1, image, RankResult.Drained.NOTHING));
                }
            }
            up(node, new Event.PhaseDone(node, phase, answers[node], results));
        }
    }

    private void cancel() {
        assertThat(manifestWritten).as("no cancel once the manifest stands").isFalse();
        for (int node = 0; node < job.nodeCount(); node++) {
            int own = node;
            int[] left = {job.ranksOf(node).size()};
            for (int rank : job.ranksOf(node)) {
                downFree[rank] = Math.max(downFree[rank], timeline.now() + timeline.delay(netNanos));
                timeline.at(downFree[rank], () -> {
                    if (!job.rank(rank).isDead()) {
                        job.rank(rank).go();
                    }
                    if (--left[0] == 0) {
                        up(
                                own,
                                new Event.PhaseDone(
                                        own, Phase.RESUME, job.ranksOf(own).size(), List.of()));
                    }
                });
            }
        }
    }

    private void writeManifest(Action.Summary summary) {
        for (int rank = 0; rank < job.rankCount(); rank++) {
            assertThat(sealed[rank])
                    .as("rank %d sealed before the manifest", rank)
                    .isTrue();
        }
        assertThat(summary.images()).hasSize(job.rankCount());
        timeline.in(timeline.delay(netNanos), () -> {
            manifestWritten = fault != Fault.MANIFEST;
            apply(
                    manifestWritten
                            ? new Event.ManifestWritten()
                            : new Event.ManifestFailed(ErrorCode.WRITE, "no space left for the manifest"));
        });
    }

    private void finished(Outcome end) {
        finishSeen = true;
        outcome = Optional.of(end);
        assertThat(end instanceof Outcome.Committed)
                .as("committed if and only if the manifest stands")
                .isEqualTo(manifestWritten);
        if (end instanceof Outcome.Failed) {
            assertThat(allAlive(rank -> !rank.isPending() && !rank.isStopped()))
                    .as("after a failure every rank runs")
                    .isTrue();
        }
    }

    long applyNanos() {
        return applyNanos;
    }

    long events() {
        return events;
    }
}
