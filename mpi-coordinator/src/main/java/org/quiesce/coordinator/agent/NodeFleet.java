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
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Frame;

/** Connections to the crnodes of one job, each numbered by whoever connects it. */
public final class NodeFleet implements AutoCloseable {
    private static final int CONNECT_MILLIS = 5_000;
    private static final long CLOSE_MILLIS = 2_000;

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
        ChannelFuture connecting = bootstrap(node, key)
                .connect(new InetSocketAddress(address.addresses().get(attempt), address.port()));
        connecting.addListener(done -> {
            if (!done.isSuccess()) {
                tryAddress(node, address, key, attempt + 1);
            }
        });
    }

    private Bootstrap bootstrap(int node, JobKey key) {
        return new Bootstrap()
                .group(loops)
                .channel(NioSocketChannel.class)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.SO_KEEPALIVE, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, CONNECT_MILLIS)
                .handler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        NodePipeline.install(channel, key, new Told(node));
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
        private final AtomicBoolean lost = new AtomicBoolean();

        private Told(int node) {
            this.node = node;
        }

        void proven(Channel channel) {
            channels.put(node, channel);
        }

        void received(Frame frame) {
            listener.received(node, frame);
        }

        void lost(CrException why) {
            channels.remove(node);
            if (lost.compareAndSet(false, true)) {
                listener.lost(node, why);
            }
        }
    }
}
