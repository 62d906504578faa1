// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * The first words on a connection: crnode's challenge, our answer, crnode's own proof. Removes itself when both sides know
 * the key, and tells so by the user event {@link Proven}; before that no frame is read.
 */
final class KeyProof extends ByteToMessageDecoder {
    /** Both sides have proven the key. */
    enum Proven {
        PROVEN
    }

    static final byte[] MAGIC = "QSCEv1\0\0".getBytes(StandardCharsets.US_ASCII);

    private static final SecureRandom RANDOM = new SecureRandom();

    private final JobKey key;
    private final byte[] ours = new byte[JobKey.SIZE];
    private final byte[] theirs = new byte[JobKey.SIZE];
    private boolean answered;

    KeyProof(JobKey key) {
        this.key = key;
        RANDOM.nextBytes(ours);
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
        if (!answered && in.readableBytes() >= MAGIC.length + JobKey.SIZE) {
            answer(context, in);
        }
        if (answered && in.readableBytes() >= JobKey.SIZE) {
            check(in);
            context.fireUserEventTriggered(Proven.PROVEN);
            context.pipeline().remove(this);
        }
    }

    private void answer(ChannelHandlerContext context, ByteBuf in) {
        byte[] magic = new byte[MAGIC.length];
        in.readBytes(magic);
        if (!Arrays.equals(magic, MAGIC)) {
            throw new CrException(ErrorCode.PROTOCOL, "who listens there is not a crnode of this version");
        }
        in.readBytes(theirs);
        answered = true;
        context.writeAndFlush(Unpooled.wrappedBuffer(ours, key.proof("client", theirs, ours)));
    }

    private void check(ByteBuf in) {
        byte[] proof = new byte[JobKey.SIZE];
        in.readBytes(proof);
        if (!JobKey.equal(proof, key.proof("server", ours, theirs))) {
            throw new CrException(ErrorCode.AUTH, "who listens there did not prove the job's key");
        }
    }
}
