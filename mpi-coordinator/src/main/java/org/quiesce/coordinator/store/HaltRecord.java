// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;

/**
 * When somebody wants a job to be checkpointed and to stop. Lies in the job's directory, where {@code quiesce run} looks for
 * it.
 *
 * @param lastSequence the checkpoint with which it ends; negative: not asked
 * @param atMillis when it ends, in milliseconds since 1970; 0: not asked
 * @param beforeMillis by when it is to have ended; 0: not asked
 */
public record HaltRecord(long lastSequence, long atMillis, long beforeMillis) {
    private static final String FILE = "halt.properties";

    void write(Path jobDirectory) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("lastSequence", Long.toString(lastSequence));
        properties.setProperty("at", Long.toString(atMillis));
        properties.setProperty("before", Long.toString(beforeMillis));
        DurableFiles.write(jobDirectory.resolve(FILE), DurableFiles.text(properties, "written by quiesce halt"));
    }

    static Optional<HaltRecord> read(Path jobDirectory) throws IOException {
        try {
            Properties properties = DurableFiles.properties(jobDirectory.resolve(FILE));
            return Optional.of(new HaltRecord(
                    Long.parseLong(properties.getProperty("lastSequence", "-1")),
                    Long.parseLong(properties.getProperty("at", "0")),
                    Long.parseLong(properties.getProperty("before", "0"))));
        } catch (NoSuchFileException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    static boolean remove(Path jobDirectory) throws IOException {
        return Files.deleteIfExists(jobDirectory.resolve(FILE));
    }
}
