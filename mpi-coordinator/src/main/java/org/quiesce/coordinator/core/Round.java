// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * One checkpoint of a job, from the first connection to the committed manifest. Whatever goes wrong before the manifest is
 * in place ends in ABORT, where every rank is sent on its way; the job never suffers from a checkpoint that fails.
 *
 * <p>Times are nanoseconds of a clock that never goes back. After each event, or batch of events that came together, the
 * owner applies a {@link Event.Tick}; and another one at {@link #wakeAt()}.
 */
public final class Round {
    private static final int MOST_NAMED = 5;
    private static final int MOST_WAITS_NAMED = 12;

    private final RoundPlan plan;
    private final Nodes nodes;
    private final RoundRecord record;
    private final long startedAt;
    private Convergence convergence;
    private Phase phase = Phase.CONNECT;
    private long enteredAt;
    private List<Action> actions = new ArrayList<>();

    /** A round that begins now and waits for its nodes. */
    public Round(RoundPlan plan, long now) {
        this.plan = plan;
        nodes = new Nodes(plan.worldSize());
        record = new RoundRecord(plan.worldSize());
        convergence = new Convergence(nodes, plan.worldSize(), now);
        startedAt = now;
        enteredAt = now;
    }

    /** Where the round stands. */
    public Phase phase() {
        return phase;
    }

    /** When the round wants a Tick even if nothing happens. */
    public long wakeAt() {
        long deadline = enteredAt + plan.limits().nanos(phase);
        if (phase.compareTo(Phase.COMMIT) < 0) {
            deadline = Math.min(deadline, startedAt + plan.limits().roundMillis() * 1_000_000);
        }
        return phase == Phase.COLLECTIVES ? Math.min(deadline, convergence.releaseAt()) : deadline;
    }

    /** Takes an event in and returns what is to be done, in this order. */
    public List<Action> apply(Event event, long now) {
        actions = new ArrayList<>();
        if (phase != Phase.ENDED) {
            try {
                dispatch(event, now);
            } catch (CrException e) {
                fail(e.code(), e.getMessage(), now);
            }
        }
        return actions;
    }

    private void dispatch(Event event, long now) {
        if (event instanceof Event.Tick) {
            tick(now);
        } else if (event instanceof Event.CollectiveReported reported) {
            reported(reported, now);
        } else if (event instanceof Event.PhaseDone done) {
            phaseDone(done, now);
        } else if (event instanceof Event.NodeConnected connected) {
            connected(connected, now);
        } else if (event instanceof Event.RankLost lost) {
            rankLost(lost, now);
        } else if (event instanceof Event.NodeLost lost) {
            nodeLost(lost, now);
        } else if (event instanceof Event.ManifestWritten) {
            committed(now);
        } else if (event instanceof Event.ManifestFailed failed && phase == Phase.COMMIT) {
            fail(failed.code(), failed.text(), now);
        } else if (event instanceof Event.CancelRequested cancel && phase != Phase.COMMIT) {
            fail(cancel.code(), cancel.reason(), now);
        }
    }

    private void connected(Event.NodeConnected connected, long now) {
        if (phase != Phase.CONNECT) {
            return;
        }
        for (RankMember member : connected.ranks()) {
            if (member.finalizing()) {
                throw finalizing(member.rank());
            }
        }
        nodes.add(connected);
        if (!connected.ended().isEmpty()) {
            throw ended(connected);
        }
        if (nodes.complete()) {
            actions.add(new Action.SendBegin());
            enter(Phase.COLLECTIVES, now);
        }
    }

    private static CrException finalizing(int rank) {
        return new CrException(
                ErrorCode.FINALIZING, "rank " + rank + " is in MPI_Finalize; the job is about to end by itself");
    }

    private static CrException ended(Event.NodeConnected node) {
        String who = node.ranks().isEmpty()
                ? "all ranks on " + node.host() + " have ended"
                : "on " + node.host() + " has ended rank "
                        + node.ended().stream()
                                .sorted()
                                .limit(MOST_NAMED)
                                .map(String::valueOf)
                                .collect(Collectors.joining(", "));
        return new CrException(
                ErrorCode.FINALIZING, who + "; the job is over or about to end, and can be saved no more");
    }

    private void reported(Event.CollectiveReported reported, long now) {
        if (phase != Phase.COLLECTIVES) {
            return;
        }
        if (reported.gate().finalizing()) {
            throw finalizing(reported.rank());
        }
        convergence.report(reported, now);
    }

    private void tick(long now) {
        if (now >= deadline()) {
            timedOut(now);
        } else if (phase == Phase.COLLECTIVES) {
            actions.addAll(convergence.step(now));
            if (convergence.converged()) {
                enterNext(Phase.STOP, now);
            }
        }
    }

    private long deadline() {
        long deadline = enteredAt + plan.limits().nanos(phase);
        return phase.compareTo(Phase.COMMIT) < 0
                ? Math.min(deadline, startedAt + plan.limits().roundMillis() * 1_000_000)
                : deadline;
    }

    private void timedOut(long now) {
        long seconds = (now - startedAt) / 1_000_000_000;
        String after = " after " + seconds + " s";
        switch (phase) {
            case CONNECT ->
                fail(
                        now - startedAt < plan.limits().nanos(phase) ? ErrorCode.TIMEOUT : ErrorCode.NOT_READY,
                        "no checkpoint" + after + ": nothing was heard of rank " + nodes.missing(MOST_NAMED)
                                + "; has it reached MPI_Init?",
                        now);
            case COLLECTIVES ->
                fail(
                        ErrorCode.TIMEOUT,
                        "the collectives did not converge" + after + ": "
                                + String.join("; ", convergence.obstacles(MOST_WAITS_NAMED)),
                        now);
            case STOP, DRAIN, CALLBACKS, DUMP, RESUME, SEAL ->
                fail(
                        ErrorCode.TIMEOUT,
                        "phase " + phase.title() + " did not end" + after + " on " + nodes.silent(MOST_NAMED),
                        now);
            case COMMIT -> fail(ErrorCode.TIMEOUT, "the manifest was not written" + after, now);
            case ABORT -> {
                record.failed(
                        ErrorCode.TIMEOUT, nodes.silent(MOST_NAMED) + " did not confirm that its ranks run again");
                finish(new Outcome.Failed(record.failures()), now);
            }
            case ENDED -> throw new IllegalStateException("a tick after the end");
        }
    }

    private void phaseDone(Event.PhaseDone done, long now) {
        boolean failed = false;
        for (RankResult result : done.results()) {
            if (result.error() != 0) {
                record.failed(ErrorCode.fromNative(result.error()), text(done, result));
                failed = true;
            }
        }
        if (failed && phase != Phase.ABORT) {
            abort(now);
        }
        if (phase == Phase.ABORT) {
            answeredAbort(done, now);
        } else if (done.phase() == phase && phase.answeredByNodes()) {
            answered(done, now);
        }
    }

    private String text(Event.PhaseDone done, RankResult result) {
        return "rank " + result.rank() + " on " + nodes.host(done.node()) + " in phase "
                + done.phase().title() + ": " + (result.text().isEmpty() ? "error " + result.error() : result.text());
    }

    private void answeredAbort(Event.PhaseDone done, long now) {
        if (done.phase() == Phase.RESUME) {
            nodes.answered(done.node(), done.ranks(), true);
            finishAbort(now);
        }
    }

    private void answered(Event.PhaseDone done, long now) {
        for (RankResult result : done.results()) {
            take(done.node(), result);
        }
        nodes.answered(done.node(), done.ranks(), false);
        if (nodes.allAnswered()) {
            enterNext(after(phase), now);
        }
    }

    private void take(int node, RankResult result) {
        if (!nodes.owns(node, result.rank())) {
            throw new CrException(
                    ErrorCode.PROTOCOL,
                    nodes.host(node) + " answered for rank " + result.rank() + ", which it has not");
        }
        if (phase == Phase.DRAIN) {
            record.drained(result.rank(), result.drained());
        }
        if (phase == Phase.SEAL) {
            record.sealed(result).ifPresent(wrong -> {
                throw new CrException(ErrorCode.PROTOCOL, wrong);
            });
        }
    }

    private Phase after(Phase ended) {
        if (ended == Phase.DUMP && plan.keepStopped()) {
            return Phase.SEAL;
        }
        return Phase.values()[ended.ordinal() + 1];
    }

    private void enterNext(Phase next, long now) {
        if (next != Phase.COMMIT) {
            actions.add(new Action.SendEnter(next));
            enter(next, now);
            return;
        }
        if (!record.allSealed()) {
            throw new CrException(ErrorCode.PROTOCOL, "a node ended SEAL without a record of each of its images");
        }
        enter(next, now);
        actions.add(new Action.WriteManifest(record.summary(nodes.hostsByRank(), convergence.releases())));
    }

    private void enter(Phase next, long now) {
        record.phaseEnded(phase, now - enteredAt);
        phase = next;
        enteredAt = now;
        nodes.expectAnswers();
    }

    private void committed(long now) {
        if (phase == Phase.COMMIT) {
            record.phaseEnded(phase, now - enteredAt);
            actions.add(new Action.SendEnd(plan.signal()));
            finish(new Outcome.Committed(record.summary(nodes.hostsByRank(), convergence.releases())), now);
        }
    }

    private void rankLost(Event.RankLost lost, long now) {
        boolean harmless = phase == Phase.COMMIT || phase == Phase.SEAL && nodes.hasAnswered(lost.node());
        if (!harmless && phase != Phase.ABORT) {
            fail(
                    ErrorCode.RANK_LOST,
                    "rank " + lost.rank() + " on " + nodes.host(lost.node()) + " ended in phase " + phase.title() + ": "
                            + lost.reason(),
                    now);
        }
    }

    private void nodeLost(Event.NodeLost lost, long now) {
        boolean harmless = phase == Phase.COMMIT || phase == Phase.SEAL && nodes.hasAnswered(lost.node());
        nodes.lose(lost.node());
        if (phase == Phase.ABORT) {
            finishAbort(now);
        } else if (!harmless) {
            String where = phase == Phase.CONNECT ? "" : nodes.host(lost.node()) + " in phase " + phase.title() + ": ";
            fail(lost.code(), where + lost.reason(), now);
        }
    }

    private void fail(ErrorCode code, String text, long now) {
        record.failed(code, text);
        if (phase != Phase.ABORT) {
            abort(now);
        }
    }

    private void abort(long now) {
        boolean begun = phase != Phase.CONNECT;
        enter(Phase.ABORT, now);
        actions.removeIf(action -> !(action instanceof Action.SendBegin));
        if (!begun) {
            finish(new Outcome.Failed(record.failures()), now);
            return;
        }
        actions.add(new Action.SendCancel(record.failures().get(0).text()));
        finishAbort(now);
    }

    private void finishAbort(long now) {
        if (nodes.allAnswered()) {
            finish(new Outcome.Failed(record.failures()), now);
        }
    }

    private void finish(Outcome outcome, long now) {
        phase = Phase.ENDED;
        enteredAt = now;
        actions.add(new Action.Finish(outcome));
    }
}
