// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.util.Collection;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.agent.NodeListener;
import org.quiesce.cr.CrException;
import org.quiesce.wire.proto.Frame;

/** Where the threads of the connections leave what has come, for the one thread that owns the state. */
final class Inbox implements NodeListener {
    /** A frame, or the loss of a node. */
    sealed interface Message {
        /** A frame has come from a node. */
        record Received(int node, Frame frame) implements Message {}

        /** A node is lost. */
        record Lost(int node, CrException why) implements Message {}

        /** Somebody wants an end. */
        record Cancel(CrException why) implements Message {}
    }

    private final BlockingQueue<Message> queue = new LinkedBlockingQueue<>();

    @Override
    public void received(int node, Frame frame) {
        queue.add(new Message.Received(node, frame));
    }

    @Override
    public void lost(int node, CrException why) {
        queue.add(new Message.Lost(node, why));
    }

    void cancel(CrException why) {
        queue.add(new Message.Cancel(why));
    }

    /** The next message; empty when none has come in time. */
    Optional<Message> await(long nanos) throws InterruptedException {
        return Optional.ofNullable(queue.poll(Math.max(nanos, 0), TimeUnit.NANOSECONDS));
    }

    /** Moves all messages that are there. */
    void drainTo(Collection<Message> messages) {
        queue.drainTo(messages);
    }
}
