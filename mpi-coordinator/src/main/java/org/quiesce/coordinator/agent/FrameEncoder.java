// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import com.google.protobuf.CodedOutputStream;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.MessageToByteEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.quiesce.wire.proto.Frame;

/** Frames to bytes, the reverse of {@link FrameDecoder}. */
@Sharable
final class FrameEncoder extends MessageToByteEncoder<Frame> {
    FrameEncoder() {
        super(Frame.class);
    }

    @Override
    protected void encode(ChannelHandlerContext context, Frame frame, ByteBuf out) throws IOException {
        int size = frame.getSerializedSize();
        int header = FrameDecoder.LENGTH_BYTES + FrameDecoder.CRC_BYTES;
        out.ensureWritable(header + size);
        ByteBuffer message = out.nioBuffer(out.writerIndex() + header, size);
        CodedOutputStream stream = CodedOutputStream.newInstance(message);
        frame.writeTo(stream);
        stream.flush();
        message.flip();
        CRC32C crc = new CRC32C();
        crc.update(message);
        out.writeInt(FrameDecoder.CRC_BYTES + size);
        out.writeInt((int) crc.getValue());
        out.writerIndex(out.writerIndex() + size);
    }
}
