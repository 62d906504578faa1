// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.Socket;
import java.util.List;
import java.util.Optional;
import org.quiesce.coordinator.agent.NodeAddress;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.launch.Slurmd;
import org.quiesce.coordinator.launch.Standing;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.wire.proto.NodeRecord;

/**
 * Why a launcher has failed whose program had done nothing wrong.
 *
 * @param text in words
 * @param bySlurm whether Slurm says so; otherwise a host does not answer, and the launcher may have failed for another reason
 */
record Interruption(String text, boolean bySlurm) {
    private static final int PATIENCE_MILLIS = 3_000;

    /** What has come between; empty if nothing is known that has. */
    static Optional<Interruption> of(JobRegistry.Job job, Slurm slurm) {
        return slurm.standing()
                .flatMap(Interruption::bySlurm)
                .map(text -> new Interruption(text, true))
                .or(() -> lost(job.nodes())
                        .map(host -> "host " + host + " of the job cannot be reached any more")
                        .or(() -> withoutSlurm(slurm))
                        .map(text -> new Interruption(text, false)));
    }

    /** A host may go before anything of the job has been started there. */
    private static Optional<String> withoutSlurm(Slurm slurm) {
        return slurm.daemons().stream()
                .filter(Slurmd::isGone)
                .findFirst()
                .map(daemon -> "Slurm cannot be reached on host " + daemon.node() + " of the job");
    }

    private static Optional<String> bySlurm(Standing now) {
        if (now.preempted()) {
            return Optional.of("Slurm preempts the job and has ended its steps");
        }
        return now.timeIsOver() ? Optional.of("the time limit of the job has ended it") : Optional.empty();
    }

    private static Optional<String> lost(List<NodeRecord> nodes) {
        return nodes.stream()
                .filter(node -> !node.getHost().equals(LocalProcess.hostName()))
                .filter(Interruption::isLost)
                .map(NodeRecord::getHost)
                .findFirst();
    }

    /** A host that refuses a connection is there. */
    private static boolean isLost(NodeRecord node) {
        List<String> addresses = NodeAddress.of(node, LocalProcess.hostName()).addresses();
        return !addresses.isEmpty() && addresses.stream().noneMatch(address -> answers(address, node.getPort()));
    }

    private static boolean answers(String address, int port) {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(address, port), PATIENCE_MILLIS);
            return true;
        } catch (NoRouteToHostException e) {
            return false;
        } catch (ConnectException e) {
            return !String.valueOf(e.getMessage()).contains("timed out");
        } catch (IOException e) {
            return false;
        }
    }
}
