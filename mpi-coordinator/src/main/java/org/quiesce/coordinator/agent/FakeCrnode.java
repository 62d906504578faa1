// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.quiesce.wire.proto.Frame;

/**
 * What a coordinator sees of crnodes: the proof of the key and frames. A script says what they answer. For tests, and for
 * the rehearsal at installation.
 */
public final class FakeCrnode implements AutoCloseable {
    private final JobKey key;
    private final Script script;
    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final AtomicInteger connections = new AtomicInteger();
    private final Map<Integer, Channel> channels = new ConcurrentHashMap<>();
    private final List<Frame> received = new CopyOnWriteArrayList<>();
    private final Channel server;

    /** Says what the crnodes answer. Connections are numbered as they come; each is one node. */
    public interface Script {
        /** The first frames of a node, once the key is proven. */
        List<Frame> greeting(int node);

        /** What a node says to a frame. */
        List<Frame> answer(int node, Frame frame);
    }

    /** Listens on the loopback interface. */
    public FakeCrnode(JobKey key, Script script) {
        this.key = key;
        this.script = script;
        server = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 4096)
                .childOption(ChannelOption.TCP_NODELAY, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline()
                                .addLast(new Greeting())
                                .addLast(new FrameDecoder())
                                .addLast(new FrameEncoder())
                                .addLast(new Node(connections.getAndIncrement()));
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
    }

    /** Where it listens. */
    public int port() {
        return ((InetSocketAddress) server.localAddress()).getPort();
    }

    /** Its address as a node record would have it. */
    public NodeAddress address(String host) {
        return new NodeAddress(host, List.of("127.0.0.1"), port());
    }

    /** Everything that coordinators have said. */
    public List<Frame> received() {
        return new ArrayList<>(received);
    }

    /** Breaks the connection of a node. */
    public void breakConnection(int node) {
        Channel channel = channels.get(node);
        if (channel != null) {
            channel.close();
        }
    }

    @Override
    public void close() {
        server.close().syncUninterruptibly();
        loops.shutdownGracefully(0, 1, java.util.concurrent.TimeUnit.SECONDS).syncUninterruptibly();
    }

    private final class Greeting extends ByteToMessageDecoder {
        private final byte[] nonce = new byte[JobKey.SIZE];

        Greeting() {
            Arrays.fill(nonce, (byte) 7);
        }

        @Override
        public void channelActive(ChannelHandlerContext context) throws Exception {
            context.writeAndFlush(Unpooled.wrappedBuffer(KeyProof.MAGIC, nonce));
            super.channelActive(context);
        }

        @Override
        protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
            if (in.readableBytes() < 2 * JobKey.SIZE) {
                return;
            }
            byte[] theirs = new byte[JobKey.SIZE];
            byte[] proof = new byte[JobKey.SIZE];
            in.readBytes(theirs).readBytes(proof);
            if (!JobKey.equal(proof, key.proof("client", nonce, theirs))) {
                context.close();
                return;
            }
            context.writeAndFlush(Unpooled.wrappedBuffer(key.proof("server", theirs, nonce)));
            context.fireUserEventTriggered(KeyProof.Proven.PROVEN);
            context.pipeline().remove(this);
        }
    }

    private final class Node extends SimpleChannelInboundHandler<Frame> {
        private final int number;

        Node(int number) {
            super(Frame.class);
            this.number = number;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            channels.put(number, context.channel());
            script.greeting(number).forEach(context::write);
            context.flush();
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, Frame frame) {
            received.add(frame);
            script.answer(number, frame).forEach(context::write);
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }
}
