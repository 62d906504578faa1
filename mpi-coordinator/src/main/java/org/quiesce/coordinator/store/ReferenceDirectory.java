// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;

/**
 * DIR/REF: the checkpoints of one job, one directory per sequence. A sequence exists when its directory has its final name
 * and holds a manifest; whatever is called {@code .partial} is the rest of something that failed.
 */
public final class ReferenceDirectory {
    /** The file that makes a sequence complete. */
    public static final String MANIFEST = "manifest.json";

    private static final String PARTIAL = ".partial";
    private static final String LATEST = "latest";
    private static final String LOCK = ".lock";

    private final Path path;

    /** The reference at this path, which need not exist. */
    public ReferenceDirectory(Path path) {
        this.path = path.toAbsolutePath().normalize();
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** The directory in which the reference lies. */
    public Path directory() {
        return DurableFiles.parent(path);
    }

    /** Its name there. */
    public String name() {
        return String.valueOf(path.getFileName());
    }

    /** Makes the directory if it is missing; refuses one of another user. */
    public void create() {
        try {
            DurableFiles.createDirectories(path);
            DurableFiles.checkOwner(path);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot make the directory for checkpoints", path, e);
        }
    }

    /** Does something while no other process may write here; refuses when another one does. */
    public <T> T whileLocked(Supplier<T> what) {
        try (FileChannel channel =
                FileChannel.open(path.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            if (!lock(channel)) {
                throw new CrException(ErrorCode.BUSY, "another checkpoint is being written into " + path);
            }
            return what.get();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot write into", path, e);
        }
    }

    /** Whether another process writes here now, as far as that can be told. */
    public boolean isBeingWritten() {
        try (FileChannel channel = FileChannel.open(path.resolve(LOCK), StandardOpenOption.WRITE)) {
            return !lock(channel);
        } catch (IOException e) {
            // it has never been written, or we may not look
            return false;
        }
    }

    private static boolean lock(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    /** The complete sequences, ascending. */
    public List<Integer> sequences() {
        List<Integer> complete = new ArrayList<>();
        for (String name : names()) {
            if (name.matches("[0-9]{1,9}") && Files.exists(path.resolve(name).resolve(MANIFEST))) {
                complete.add(Integer.valueOf(name));
            }
        }
        Collections.sort(complete);
        return complete;
    }

    /** The newest complete sequence. */
    public OptionalInt newest() {
        return sequences().stream().mapToInt(Integer::intValue).max();
    }

    /** The directory of a sequence that must be complete. */
    public Path sequence(int sequence) {
        Path directory = path.resolve(Integer.toString(sequence));
        if (!sequences().contains(sequence)) {
            throw new CrException(
                    ErrorCode.INCOMPLETE,
                    "there is no complete checkpoint " + sequence + " in " + path + "; it has " + sequences());
        }
        return directory;
    }

    private List<String> names() {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
            entries.forEach(entry -> names.add(entry.getFileName().toString()));
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read", path, e);
        }
        return names;
    }

    /** The number that the next checkpoint gets: no number is used twice, not even after a failure. */
    public int nextSequence() {
        int next = 0;
        for (String name : names()) {
            String number = name.endsWith(PARTIAL) ? name.substring(0, name.length() - PARTIAL.length()) : name;
            if (number.matches("[0-9]{1,9}")) {
                next = Math.max(next, Integer.parseInt(number) + 1);
            }
        }
        return next;
    }

    /** Removes what failed checkpoints have left. */
    public void removeLeftovers() {
        for (String name : names()) {
            if (name.endsWith(PARTIAL)) {
                delete(path.resolve(name));
            }
        }
    }

    /** Makes the directory into which a sequence is written. */
    public Path begin(int sequence) {
        Path partial = partial(sequence);
        try {
            DurableFiles.createDirectory(partial);
            return partial;
        } catch (IOException e) {
            throw DurableFiles.failure("cannot make", partial, e);
        }
    }

    /** Where a sequence is written before it exists. */
    public Path partial(int sequence) {
        return path.resolve(sequence + PARTIAL);
    }

    /** Gives a sequence whose manifest is written its final name; from now on it exists. */
    public Path commit(int sequence) {
        Path finished = path.resolve(Integer.toString(sequence));
        try {
            DurableFiles.sync(partial(sequence));
            Files.move(partial(sequence), finished, StandardCopyOption.ATOMIC_MOVE);
            DurableFiles.sync(path);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot commit", finished, e);
        }
        return finished;
    }

    /** Points {@code latest} to a sequence. */
    public void pointLatest(int sequence) {
        try {
            DurableFiles.link(path.resolve(LATEST), Path.of(Integer.toString(sequence)));
        } catch (IOException e) {
            throw DurableFiles.failure("the checkpoint is committed, but cannot point", path.resolve(LATEST), e);
        }
    }

    /** Removes what was written of a sequence that failed. */
    public void abandon(int sequence) {
        if (Files.exists(partial(sequence), LinkOption.NOFOLLOW_LINKS)) {
            delete(partial(sequence));
        }
    }

    /** The oldest sequence of which images may still be on the disks of nodes. */
    public OptionalInt oldestLocal() {
        return sequences().stream()
                .mapToInt(Integer::intValue)
                .filter(this::isLocalOnly)
                .min();
    }

    private boolean isLocalOnly(int sequence) {
        return manifest(sequence).map(Manifest::isLocalOnly).orElse(false);
    }

    private Optional<Manifest> manifest(int sequence) {
        try {
            return Optional.of(ManifestFile.read(path.resolve(Integer.toString(sequence))));
        } catch (CrException e) {
            // damaged: others say so
            return Optional.empty();
        }
    }

    /**
     * Removes what is older than the newest {@code keep} complete sequences, and returns what was removed. One of which images
     * may still be on the disks of nodes is not counted: a node that is lost takes them along.
     */
    public List<Integer> prune(int keep) {
        List<Integer> complete = sequences();
        List<Integer> safe = complete.stream().filter(one -> !isLocalOnly(one)).toList();
        if (safe.size() < keep) {
            return List.of();
        }
        int oldest = safe.get(safe.size() - keep);
        List<Integer> old = complete.stream().filter(one -> one < oldest).toList();
        for (int sequence : old) {
            manifest(sequence)
                    .flatMap(Manifest::localDirectory)
                    .filter(StoreSpec::isOfRound)
                    .map(Path::of)
                    .ifPresent(ReferenceDirectory::deleteLocal);
            // Under the name of a failed one first: a sequence that is half removed must not look complete.
            try {
                Files.move(path.resolve(Integer.toString(sequence)), partial(sequence), StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw DurableFiles.failure("cannot remove", path.resolve(Integer.toString(sequence)), e);
            }
            delete(partial(sequence));
        }
        return old;
    }

    /** On other hosts the next checkpoint does it. */
    private static void deleteLocal(Path directory) {
        if (Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            delete(directory);
        }
    }

    private static void delete(Path directory) {
        try {
            DurableFiles.deleteTree(directory);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot remove", directory, e);
        }
    }
}
