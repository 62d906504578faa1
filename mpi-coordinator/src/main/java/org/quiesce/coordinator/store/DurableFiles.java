// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** Files and directories that survive a crash once these methods have returned, and that belong to their user alone. */
final class DurableFiles {
    private static final Set<PosixFilePermission> PRIVATE_DIRECTORY = PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> PRIVATE_FILE = PosixFilePermissions.fromString("rw-------");

    private DurableFiles() {}

    /** The directory in which something lies; the root lies in itself. */
    static Path parent(Path path) {
        Path absolute = path.toAbsolutePath();
        return Optional.ofNullable(absolute.getParent()).orElse(absolute);
    }

    /** Makes a directory of mode 0700, and what is missing above it. */
    static void createDirectories(Path directory) throws IOException {
        Files.createDirectories(directory, PosixFilePermissions.asFileAttribute(PRIVATE_DIRECTORY));
    }

    /** Makes one directory of mode 0700 that must not exist yet. */
    static void createDirectory(Path directory) throws IOException {
        Files.createDirectory(directory, PosixFilePermissions.asFileAttribute(PRIVATE_DIRECTORY));
    }

    /** Writes a file of mode 0600 under another name, syncs it and puts it in place. */
    static void write(Path file, byte[] contents) throws IOException {
        Path fresh = file.resolveSibling("." + file.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        Files.createFile(fresh, PosixFilePermissions.asFileAttribute(PRIVATE_FILE));
        Files.write(fresh, contents, StandardOpenOption.SYNC);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        sync(parent(file));
    }

    /** The same without syncing it: after a crash the file is whole, but may be an older one. */
    static void replace(Path file, byte[] contents) throws IOException {
        Path fresh = Files.createTempFile(parent(file), "." + file.getFileName(), ".new");
        Files.write(fresh, contents);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The text of a file of properties, which begins with the comment. */
    static byte[] text(Properties properties, String comment) throws IOException {
        StringWriter text = new StringWriter();
        properties.store(text, comment);
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Reads a file of properties. */
    static Properties properties(Path file) throws IOException {
        Properties properties = new Properties();
        properties.load(new StringReader(Files.readString(file)));
        return properties;
    }

    /** Makes the entries of a directory durable. */
    static void sync(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Points a symbolic link to another target; at no moment is there none. */
    static void link(Path link, Path target) throws IOException {
        Path fresh = link.resolveSibling("." + link.getFileName() + ".new");
        Files.deleteIfExists(fresh);
        Files.createSymbolicLink(fresh, target);
        Files.move(fresh, link, StandardCopyOption.ATOMIC_MOVE);
        sync(parent(link));
    }

    /** Removes a directory with all that is in it; symbolic links are removed, not followed. */
    static void deleteTree(Path directory) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.deleteIfExists(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                Files.deleteIfExists(visited);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** Refuses a directory that belongs to somebody else, unless we are root. */
    static void checkOwner(Path directory) throws IOException {
        int owner = (Integer) Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        int self = userId();
        if (owner != self && self != 0) {
            throw new CrException(
                    ErrorCode.PERMISSION, directory + " belongs to user " + owner + ", and you are user " + self);
        }
    }

    /** The user that this process runs as. */
    static int userId() throws IOException {
        return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    }

    /** The exception that tells a user what could not be done, on what, and why. */
    static CrException failure(String what, Path where, IOException cause) {
        String reason = cause instanceof FileSystemException failure && failure.getReason() != null
                ? failure.getReason()
                : plain(cause);
        boolean permission = cause instanceof AccessDeniedException
                || reason.toLowerCase(Locale.ROOT).contains("not permitted");
        return new CrException(
                permission ? ErrorCode.PERMISSION : ErrorCode.WRITE,
                what + " " + where + ": " + (permission ? "permission denied" : reason),
                cause);
    }

    private static String plain(IOException cause) {
        if (cause instanceof NoSuchFileException) {
            return "no such file or directory";
        }
        if (cause instanceof NotDirectoryException) {
            return "not a directory";
        }
        return String.valueOf(cause.getMessage());
    }
}
