// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import io.netty.handler.timeout.ReadTimeoutException;
import io.netty.handler.timeout.ReadTimeoutHandler;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Frame;

/** What stands between a connection's bytes and the listener: the proof of the key, frames, and at the end this. */
final class NodePipeline extends SimpleChannelInboundHandler<Frame> {
    private static final int PROOF_SECONDS = 5;
    private static final String PROOF_LIMIT = "proof-limit";

    /** The kernel sends no probes while something that was sent is not confirmed. */
    private static final int SILENCE_SECONDS = 10;

    private static final int SILENCES = 3;

    private final NodeFleet.Told told;
    private boolean proven;
    private int silences;

    private NodePipeline(NodeFleet.Told told) {
        super(Frame.class);
        this.told = told;
    }

    static void install(Channel channel, JobKey key, NodeFleet.Told told) {
        channel.pipeline()
                .addLast(PROOF_LIMIT, new ReadTimeoutHandler(PROOF_SECONDS))
                .addLast(new KeyProof(key))
                .addLast(new FrameDecoder())
                .addLast(new FrameEncoder())
                .addLast(new NodePipeline(told));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) throws Exception {
        if (event == KeyProof.Proven.PROVEN) {
            proven = true;
            context.pipeline().replace(PROOF_LIMIT, "silence", new IdleStateHandler(SILENCE_SECONDS, 0, 0));
            told.proven(context.channel());
        } else if (event instanceof IdleStateEvent) {
            silent(context);
        } else {
            super.userEventTriggered(context, event);
        }
    }

    /** A crnode answers at once, whatever its ranks do. */
    private void silent(ChannelHandlerContext context) {
        if (++silences < SILENCES) {
            context.writeAndFlush(WireCommands.query());
            return;
        }
        told.lost(new CrException(
                ErrorCode.RANK_LOST, "nothing was heard of its crnode for " + SILENCE_SECONDS * SILENCES + " s"));
        context.close();
    }

    @Override
    protected void channelRead0(ChannelHandlerContext context, Frame frame) {
        silences = 0;
        told.received(frame);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        told.lost(
                proven
                        ? new CrException(ErrorCode.RANK_LOST, "the connection was closed by crnode")
                        : new CrException(ErrorCode.AUTH, "crnode did not accept the job's key"));
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        told.lost(reason(cause));
        context.close();
    }

    private static CrException reason(Throwable cause) {
        if (cause instanceof CrException known) {
            return known;
        }
        if (cause instanceof DecoderException && cause.getCause() instanceof CrException known) {
            return known;
        }
        if (cause instanceof ReadTimeoutException) {
            return new CrException(ErrorCode.AUTH, "who listens there did not prove the job's key in time");
        }
        return new CrException(ErrorCode.RANK_LOST, String.valueOf(cause.getMessage()), cause);
    }
}
