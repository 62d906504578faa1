// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.image;

import com.dynatrace.hash4j.hashing.HashStream128;
import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hashing;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.zip.CRC32C;

/** The note with the digests: {@code struct cr_image_digests}. */
final class ImageDigests {
    static final int CHUNK = 1 << 20;
    static final int FIXED_SIZE = 48;
    private static final int SEALED_AT = 4;
    private static final int DATA_OFFSET_AT = 8;
    private static final int DATA_SIZE_AT = 16;
    private static final int CHUNK_AT = 24;
    private static final int LOW_AT = 32;
    private static final int HIGH_AT = 40;

    private final ByteBuffer bytes;
    private final int offset;

    /** The description of the note, and where it begins in the file. */
    ImageDigests(ByteBuffer description, int offset) {
        this.bytes = description.slice().order(ByteOrder.LITTLE_ENDIAN);
        this.offset = offset;
    }

    boolean crcFits() {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(SEALED_AT, bytes.capacity() - SEALED_AT));
        return (int) crc.getValue() == bytes.getInt(0);
    }

    boolean isSealed() {
        return bytes.getInt(SEALED_AT) == 1;
    }

    long dataOffset() {
        return bytes.getLong(DATA_OFFSET_AT);
    }

    long dataSize() {
        return bytes.getLong(DATA_SIZE_AT);
    }

    long chunkCount() {
        return (bytes.capacity() - FIXED_SIZE) / Long.BYTES;
    }

    long chunk(int index) {
        return bytes.getLong(FIXED_SIZE + index * Long.BYTES);
    }

    /** Whether data offset, size and chunks are possible with each other and with where the data really begin. */
    boolean shapeFits(long dataOffset) {
        return dataOffset() == dataOffset
                && bytes.getLong(CHUNK_AT) == CHUNK
                && dataSize() >= 0
                && dataSize() <= Long.MAX_VALUE - dataOffset - CHUNK
                && chunkCount() == (dataSize() + CHUNK - 1) / CHUNK;
    }

    /** Compares the digest of everything before the page data but this note's description. */
    boolean structureFits(byte[] structure) {
        int end = offset + bytes.capacity();
        HashStream128 stream = Hashing.xxh3_128().hashStream();
        stream.putBytes(structure, 0, offset);
        stream.putBytes(structure, end, structure.length - end);
        HashValue128 hash = stream.get();
        return hash.getLeastSignificantBits() == bytes.getLong(LOW_AT)
                && hash.getMostSignificantBits() == bytes.getLong(HIGH_AT);
    }

    String identity() {
        byte[] copy = new byte[bytes.capacity()];
        bytes.get(0, copy);
        HashValue128 hash = Hashing.xxh3_128().hashBytesTo128Bits(copy);
        return String.format(Locale.ROOT, "%016x%016x", hash.getMostSignificantBits(), hash.getLeastSignificantBits());
    }
}
