// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.function.Supplier;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Whether a job may be checkpointed, and how its last checkpoint went. Lies in the job's directory, as long as the job runs:
 * whoever takes a checkpoint of the job, on whichever host, looks there.
 */
public final class CheckpointState {
    /** One empty file for each time that somebody has disabled checkpoints: two commands at once need no lock. */
    private static final String DISABLED = "disabled-";

    private static final String LAST = "last-checkpoint.properties";

    private final Path directory;

    CheckpointState(Path directory) {
        this.directory = directory;
    }

    /**
     * The checkpoint that was begun last.
     *
     * @param beganAtMillis when, in milliseconds since 1970
     * @param reference where it goes
     * @param ended whether it has ended; one that was killed never says so
     * @param code the number of its error, 0: none
     * @param text the error in words
     */
    public record Last(long beganAtMillis, Path reference, boolean ended, int code, String text) {
        private Last ended(int number, String words) {
            return new Last(beganAtMillis, reference, true, number, words);
        }

        /** Whether it is still being taken. */
        public boolean underWay() {
            return !ended && new ReferenceDirectory(reference).isBeingWritten();
        }
    }

    /** How often checkpoints were disabled and not enabled again. */
    public int disabled() {
        return marks().size();
    }

    /** Disables checkpoints once more. */
    public void disable() {
        try {
            Files.createTempFile(directory, DISABLED, "");
        } catch (IOException e) {
            throw DurableFiles.failure("cannot write into the job's directory", directory, e);
        }
    }

    /** Takes one {@link #disable} back; does nothing if there is none. */
    public void enable() {
        try {
            for (Path mark : marks()) {
                if (Files.deleteIfExists(mark)) {
                    return;
                }
            }
        } catch (IOException e) {
            throw DurableFiles.failure("cannot write into the job's directory", directory, e);
        }
    }

    private List<Path> marks() {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, DISABLED + "*")) {
            files.forEach(found::add);
        } catch (NoSuchFileException e) {
            // the job has ended since somebody saw its directory
            return List.of();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read the job's directory", directory, e);
        }
        return found;
    }

    /** Refuses while checkpoints are disabled. */
    public void checkEnabled() {
        int count = disabled();
        if (count > 0) {
            throw new CrException(
                    ErrorCode.DISABLED,
                    "checkpoints of the job are disabled (" + count
                            + " times); \"quiesce scontrol checkpoint enable\" allows them again");
        }
    }

    /** Takes a checkpoint into this reference, which says itself when it is {@link #committed}, and notes what becomes of it. */
    public <T> T noting(ReferenceDirectory reference, Clock clock, Supplier<T> checkpoint) {
        Last begun = new Last(clock.millis(), reference.path(), false, 0, "");
        write(begun);
        try {
            return checkpoint.get();
        } catch (CrException e) {
            write(begun.ended(e.code().number(), String.valueOf(e.getMessage())));
            throw e;
        }
    }

    /** The checkpoint that was begun last exists. To be said before it ends the job, and with that this directory. */
    public void committed() {
        last().ifPresent(begun -> write(begun.ended(0, "")));
    }

    /** What is known of the last checkpoint; empty if there was none. */
    public Optional<Last> last() {
        try {
            Properties properties = DurableFiles.properties(directory.resolve(LAST));
            return Optional.of(new Last(
                    Long.parseLong(properties.getProperty("began", "0")),
                    Path.of(properties.getProperty("reference", "")),
                    Boolean.parseBoolean(properties.getProperty("ended", "")),
                    Integer.parseInt(properties.getProperty("code", "0")),
                    properties.getProperty("text", "")));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Not knowing it is no reason for a checkpoint to fail, least of all when it exists and the job is about to end. */
    private void write(Last last) {
        Properties properties = new Properties();
        properties.setProperty("began", Long.toString(last.beganAtMillis()));
        properties.setProperty("reference", last.reference().toString());
        properties.setProperty("ended", Boolean.toString(last.ended()));
        properties.setProperty("code", Integer.toString(last.code()));
        properties.setProperty("text", last.text());
        try {
            DurableFiles.replace(
                    directory.resolve(LAST), DurableFiles.text(properties, "written by whoever took the checkpoint"));
        } catch (IOException e) {
            return;
        }
    }

    void remove() throws IOException {
        Files.deleteIfExists(directory.resolve(LAST));
        for (Path mark : marks()) {
            Files.deleteIfExists(mark);
        }
    }
}
