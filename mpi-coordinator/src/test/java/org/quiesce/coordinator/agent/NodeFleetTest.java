// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
    private static final int TICKS_PER_SECOND = 100;
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

    /** As behind the address of a bridge that every host has. */
    @Test
    void theSecondAddressIsTriedWhenSomebodyElseListensAtTheFirst() throws Exception {
        ObedientNodes nodes = new ObedientNodes(1, 1, ObedientNodes::imaginary);
        try (FakeCrnode crnode = new FakeCrnode(KEY, nodes);
                ServerSocket other = new ServerSocket(crnode.port(), 1, InetAddress.getByName("127.0.0.2"));
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, new NodeAddress("x", List.of("127.0.0.2", "127.0.0.1"), crnode.port()), KEY);
            other.accept().close();
            assertThat(next()).isInstanceOf(Frame.class);
            assertThat(told).isEmpty();
        }
    }

    @Test
    void aConnectionIsProbedSoonBecauseAHostWithoutPowerSaysNothing() throws Exception {
        ObedientNodes nodes = new ObedientNodes(1, 1, ObedientNodes::imaginary);
        try (FakeCrnode crnode = new FakeCrnode(KEY, nodes);
                NodeFleet fleet = new NodeFleet(listener)) {
            fleet.connect(0, crnode.address("here"), KEY);
            assertThat(next()).isInstanceOf(Frame.class);
            assertThat(ticksToTheNextProbe(crnode.port())).isBetween(0L, 5L * TICKS_PER_SECOND);
        }
    }

    /** Of the connection to a port here: the kernel's timer 2 is that of probes. */
    private static long ticksToTheNextProbe(int port) throws IOException {
        String remote = String.format(Locale.ROOT, ":%04X", port);
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            for (String line : Files.readAllLines(Path.of(table))) {
                String[] fields = line.strip().split("\\s+");
                if (fields[2].endsWith(remote) && fields[5].startsWith("02:")) {
                    return Long.parseLong(fields[5].substring(3), 16);
                }
            }
        }
        return -1;
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
