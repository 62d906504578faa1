// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A rank that runs its part of a program and obeys the gate of a checkpoint as the MPI stub does. */
final class SimulatedRank {
    private final SimulatedJob job;
    private final int rank;
    private final List<Program.Operation> operations;
    private final Map<GroupId, Long> sequence = new HashMap<>();
    private final Map<GroupId, Long> targets = new HashMap<>();
    private final Set<Integer> arrived = new HashSet<>();
    private final long slowness;
    private int next;
    private boolean pending;
    private boolean inCollective;
    private boolean parked;
    private boolean waiting;
    private boolean released;
    private boolean stopped;
    private boolean heldBack;
    private boolean dead;
    private long releasesUsed;
    private List<RankRange> waitsFor = List.of();

    SimulatedRank(SimulatedJob job, int rank, List<Program.Operation> operations, long slowness) {
        this.job = job;
        this.rank = rank;
        this.operations = operations;
        this.slowness = slowness;
    }

    void start() {
        compute();
    }

    private void compute() {
        job.timeline().in(job.timeline().delay(slowness), this::proceed);
    }

    /** Does the next operation, or waits at the gate. */
    private void proceed() {
        if (dead || next >= operations.size()) {
            return;
        }
        if (stopped) {
            heldBack = true;
            return;
        }
        Program.Operation operation = operations.get(next);
        if (operation instanceof Program.Operation.Barrier barrier) {
            atGate(barrier.group());
        } else if (operation instanceof Program.Operation.Broadcast broadcast) {
            atGate(broadcast.group());
        } else if (operation instanceof Program.Operation.Send send) {
            send(send);
        } else if (operation instanceof Program.Operation.Receive receive) {
            receive(receive);
        }
    }

    private void atGate(int group) {
        if (pending && !released && !behindAnywhere()) {
            if (!parked) {
                parked = true;
                waitsFor = List.of();
                report();
            }
            return;
        }
        parked = false;
        releasesUsed += released ? 1 : 0;
        released = false;
        inCollective = true;
        waitsFor = List.of();
        waiting = true;
        sequence.merge(job.groupId(group), 1L, Long::sum);
        report();
        job.entered(group, rank);
    }

    private boolean behindAnywhere() {
        return targets.entrySet().stream()
                .anyMatch(target -> sequence.getOrDefault(target.getKey(), 0L) < target.getValue());
    }

    /** The collective that this rank is in has done its part here. */
    void collectiveEnded() {
        inCollective = false;
        ended();
    }

    private void send(Program.Operation.Send send) {
        job.deliver(rank, send);
        if (!send.synchronous()) {
            ended();
        } else if (!waiting) {
            waiting = true;
            waitFor(List.of(new RankRange(send.to(), send.to())));
        }
    }

    private void receive(Program.Operation.Receive receive) {
        if (arrived.remove(receive.message())) {
            job.received(receive);
            ended();
        } else {
            waiting = true;
            waitFor(
                    receive.anySource()
                            ? List.of(new RankRange(0, job.rankCount() - 1))
                            : List.of(new RankRange(receive.from(), receive.from())));
        }
    }

    private void waitFor(List<RankRange> ranks) {
        waitsFor = ranks;
        report();
    }

    /** A message has come. */
    void arrive(int message) {
        arrived.add(message);
        if (waiting
                && operations.get(next) instanceof Program.Operation.Receive receive
                && receive.message() == message) {
            waiting = false;
            proceed();
        }
    }

    /** The synchronous message that this rank is sending has been received. */
    void sent() {
        ended();
    }

    private void ended() {
        waiting = false;
        waitsFor = List.of();
        next++;
        report();
        compute();
    }

    // What the agent does for the coordinator.

    void begin() {
        pending = true;
        targets.clear();
        released = false;
        report();
    }

    void target(List<GroupClock> raised) {
        raised.forEach(clock -> targets.merge(clock.group(), clock.sequence(), Math::max));
        reconsider();
    }

    void release() {
        released = true;
        reconsider();
    }

    private void reconsider() {
        if (parked && !stopped && !dead) {
            proceed();
        }
    }

    void stop() {
        stopped = true;
    }

    /** The round is over or cancelled. */
    void go() {
        pending = false;
        targets.clear();
        released = false;
        boolean wake = parked || heldBack;
        parked = false;
        heldBack = false;
        stopped = false;
        if (wake) {
            proceed();
        }
    }

    void die() {
        dead = true;
    }

    private void report() {
        if (!pending || dead) {
            return;
        }
        List<GroupClock> clocks = new ArrayList<>();
        sequence.forEach((group, count) -> clocks.add(new GroupClock(group, count)));
        job.report(
                rank,
                new Event.CollectiveReported(
                        rank,
                        new Event.Gate(inCollective, parked, false),
                        releasesUsed,
                        clocks,
                        waitsFor,
                        job.unannounced(rank, sequence.keySet()),
                        List.of()));
    }

    boolean isDead() {
        return dead;
    }

    boolean isStopped() {
        return stopped;
    }

    boolean isPending() {
        return pending;
    }

    boolean isInCollective() {
        return inCollective;
    }

    boolean isFinished() {
        return next >= operations.size();
    }

    long sequence(GroupId group) {
        return sequence.getOrDefault(group, 0L);
    }
}
