// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** Finds the reference that a person means. */
public final class ReferenceLocator {
    private final Path directory;

    /** Looks for bare names in this directory. */
    public ReferenceLocator(Path directory) {
        this.directory = directory;
    }

    /**
     * A reference, and perhaps one sequence of it: {@code REF}, {@code DIR/REF}, {@code DIR/REF/SEQ} or
     * {@code DIR/REF/latest}.
     */
    public Located find(String text) {
        Path path = directory.resolve(text).toAbsolutePath().normalize();
        if (!exists(path)) {
            throw new CrException(
                    ErrorCode.INCOMPLETE,
                    "there is no checkpoint " + path + "; see \"quiesce list " + directory + "\"");
        }
        if (exists(path.resolve(ReferenceDirectory.MANIFEST))) {
            Path real = real(path);
            String name = String.valueOf(real.getFileName());
            if (name.matches("[0-9]{1,9}")) {
                return new Located(
                        new ReferenceDirectory(DurableFiles.parent(real)), OptionalInt.of(Integer.parseInt(name)));
            }
        }
        return new Located(new ReferenceDirectory(path), OptionalInt.empty());
    }

    /** All references in the directory that have a complete sequence, by name. */
    public List<ReferenceDirectory> all() {
        List<ReferenceDirectory> found = new ArrayList<>();
        if (!exists(directory)) {
            throw new CrException(ErrorCode.INCOMPLETE, "there is no directory " + directory);
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, Files::isDirectory)) {
            for (Path entry : entries) {
                ReferenceDirectory reference = new ReferenceDirectory(entry);
                if (Files.isReadable(entry) && !reference.sequences().isEmpty()) {
                    found.add(reference);
                }
            }
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read", directory, e);
        }
        found.sort(Comparator.comparing(ReferenceDirectory::path));
        return found;
    }

    private static boolean exists(Path path) {
        try {
            Files.readAttributes(path, "isDirectory");
            return true;
        } catch (AccessDeniedException e) {
            throw new CrException(
                    ErrorCode.PERMISSION, "not permitted to read " + path + "; does it belong to another user?", e);
        } catch (NoSuchFileException e) {
            return false;
        } catch (IOException e) {
            return false;
        }
    }

    private static Path real(Path path) {
        try {
            return path.toRealPath();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read", path, e);
        }
    }

    /** A reference, and the sequence of it that was named. */
    public record Located(ReferenceDirectory reference, OptionalInt named) {
        /** The sequence that was named, or else the newest complete one. */
        public int sequence() {
            return named.isPresent()
                    ? named.getAsInt()
                    : reference
                            .newest()
                            .orElseThrow(() -> new CrException(
                                    ErrorCode.INCOMPLETE, "there is no complete checkpoint in " + reference.path()));
        }

        /** The directory of that sequence. */
        public Path path() {
            return reference.sequence(sequence());
        }
    }
}
