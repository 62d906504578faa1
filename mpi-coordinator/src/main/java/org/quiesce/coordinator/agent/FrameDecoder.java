// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import com.google.protobuf.InvalidProtocolBufferException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.handler.codec.TooLongFrameException;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Frame;

/** Bytes to frames: u32 length of what follows, u32 CRC-32C of the message, the message. */
final class FrameDecoder extends LengthFieldBasedFrameDecoder {
    /** The largest frame on the wire, header included. */
    static final int LARGEST = 1 << 20;

    static final int LENGTH_BYTES = Integer.BYTES;
    static final int CRC_BYTES = Integer.BYTES;

    FrameDecoder() {
        super(LARGEST, 0, LENGTH_BYTES, 0, LENGTH_BYTES);
    }

    @Override
    protected @Nullable Object decode(ChannelHandlerContext context, ByteBuf in) throws Exception {
        @Nullable ByteBuf frame;
        try {
            frame = (ByteBuf) super.decode(context, in);
        } catch (TooLongFrameException e) {
            throw new CrException(ErrorCode.PROTOCOL, "a frame is longer than " + LARGEST + " bytes", e);
        }
        if (frame == null) {
            return null;
        }
        try {
            return parse(frame);
        } finally {
            frame.release();
        }
    }

    private static Frame parse(ByteBuf frame) {
        if (frame.readableBytes() < CRC_BYTES) {
            throw new CrException(ErrorCode.PROTOCOL, "a frame is shorter than its checksum");
        }
        int expected = frame.readInt();
        CRC32C crc = new CRC32C();
        crc.update(frame.nioBuffer());
        if ((int) crc.getValue() != expected) {
            throw new CrException(ErrorCode.PROTOCOL, "a frame's checksum is wrong");
        }
        try {
            return Frame.parseFrom(frame.nioBuffer());
        } catch (InvalidProtocolBufferException e) {
            throw new CrException(ErrorCode.PROTOCOL, "a frame holds no message: " + e.getMessage(), e);
        }
    }
}
