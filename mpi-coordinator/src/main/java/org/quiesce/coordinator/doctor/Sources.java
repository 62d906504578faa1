// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.quiesce.coordinator.program.ProgramOutput;

/** Where a doctor looks; tests give another root. */
final class Sources {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int PIECE = 1 << 16;

    private final Path root;

    Sources(Path root) {
        this.root = root;
    }

    Path path(String absolute) {
        return root.resolve(absolute.substring(1));
    }

    boolean exists(String file) {
        return Files.exists(path(file));
    }

    /** Of the files in a directory, in order; none if it is not there. */
    List<String> names(String directory) {
        try (Stream<Path> files = Files.list(path(directory))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    Optional<String> text(String file) {
        return bytes(file).map(bytes -> new String(bytes, StandardCharsets.ISO_8859_1).strip());
    }

    /** Reads in large pieces: a number in {@code /proc/sys} is there for the first read only. */
    Optional<byte[]> bytes(String file) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] piece = new byte[PIECE];
        try (InputStream in = Files.newInputStream(path(file))) {
            for (int n = in.read(piece); n > 0; n = in.read(piece)) {
                all.write(piece, 0, n);
            }
            return Optional.of(all.toByteArray());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** What a program prints, if it is there and ends well. */
    Optional<String> output(List<String> words) {
        return ProgramOutput.of(words, PATIENCE);
    }
}
