// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.agent.NodeAddress;
import org.quiesce.coordinator.agent.NodeFleet;
import org.quiesce.coordinator.agent.WireCommands;
import org.quiesce.coordinator.store.JobRegistry.Job;
import org.quiesce.cr.CrException;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.Moved;
import org.quiesce.wire.proto.NodeRecord;

/**
 * The way of a committed checkpoint's images from the disks of the nodes to the directory that all nodes see. The nodes go on
 * with it when nobody waits any more.
 */
final class Relocation {
    /** Without a limit of the user's: as long as writing may take. */
    static final long MOST_NANOS = TimeUnit.HOURS.toNanos(1);

    private final Job job;
    private final Path sequence;
    private final String from;
    private final Set<Integer> open = new HashSet<>();
    private Optional<String> problem = Optional.empty();

    private Relocation(Job job, Path sequence, String from) {
        this.job = job;
        this.sequence = sequence;
        this.from = from;
    }

    /** Returns why images are still on the nodes when this time (of {@link System#nanoTime}) has come; empty: they are not. */
    static Optional<String> perform(Job job, Path sequence, long until) {
        if (Levels.settle(sequence)) {
            return Optional.empty();
        }
        String from = ManifestFile.read(sequence).localDirectory().orElse("");
        return new Relocation(job, sequence, from).perform(until);
    }

    private Optional<String> perform(long until) {
        Inbox inbox = new Inbox();
        try (NodeFleet fleet = new NodeFleet(inbox)) {
            JobKey key = JobKey.parse(job.directory().key());
            for (int node = 0; node < job.nodes().size(); node++) {
                NodeRecord record = job.nodes().get(node);
                open.add(node);
                fleet.connect(node, new NodeAddress(record.getHost(), record.getAddressList(), record.getPort()), key);
            }
            while (!open.isEmpty()) {
                Optional<Inbox.Message> message = inbox.await(until - System.nanoTime());
                if (message.isEmpty()) {
                    return Optional.of("the time is over; the images are still on their way from " + hosts());
                }
                take(message.get(), fleet);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.of("the images are still on their way");
        }
        if (Levels.settle(sequence)) {
            return Optional.empty();
        }
        return Optional.of(problem.orElse("not all images have arrived in " + sequence));
    }

    private String hosts() {
        return String.join(
                ", ", open.stream().map(node -> job.nodes().get(node).getHost()).toList());
    }

    private void take(Inbox.Message message, NodeFleet fleet) {
        if (message instanceof Inbox.Message.Received received) {
            take(received.node(), received.frame(), fleet);
        } else if (message instanceof Inbox.Message.Lost lost && open.remove(lost.node())) {
            failed(lost.node(), lost.why().getMessage());
        }
    }

    private void take(int node, Frame frame, NodeFleet fleet) {
        if (frame.hasNodeHello()) {
            fleet.send(node, WireCommands.move(from, sequence.toString()));
            fleet.flush();
        } else if (frame.hasMoved() && frame.getMoved().getFrom().equals(from) && open.remove(node)) {
            Moved moved = frame.getMoved();
            if (moved.getError() != 0) {
                failed(node, moved.getText());
            }
        }
    }

    private void failed(int node, String text) {
        problem = problem.or(() -> Optional.of(job.nodes().get(node).getHost() + ": " + text));
    }

    /** The same as of {@link CrException#getMessage}, of a failure on the way. */
    static Optional<String> orReason(java.util.function.Supplier<Optional<String>> relocation) {
        try {
            return relocation.get();
        } catch (CrException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }
}
