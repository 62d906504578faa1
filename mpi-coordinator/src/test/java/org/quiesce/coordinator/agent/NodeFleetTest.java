// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Frame;

@Timeout(60)
class NodeFleetTest {
    private static final JobKey KEY = JobKey.parse("ab".repeat(32));
    private static final JobKey OTHER = JobKey.parse("cd".repeat(32));

    private final BlockingQueue<Object> told = new LinkedBlockingQueue<>();
    private final NodeListener listener = new NodeListener() {
        @Override
        public void received(int node, Frame frame) {
            told.add(frame);
        }

        @Override
        public void lost(int node, CrException why) {
            told.add(why);
        }
    };

    private Object next() throws InterruptedException {
        return told.poll(30, TimeUnit.SECONDS);
    }

    @Test
    void whoKnowsTheKeyIsGreeted() throws Exception {
        ObedientNodes nodes = new ObedientNodes(1, 2, ObedientNodes::imaginary);
        try (FakeCrnode crnode = new FakeCrnode(KEY, nodes);
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, crnode.address("here"), KEY);
            assertThat(((Frame) next()).getNodeHello().getRankCount()).isEqualTo(2);
            fleet.send(0, WireCommands.query());
            fleet.flush();
            assertThat(((Frame) next()).getNodeStatus().getRankCount()).isEqualTo(2);
        }
    }

    @Test
    void aWrongKeyGetsNoWordAndIsAPermissionError() throws Exception {
        ObedientNodes nodes = new ObedientNodes(1, 2, ObedientNodes::imaginary);
        try (FakeCrnode crnode = new FakeCrnode(KEY, nodes);
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, crnode.address("here"), OTHER);
            assertThat(((CrException) next()).code()).isEqualTo(ErrorCode.AUTH);
            assertThat(crnode.received()).isEmpty();
        }
    }

    @Test
    void aServerThatDoesNotKnowTheKeyIsNotTrusted() throws Exception {
        try (ServerSocket impostor = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, new NodeAddress("x", List.of("127.0.0.1"), impostor.getLocalPort()), KEY);
            try (Socket socket = impostor.accept()) {
                socket.getOutputStream().write(KeyProof.MAGIC);
                socket.getOutputStream().write(new byte[JobKey.SIZE]);
                assertThat(socket.getInputStream().readNBytes(2 * JobKey.SIZE)).hasSize(2 * JobKey.SIZE);
                socket.getOutputStream().write(new byte[JobKey.SIZE]);
                assertThat(((CrException) next()).code()).isEqualTo(ErrorCode.AUTH);
            }
        }
    }

    @Test
    void somethingElseThatListensIsRecognised() throws Exception {
        try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, new NodeAddress("x", List.of("127.0.0.1"), other.getLocalPort()), KEY);
            try (Socket socket = other.accept()) {
                socket.getOutputStream().write("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 and more\r\n".getBytes());
                assertThat(((CrException) next()).getMessage()).contains("not a crnode");
            }
        }
    }

    @Test
    void theSecondAddressIsTriedWhenTheFirstRefuses() throws Exception {
        ObedientNodes nodes = new ObedientNodes(1, 1, ObedientNodes::imaginary);
        try (FakeCrnode crnode = new FakeCrnode(KEY, nodes);
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, new NodeAddress("x", List.of("127.0.0.2", "127.0.0.1"), crnode.port()), KEY);
            assertThat(next()).isInstanceOf(Frame.class);
        }
    }

    @Test
    void nobodyListeningMeansNoSuchJob() throws Exception {
        int port;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        try (NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, new NodeAddress("x", List.of("127.0.0.1"), port), KEY);
            assertThat(((CrException) next()).code()).isEqualTo(ErrorCode.NO_AGENT);
        }
    }

    @Test
    void aBrokenConnectionIsToldOnce() throws Exception {
        ObedientNodes nodes = new ObedientNodes(1, 1, ObedientNodes::imaginary);
        try (FakeCrnode crnode = new FakeCrnode(KEY, nodes);
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, crnode.address("here"), KEY);
            assertThat(next()).isInstanceOf(Frame.class);
            crnode.breakConnection(0);
            assertThat(((CrException) next()).code()).isEqualTo(ErrorCode.RANK_LOST);
        }
        assertThat(told).isEmpty();
    }
}
