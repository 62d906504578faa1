// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.agent.NodeAddress;
import org.quiesce.coordinator.agent.NodeFleet;
import org.quiesce.coordinator.agent.WireCommands;
import org.quiesce.coordinator.agent.WireEvents;
import org.quiesce.coordinator.core.Action;
import org.quiesce.coordinator.core.Event;
import org.quiesce.coordinator.core.Outcome;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.core.Round;
import org.quiesce.coordinator.core.RoundPlan;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Begin;
import org.quiesce.wire.proto.Frame;

/** Carries one round out: the one thread that owns its state, between the connections and the core. */
final class Conductor {
    /** Writes the manifest of a round and makes the checkpoint exist. */
    interface Committer {
        /** Returns once the checkpoint exists; throws when it does not. */
        void commit(Action.Summary summary);
    }

    private final RoundPlan plan;
    private final Begin begin;
    private final Committer committer;
    private final RoundListener listener;
    private final LongSupplier clock;
    private final Inbox inbox = new Inbox();
    private final WireCommands commands;
    private Optional<Outcome> outcome = Optional.empty();

    Conductor(RoundPlan plan, Begin begin, Committer committer, RoundListener listener, LongSupplier clock) {
        this.plan = plan;
        this.begin = begin;
        this.committer = committer;
        this.listener = listener;
        this.clock = clock;
        commands = new WireCommands(plan.round());
    }

    /** Asks for an end without a checkpoint; may be called from any thread. */
    void cancel(String reason) {
        inbox.cancel(new CrException(ErrorCode.CANCELLED, reason));
    }

    /** Runs the round over fresh connections to these nodes. */
    Outcome run(List<NodeAddress> nodes, JobKey key) {
        try (NodeFleet fleet = new NodeFleet(inbox)) {
            Round round = new Round(plan, clock.getAsLong());
            listener.entered(round.phase());
            for (int node = 0; node < nodes.size(); node++) {
                fleet.connect(node, nodes.get(node), key);
            }
            while (outcome.isEmpty()) {
                turn(round, fleet);
            }
            return outcome.get();
        }
    }

    private void turn(Round round, NodeFleet fleet) {
        List<Inbox.Message> messages = new ArrayList<>();
        try {
            inbox.await(round.wakeAt() - clock.getAsLong()).ifPresent(messages::add);
        } catch (InterruptedException e) {
            cancel("the coordinator was told to stop");
        }
        inbox.drainTo(messages);
        Phase before = round.phase();
        for (Inbox.Message message : messages) {
            event(message).ifPresent(event -> apply(round, event, fleet));
        }
        apply(round, new Event.Tick(), fleet);
        fleet.flush();
        if (round.phase() != before) {
            listener.entered(round.phase());
        }
    }

    private Optional<Event> event(Inbox.Message message) {
        if (message instanceof Inbox.Message.Received received) {
            return WireEvents.of(received.node(), received.frame(), plan.round());
        }
        if (message instanceof Inbox.Message.Lost lost) {
            return Optional.of(new Event.NodeLost(
                    lost.node(), lost.why().code(), lost.why().getMessage()));
        }
        CrException why = ((Inbox.Message.Cancel) message).why();
        return Optional.of(new Event.CancelRequested(why.code(), why.getMessage()));
    }

    private void apply(Round round, Event event, NodeFleet fleet) {
        for (Action action : round.apply(event, clock.getAsLong())) {
            perform(action, round, fleet);
        }
    }

    private void perform(Action action, Round round, NodeFleet fleet) {
        if (action instanceof Action.WriteManifest write) {
            fleet.flush();
            listener.entered(Phase.COMMIT);
            apply(round, commit(write.summary()), fleet);
        } else if (action instanceof Action.Finish finish) {
            outcome = Optional.of(finish.outcome());
        } else if (action instanceof Action.SendTargets targets) {
            fleet.send(targets.node(), commands.targets(targets.rank(), targets.targets()));
        } else if (action instanceof Action.SendRelease release) {
            fleet.send(release.node(), commands.release(release.ranks()));
        } else {
            fleet.broadcast(broadcast(action));
        }
    }

    private Frame broadcast(Action action) {
        if (action instanceof Action.SendBegin) {
            return commands.begin(begin);
        }
        if (action instanceof Action.SendEnter enter) {
            return commands.enter(enter.phase());
        }
        if (action instanceof Action.SendCancel cancel) {
            return commands.cancel(cancel.reason());
        }
        return commands.end(((Action.SendEnd) action).signal());
    }

    private Event commit(Action.Summary summary) {
        try {
            committer.commit(summary);
            return new Event.ManifestWritten();
        } catch (CrException e) {
            return new Event.ManifestFailed(e.code(), e.getMessage());
        }
    }
}
