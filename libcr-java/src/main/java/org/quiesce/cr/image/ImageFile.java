// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.image;

import com.dynatrace.hash4j.hashing.Hashing;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.image.proto.Header;
import org.quiesce.cr.image.proto.NoteType;

/**
 * An image that is open for reading. Opening it checks everything but the page data; {@link #verify} checks those. What is
 * refused is a {@link CrException} with {@link ErrorCode#NOT_IMAGE}, {@link ErrorCode#DAMAGED}, {@link ErrorCode#IMAGE_VERSION}
 * or {@link ErrorCode#INCOMPLETE}.
 */
public final class ImageFile implements AutoCloseable {
    /** The newest format that this version reads. */
    public static final int FORMAT = 1;

    private final String name;
    private final FileChannel channel;
    private final long size;
    private final List<ImageNote> notes;
    private final List<ImageRun> runs;
    private final ImageDigests digests;

    private ImageFile(String name, FileChannel channel) throws IOException {
        this.name = name;
        this.channel = channel;
        this.size = channel.size();
        ElfStructure structure = new ElfStructure(name, size, this::read);
        List<ImageDigests> found = new ArrayList<>();
        this.notes = structure.notes(found);
        checkVersion();
        if (found.size() != 1) {
            throw structure.notImage("a core file with " + found.size() + " notes of digests");
        }
        this.digests = found.get(0);
        checkDigests(structure);
        this.runs = structure.runs(digests.dataSize());
    }

    /** Opens an image. */
    public static ImageFile open(Path file) {
        try {
            if (!Files.isRegularFile(file) && Files.exists(file)) {
                throw new CrException(ErrorCode.NOT_IMAGE, file + " is not a Quiesce image: not a regular file");
            }
            FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
            try {
                return new ImageFile(file.toString(), channel);
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        } catch (NoSuchFileException e) {
            throw new CrException(ErrorCode.INCOMPLETE, "the image " + file + " is missing", e);
        } catch (IOException e) {
            throw new CrException(ErrorCode.PERMISSION, "cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    private void checkVersion() {
        Optional<Header> header = message(NoteType.NOTE_HEADER, Header.parser());
        if (header.isPresent() && Integer.compareUnsigned(header.get().getFormatVersion(), FORMAT) > 0) {
            throw new CrException(
                    ErrorCode.IMAGE_VERSION,
                    name + " has format "
                            + Integer.toUnsignedString(header.get().getFormatVersion())
                            + ", this program reads up to " + FORMAT + "; it was written by Quiesce "
                            + header.get().getQuiesceVersion());
        }
    }

    private void checkDigests(ElfStructure structure) {
        byte[] array = structure.array();
        if (!digests.crcFits()) {
            throw structure.damaged("digests note before", array.length);
        }
        if (!digests.isSealed()) {
            throw new CrException(ErrorCode.INCOMPLETE, name + " was never finished");
        }
        if (!digests.structureFits(array)) {
            throw structure.damaged("headers or notes before", array.length);
        }
        if (!digests.shapeFits(array.length)) {
            throw structure.damaged("digests note before", array.length);
        }
        long end = digests.dataOffset() + digests.dataSize();
        if (size < end) {
            throw new CrException(ErrorCode.INCOMPLETE, name + " is incomplete: " + size + " of " + end + " bytes");
        }
        if (size > end) {
            throw structure.damaged("bytes behind its end", end);
        }
    }

    private byte[] read(long offset, int length) {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        try {
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, offset + buffer.position()) < 0) {
                    throw new CrException(
                            ErrorCode.INCOMPLETE, name + " ends at offset " + size + ": it was cut short");
                }
            }
        } catch (IOException e) {
            throw new CrException(
                    ErrorCode.PERMISSION, "cannot read " + name + " at offset " + offset + ": " + e.getMessage(), e);
        }
        return buffer.array();
    }

    /** Size of the file in bytes. */
    public long size() {
        return size;
    }

    /** What the image is known by in a manifest: 32 hexadecimal digits that cover all its bytes. */
    public String identity() {
        return digests.identity();
    }

    /** All notes but that of the digests, in the order of the file. */
    public List<ImageNote> notes() {
        return notes;
    }

    /** The pieces of memory with contents, ascending. */
    public List<ImageRun> runs() {
        return runs;
    }

    /** All messages of a type, in the order of the file. */
    public <T extends MessageLite> List<T> messages(NoteType type, Parser<T> parser) {
        List<T> messages = new ArrayList<>();
        for (ImageNote note : notes) {
            if (note.isOwn() && note.type() == type.getNumber()) {
                messages.add(parse(note, parser));
            }
        }
        return messages;
    }

    /** The first message of a type. */
    public <T extends MessageLite> Optional<T> message(NoteType type, Parser<T> parser) {
        return messages(type, parser).stream().findFirst();
    }

    private <T extends MessageLite> T parse(ImageNote note, Parser<T> parser) {
        try {
            return parser.parseFrom(note.data().duplicate());
        } catch (InvalidProtocolBufferException e) {
            throw new CrException(
                    ErrorCode.DAMAGED, name + " is damaged: note of type " + note.type() + ": " + e.getMessage(), e);
        }
    }

    /** The contents of a run, or of its first bytes. */
    public byte[] contents(ImageRun run, int limit) {
        return read(run.offset(), (int) Math.min(run.size(), limit));
    }

    /** Reads all page data and compares them with their digests; tells after each piece how many bytes are done. */
    public void verify(LongConsumer progress) {
        for (int i = 0; i < digests.chunkCount(); i++) {
            long at = (long) i * ImageDigests.CHUNK;
            byte[] chunk = read(digests.dataOffset() + at, (int) Math.min(ImageDigests.CHUNK, digests.dataSize() - at));
            if (Hashing.xxh3_64().hashBytesToLong(chunk) != digests.chunk(i)) {
                throw new CrException(
                        ErrorCode.DAMAGED,
                        name + " is damaged: page data between offset " + (digests.dataOffset() + at) + " and "
                                + (digests.dataOffset() + at + chunk.length));
            }
            progress.accept(at + chunk.length);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new CrException(ErrorCode.INTERNAL, "closing " + name + ": " + e.getMessage(), e);
        }
    }
}
