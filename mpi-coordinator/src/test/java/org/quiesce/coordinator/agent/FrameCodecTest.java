// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.DecoderException;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Cancel;
import org.quiesce.wire.proto.Frame;

class FrameCodecTest {
    private static final Frame FRAME = Frame.newBuilder()
            .setRound(77)
            .setCancel(Cancel.newBuilder().setReason("because"))
            .build();

    private static byte[] encoded() {
        EmbeddedChannel channel = new EmbeddedChannel(new FrameEncoder());
        channel.writeOutbound(FRAME);
        ByteBuf buffer = channel.readOutbound();
        byte[] bytes = new byte[buffer.readableBytes()];
        buffer.readBytes(bytes);
        buffer.release();
        return bytes;
    }

    private static CrException refusal(byte[] bytes) {
        EmbeddedChannel channel = new EmbeddedChannel(new FrameDecoder());
        try {
            channel.writeInbound(Unpooled.wrappedBuffer(bytes));
        } catch (DecoderException e) {
            return (CrException) java.util.Objects.requireNonNull(e.getCause());
        } catch (CrException e) {
            return e;
        }
        throw new AssertionError("it was accepted");
    }

    @Test
    void aFrameComesBackAsItWas() {
        EmbeddedChannel channel = new EmbeddedChannel(new FrameDecoder());
        channel.writeInbound(Unpooled.wrappedBuffer(encoded()));
        assertThat((Frame) channel.readInbound()).isEqualTo(FRAME);
    }

    @Test
    void theLengthCountsChecksumAndMessage() {
        byte[] bytes = encoded();
        assertThat(Unpooled.wrappedBuffer(bytes).getInt(0)).isEqualTo(bytes.length - 4);
    }

    @Test
    void bytesMayComeOneByOne() {
        EmbeddedChannel channel = new EmbeddedChannel(new FrameDecoder());
        for (byte b : encoded()) {
            channel.writeInbound(Unpooled.wrappedBuffer(new byte[] {b}));
        }
        assertThat((Frame) channel.readInbound()).isEqualTo(FRAME);
    }

    @Test
    void aFlippedBitInTheMessageIsRefused() {
        byte[] bytes = encoded();
        bytes[bytes.length - 1] ^= 1;
        assertThat(refusal(bytes).code()).isEqualTo(ErrorCode.PROTOCOL);
    }

    @Test
    void aFrameThatIsTooLongIsRefusedBeforeItHasCome() {
        assertThat(refusal(new byte[] {0x7f, 0, 0, 0}).getMessage()).contains("longer");
    }

    @Test
    void aFrameThatIsShorterThanItsChecksumIsRefused() {
        assertThat(refusal(new byte[] {0, 0, 0, 2, 1, 2}).getMessage()).contains("shorter");
    }

    @Test
    void aRightChecksumOverNonsenseIsRefused() {
        byte[] nonsense = {(byte) 0xff, (byte) 0xff, (byte) 0xff};
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        crc.update(nonsense);
        ByteBuf frame =
                Unpooled.buffer().writeInt(7).writeInt((int) crc.getValue()).writeBytes(nonsense);
        byte[] bytes = new byte[frame.readableBytes()];
        frame.readBytes(bytes);
        assertThat(refusal(bytes).getMessage()).contains("no message");
    }

    /** 20,000 mutations: each is refused as a protocol error, or waits for more bytes; nothing else is thrown. */
    @Test
    void mutatedFramesAreRefusedAndNothingElseHappens() {
        Random random = new Random(42);
        byte[] good = encoded();
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = java.util.Arrays.copyOf(good, 1 + random.nextInt(good.length + 8));
            for (int flips = random.nextInt(4); flips >= 0; flips--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            EmbeddedChannel channel = new EmbeddedChannel(new FrameDecoder());
            try {
                channel.writeInbound(Unpooled.wrappedBuffer(bytes));
            } catch (DecoderException e) {
                assertThat(e.getCause()).isInstanceOf(CrException.class);
            } catch (CrException e) {
                assertThat(e.code()).isEqualTo(ErrorCode.PROTOCOL);
            } finally {
                assertThatNoException(channel);
            }
        }
    }

    private static void assertThatNoException(EmbeddedChannel channel) {
        try {
            channel.finishAndReleaseAll();
        } catch (DecoderException e) {
            assertThat(e.getCause()).isInstanceOf(CrException.class);
        } catch (CrException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.PROTOCOL);
        }
    }

    @Test
    void aKeyIsSixtyFourHexadecimalDigits() {
        assertThat(JobKey.parse("00".repeat(32) + "\n").proof("client", new byte[32], new byte[32]))
                .hasSize(32);
        assertThatThrownBy(() -> JobKey.parse("00")).isInstanceOf(CrException.class);
        assertThatThrownBy(() -> JobKey.parse("zz".repeat(32))).hasMessageNotContaining("zz");
    }
}
