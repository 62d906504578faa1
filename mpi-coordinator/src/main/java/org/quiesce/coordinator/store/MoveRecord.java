// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;
import org.quiesce.cr.ErrorCode;

/**
 * That somebody wants a job to go on on other hosts, and what has become of that. Lies in the job's directory, where
 * {@code quiesce run} looks for it and answers.
 *
 * @param id tells this wish from others
 * @param off hosts that the job is to leave, as a person writes them: with commas, or as Slurm does; empty: none
 * @param onto hosts to which it is to go; empty: those that are left
 * @param state how far it is
 * @param code why it was refused
 * @param text the same in words
 */
public record MoveRecord(String id, String off, String onto, State state, ErrorCode code, String text) {
    /** How far a move is. */
    public enum State {
        /** Nobody has answered. */
        ASKED,
        /** The checkpoint is committed, the job is being started elsewhere. */
        MOVED,
        /** The job goes on where it is. */
        REFUSED
    }

    private static final String FILE = "move.properties";

    /** A wish. */
    public static MoveRecord asked(String id, String off, String onto) {
        return new MoveRecord(id, off, onto, State.ASKED, ErrorCode.INTERNAL, "");
    }

    /** The same, fulfilled. */
    public MoveRecord moved() {
        return new MoveRecord(id, off, onto, State.MOVED, code, "");
    }

    /** The same, refused for this reason. */
    public MoveRecord refused(ErrorCode why, String words) {
        return new MoveRecord(id, off, onto, State.REFUSED, why, words);
    }

    void write(Path jobDirectory) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("id", id);
        properties.setProperty("off", off);
        properties.setProperty("onto", onto);
        properties.setProperty("state", state.name());
        properties.setProperty("code", code.name());
        properties.setProperty("text", text);
        DurableFiles.write(jobDirectory.resolve(FILE), DurableFiles.text(properties, "written by quiesce migrate"));
    }

    static Optional<MoveRecord> read(Path jobDirectory) throws IOException {
        try {
            Properties properties = DurableFiles.properties(jobDirectory.resolve(FILE));
            return Optional.of(new MoveRecord(
                    properties.getProperty("id", ""),
                    properties.getProperty("off", ""),
                    properties.getProperty("onto", ""),
                    State.valueOf(properties.getProperty("state", "")),
                    ErrorCode.valueOf(properties.getProperty("code", "")),
                    properties.getProperty("text", "")));
        } catch (NoSuchFileException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    static boolean remove(Path jobDirectory) throws IOException {
        return Files.deleteIfExists(jobDirectory.resolve(FILE));
    }
}
