// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.net.ExtendedSocketOptions;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Frame;

/** Connections to the crnodes of one job, each numbered by whoever connects it. */
public final class NodeFleet implements AutoCloseable {
    private static final int CONNECT_MILLIS = 5_000;
    private static final long CLOSE_MILLIS = 2_000;

    /** A host without power does not say that it is gone, and the other ranks stand still until that is known. */
    private static final int KEEPALIVE_IDLE_SECONDS = 5;

    private static final int KEEPALIVE_STEP_SECONDS = 3;
    private static final int KEEPALIVE_COUNT = 3;

    private final NodeListener listener;
    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Map<Integer, Channel> channels = new ConcurrentHashMap<>();

    /** A fleet without connections. */
    public NodeFleet(NodeListener listener) {
        this.listener = listener;
    }

    /** Begins to connect; the listener hears of the outcome. */
    public void connect(int node, NodeAddress address, JobKey key) {
        tryAddress(node, address, key, 0);
    }

    private void tryAddress(int node, NodeAddress address, JobKey key, int attempt) {
        if (attempt >= address.addresses().size()) {
            listener.lost(
                    node,
                    new CrException(
                            ErrorCode.NO_AGENT,
                            "nobody answers for " + address.host() + " at " + address.addresses() + " port "
                                    + address.port() + "; has the job ended?"));
            return;
        }
        Told told = new Told(
                node,
                attempt + 1 < address.addresses().size()
                        ? Optional.of(() -> tryAddress(node, address, key, attempt + 1))
                        : Optional.empty());
        ChannelFuture connecting = bootstrap(told, key)
                .connect(new InetSocketAddress(address.addresses().get(attempt), address.port()));
        connecting.addListener(done -> {
            if (!done.isSuccess()) {
                tryAddress(node, address, key, attempt + 1);
            }
        });
    }

    private Bootstrap bootstrap(Told told, JobKey key) {
        return new Bootstrap()
                .group(loops)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), KEEPALIVE_IDLE_SECONDS)
                .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), KEEPALIVE_STEP_SECONDS)
                .option(NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), KEEPALIVE_COUNT)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
                .handler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        NodePipeline.install(channel, key, told);
                    }
                });
    }

    /** Queues a frame for a node; it leaves at the next {@link #flush}. */
    public void send(int node, Frame frame) {
        Channel channel = channels.get(node);
        if (channel != null) {
            channel.write(frame, channel.voidPromise());
        }
    }

    /** Queues a frame for every node. */
    public void broadcast(Frame frame) {
        channels.values().forEach(channel -> channel.write(frame, channel.voidPromise()));
    }

    /** Sends what is queued. */
    public void flush() {
        channels.values().forEach(Channel::flush);
    }

    /** Closes all connections, after what was queued has left. */
    @Override
    public void close() {
        List.copyOf(channels.values()).forEach(channel -> channel.close().awaitUninterruptibly(CLOSE_MILLIS));
        loops.shutdownGracefully(0, CLOSE_MILLIS, TimeUnit.MILLISECONDS).awaitUninterruptibly(CLOSE_MILLIS);
    }

    /** Passes on what one connection has to say, and knows when it is of use. */
    final class Told {
        private final int node;
        private final Optional<Runnable> next;
        private final AtomicBoolean lost = new AtomicBoolean();
        private volatile boolean proven;

        private Told(int node, Optional<Runnable> next) {
            this.node = node;
            this.next = next;
        }

        void proven(Channel channel) {
            proven = true;
            channels.put(node, channel);
        }

        void received(Frame frame) {
            listener.received(node, frame);
        }

        /** Who listens at an address but is not our crnode has that address on another host: the next one may be ours. */
        void lost(CrException why) {
            if (!lost.compareAndSet(false, true)) {
                return;
            }
            if (next.isPresent() && !proven) {
                next.get().run();
                return;
            }
            channels.remove(node);
            listener.lost(node, why);
        }
    }
}
