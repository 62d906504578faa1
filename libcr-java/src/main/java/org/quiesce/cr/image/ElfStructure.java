// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** The part of an image before its page data. Every count is compared with the bytes that are there. */
final class ElfStructure {
    static final int HEADER_SIZE = 64;
    static final int PROGRAM_HEADER_SIZE = 56;
    static final int SECTION_HEADER_SIZE = 64;
    static final int PAGE = 4096;
    private static final int NOTE_HEADER_SIZE = 12;
    private static final int OWN_PREFIX = 8;
    private static final int OWN_TYPE_BASE = 0x51530000;
    private static final int MANY_HEADERS = 0xffff;
    private static final int LOAD = 1;
    private static final int NOTE = 4;
    private static final int DIGESTS_TYPE = 12;
    private static final byte[] IDENT = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    private final String name;
    private final ByteBuffer bytes;
    private final int headerCount;
    private final int notesOffset;
    private final int notesEnd;

    /** Reads a range of the file; throws {@link ErrorCode#INCOMPLETE} if it ends before. */
    interface Source {
        byte[] read(long offset, int size);
    }

    /** Reads it from an image. */
    ElfStructure(String name, long fileSize, Source source) {
        this.name = name;
        if (fileSize < HEADER_SIZE) {
            throw notImage("too short");
        }
        ByteBuffer header = little(source.read(0, HEADER_SIZE));
        checkHeader(header);
        long count = Short.toUnsignedInt(header.getShort(56));
        long headersEnd = HEADER_SIZE + count * PROGRAM_HEADER_SIZE;
        if (count == MANY_HEADERS) {
            count = largeCount(header, fileSize, source);
            headersEnd = HEADER_SIZE + count * PROGRAM_HEADER_SIZE + SECTION_HEADER_SIZE;
        }
        if (count == 0 || headersEnd > fileSize) {
            throw notImage("no program headers");
        }
        ByteBuffer note = little(source.read(HEADER_SIZE, PROGRAM_HEADER_SIZE));
        if (note.getInt(0) != NOTE || note.getLong(8) != headersEnd) {
            throw notImage("notes are not where Quiesce puts them");
        }
        long notesSize = note.getLong(32);
        if (notesSize < 0 || notesSize > fileSize - headersEnd) {
            throw new CrException(ErrorCode.INCOMPLETE, name + " is incomplete: it ends inside its notes");
        }
        long end = (headersEnd + notesSize + PAGE - 1) / PAGE * PAGE;
        if (end > Integer.MAX_VALUE - PAGE) {
            throw damaged("more headers than this program can hold", end);
        }
        this.headerCount = (int) count;
        this.notesOffset = (int) headersEnd;
        this.notesEnd = (int) (headersEnd + notesSize);
        this.bytes = little(source.read(0, (int) end));
    }

    /** The count that does not fit into the ELF header; its section header must follow the program headers at once. */
    private long largeCount(ByteBuffer header, long fileSize, Source source) {
        long offset = header.getLong(40);
        if (offset < 0 || offset > fileSize) {
            throw damaged("section header", offset);
        }
        long count = Integer.toUnsignedLong(
                little(source.read(offset, SECTION_HEADER_SIZE)).getInt(44));
        if (offset != HEADER_SIZE + count * PROGRAM_HEADER_SIZE) {
            throw damaged("section header", offset);
        }
        return count;
    }

    private void checkHeader(ByteBuffer header) {
        byte[] ident = new byte[IDENT.length];
        header.get(0, ident);
        if (!Arrays.equals(ident, IDENT)) {
            throw notImage("no ELF header");
        }
        if (header.getShort(16) != 4 || header.getShort(18) != 62 || header.getInt(20) != 1) {
            throw notImage("not a core file of this architecture");
        }
        if (header.getLong(32) != HEADER_SIZE || header.getShort(54) != PROGRAM_HEADER_SIZE) {
            throw notImage("another layout of program headers");
        }
    }

    /** All notes, those of Quiesce unwrapped and their checksums compared; the digests are not among them. */
    List<ImageNote> notes(List<ImageDigests> digests) {
        List<ImageNote> notes = new ArrayList<>();
        int at = notesOffset;
        while (at < notesEnd) {
            at = readNote(at, notes, digests);
        }
        return List.copyOf(notes);
    }

    private int readNote(int at, List<ImageNote> notes, List<ImageDigests> digests) {
        long left = notesEnd - (long) at;
        if (left < NOTE_HEADER_SIZE) {
            throw damaged("note", at);
        }
        long nameSize = Integer.toUnsignedLong(bytes.getInt(at));
        long size = Integer.toUnsignedLong(bytes.getInt(at + 4));
        int type = bytes.getInt(at + 8);
        long dataAt = NOTE_HEADER_SIZE + aligned(nameSize);
        if (nameSize == 0 || dataAt > left || aligned(size) > left - dataAt) {
            throw damaged("note", at);
        }
        String owner = text(at + NOTE_HEADER_SIZE, (int) nameSize);
        ByteBuffer data = bytes.slice(at + (int) dataAt, (int) size).order(ByteOrder.LITTLE_ENDIAN);
        if (!owner.equals(ImageNote.OWN)) {
            notes.add(new ImageNote(owner, type, data.asReadOnlyBuffer()));
        } else if (type == OWN_TYPE_BASE + DIGESTS_TYPE) {
            if (size < ImageDigests.FIXED_SIZE) {
                throw damaged("digests note", at);
            }
            digests.add(new ImageDigests(data, at + (int) dataAt));
        } else {
            notes.add(new ImageNote(owner, type - OWN_TYPE_BASE, unwrap(data, at)));
        }
        return at + (int) (dataAt + aligned(size));
    }

    private ByteBuffer unwrap(ByteBuffer data, int at) {
        if (data.capacity() < OWN_PREFIX || data.getInt(4) != data.capacity() - OWN_PREFIX) {
            throw damaged("note", at);
        }
        CRC32C crc = new CRC32C();
        crc.update(data.slice(4, data.capacity() - 4));
        if ((int) crc.getValue() != data.getInt(0)) {
            throw damaged("note", at);
        }
        return data.slice(OWN_PREFIX, data.capacity() - OWN_PREFIX).asReadOnlyBuffer();
    }

    /** The pieces of memory with contents; together they are exactly the page data of this size. */
    List<ImageRun> runs(long dataSize) {
        List<ImageRun> runs = new ArrayList<>();
        long end = bytes.capacity() + dataSize;
        long offset = bytes.capacity();
        long address = 0;
        for (int i = 1; i < headerCount; i++) {
            int at = HEADER_SIZE + i * PROGRAM_HEADER_SIZE;
            long start = bytes.getLong(at + 16);
            long fileSize = bytes.getLong(at + 32);
            long memorySize = bytes.getLong(at + 40);
            boolean good = bytes.getInt(at) == LOAD
                    && start >= address
                    && memorySize > 0
                    && start + memorySize > start
                    && fileSize >= 0
                    && fileSize <= memorySize
                    && bytes.getLong(at + 8) == offset
                    && fileSize <= end - offset
                    && (start | memorySize | fileSize) % PAGE == 0;
            if (!good) {
                throw damaged("program header", at);
            }
            if (fileSize > 0) {
                runs.add(new ImageRun(start, fileSize, offset, bytes.getInt(at + 4)));
            }
            offset += fileSize;
            address = start + memorySize;
        }
        if (offset != end) {
            throw damaged("page data without program header", offset);
        }
        return List.copyOf(runs);
    }

    byte[] array() {
        return bytes.array();
    }

    CrException damaged(String what, long at) {
        return new CrException(ErrorCode.DAMAGED, name + " is damaged: " + what + " at offset " + at);
    }

    CrException notImage(String why) {
        return new CrException(ErrorCode.NOT_IMAGE, name + " is not a Quiesce image: " + why);
    }

    private String text(int at, int size) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < size && bytes.get(at + i) != 0; i++) {
            text.append((char) bytes.get(at + i));
        }
        return text.toString();
    }

    private static long aligned(long size) {
        return (size + 3) & ~3L;
    }

    private static ByteBuffer little(byte[] array) {
        return ByteBuffer.wrap(array).order(ByteOrder.LITTLE_ENDIAN);
    }
}
