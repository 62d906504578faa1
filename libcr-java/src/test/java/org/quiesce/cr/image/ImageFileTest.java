// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.image.proto.Area;
import org.quiesce.cr.image.proto.Areas;
import org.quiesce.cr.image.proto.Descriptors;
import org.quiesce.cr.image.proto.Header;
import org.quiesce.cr.image.proto.NoteType;
import org.quiesce.cr.image.proto.Thread;
import org.quiesce.cr.image.proto.Threads;

/** An image that C wrote, read by Java. */
class ImageFileTest {
    private static final Path GOLDEN = Path.of("../native/tests/golden/image/sample-1.cr");
    private static final long BASE = 0x200000000000L;
    private static final Set<ErrorCode> IMAGE_ERRORS =
            EnumSet.of(ErrorCode.NOT_IMAGE, ErrorCode.DAMAGED, ErrorCode.IMAGE_VERSION, ErrorCode.INCOMPLETE);

    @TempDir
    private Path directory;

    @Test
    void theNotesOfAnImageWrittenByCAreThoseThatCWrote() {
        try (ImageFile image = ImageFile.open(GOLDEN)) {
            Header header = image.message(NoteType.NOTE_HEADER, Header.parser()).orElseThrow();
            assertThat(header.getPid()).isEqualTo(4711);
            assertThat(header.getCommand()).isEqualTo("sample");
            assertThat(image.messages(NoteType.NOTE_THREADS, Threads.parser()))
                    .flatExtracting(Threads::getThreadList)
                    .extracting(Thread::getName)
                    .containsExactly("sample", "cr-agent");
            assertThat(image.messages(NoteType.NOTE_AREAS, Areas.parser()))
                    .flatExtracting(Areas::getAreaList)
                    .extracting(Area::getStart)
                    .containsExactly(BASE, BASE + 4 * 4096);
            assertThat(image.message(NoteType.NOTE_DESCRIPTORS, Descriptors.parser())
                            .orElseThrow()
                            .getDescriptor(0)
                            .getSameAs())
                    .isEqualTo(-1);
            assertThat(image.notes())
                    .first()
                    .satisfies(note -> assertThat(note.name()).isEqualTo("CORE"));
        }
    }

    @Test
    void itsMemoryHasTheContentsThatCWrote() {
        try (ImageFile image = ImageFile.open(GOLDEN)) {
            assertThat(image.runs())
                    .extracting(ImageRun::start)
                    .containsExactly(BASE, BASE + 3 * 4096, BASE + 4 * 4096);
            assertThat(image.runs()).extracting(ImageRun::size).containsExactly(8192L, 4096L, 4096L);
            byte[] contents = image.contents(image.runs().get(0), 8192);
            int seed = 1;
            byte[] expected = new byte[8192];
            for (int i = 0; i < expected.length; i++) {
                seed = seed * 1664525 + 1013904223;
                expected[i] = (byte) (seed >>> 24);
            }
            assertThat(contents).isEqualTo(expected);
        }
    }

    @Test
    void verifyingReportsEachByteOfPageDataOnce() {
        List<Long> progress = new ArrayList<>();
        try (ImageFile image = ImageFile.open(GOLDEN)) {
            image.verify(progress::add);
            assertThat(progress).containsExactly(16384L);
            assertThat(image.identity()).hasSize(32);
        }
    }

    @Test
    void everyFlippedBitIsNoticed() throws IOException {
        Path copy = Files.copy(GOLDEN, directory.resolve("flipped.cr"));
        List<String> missed = new ArrayList<>();
        try (FileChannel channel = FileChannel.open(copy, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            for (long at = 0; at < channel.size(); at += at < 4096 ? 1 : 61) {
                byte old = byteAt(channel, at);
                for (int bit = 0; bit < 8; bit++) {
                    put(channel, at, (byte) (old ^ (1 << bit)));
                    if (!isRefused(copy)) {
                        missed.add("bit " + bit + " of byte " + at);
                    }
                }
                put(channel, at, old);
            }
        }
        assertThat(missed).isEmpty();
        assertThat(isRefused(copy)).isFalse();
    }

    @Test
    void everyShorterOrLongerFileIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(GOLDEN);
        Path cut = directory.resolve("cut.cr");
        for (int size = 0; size < whole.length; size += 13) {
            Files.write(cut, java.util.Arrays.copyOf(whole, size));
            assertThat(isRefused(cut)).as("%d bytes", size).isTrue();
        }
        Files.write(cut, java.util.Arrays.copyOf(whole, whole.length + 1));
        assertThat(isRefused(cut)).isTrue();
    }

    @Test
    void whatIsNoImageIsCalledSo() throws IOException {
        Path script = Files.writeString(directory.resolve("script"), "#!/bin/sh\n".repeat(20));
        assertThatThrownBy(() -> ImageFile.open(script)).hasMessageContaining("not a Quiesce image");
        assertThatThrownBy(() -> ImageFile.open(directory)).hasMessageContaining("not a regular file");
        assertThatThrownBy(() -> ImageFile.open(directory.resolve("none"))).hasMessageContaining("missing");
    }

    private static boolean isRefused(Path file) {
        CrException refused = catchThrowableOfType(CrException.class, () -> {
            try (ImageFile image = ImageFile.open(file)) {
                image.verify(bytes -> {});
            }
        });
        return refused != null && IMAGE_ERRORS.contains(refused.code());
    }

    private static byte byteAt(FileChannel channel, long at) throws IOException {
        ByteBuffer one = ByteBuffer.allocate(1);
        assertThat(channel.read(one, at)).isEqualTo(1);
        return one.get(0);
    }

    private static void put(FileChannel channel, long at, byte value) throws IOException {
        assertThat(channel.write(ByteBuffer.wrap(new byte[] {value}), at)).isEqualTo(1);
    }
}
