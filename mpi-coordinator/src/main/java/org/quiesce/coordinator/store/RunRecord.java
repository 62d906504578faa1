// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;

/**
 * What {@code quiesce run} says about a job in the job's directory, so that other commands find it and put its checkpoints
 * where it wants them.
 *
 * @param name what a person calls the job
 * @param pid of {@code quiesce run}
 * @param startTime of that process, in clock ticks since boot
 * @param directory where references lie
 * @param reference the name of the job's reference there; empty: the usual one
 * @param keep how many checkpoints are kept; 0: all
 * @param launcher the words with which the user started the launcher
 * @param programWords how many of these at the end are the program and its arguments; 0: as the ranks say
 */
public record RunRecord(
        String name,
        long pid,
        long startTime,
        Path directory,
        String reference,
        int keep,
        List<String> launcher,
        int programWords) {
    private static final String FILE = "run.properties";

    /** Copies the list. */
    public RunRecord {
        launcher = List.copyOf(launcher);
    }

    void write(Path jobDirectory) throws IOException {
        Properties properties = new Properties();
        properties.setProperty("name", name);
        properties.setProperty("pid", Long.toString(pid));
        properties.setProperty("start", Long.toString(startTime));
        properties.setProperty("directory", directory.toString());
        properties.setProperty("reference", reference);
        properties.setProperty("keep", Integer.toString(keep));
        properties.setProperty("programWords", Integer.toString(programWords));
        for (int i = 0; i < launcher.size(); i++) {
            properties.setProperty("launcher." + i, launcher.get(i));
        }
        StringWriter text = new StringWriter();
        properties.store(text, "written by quiesce run");
        DurableFiles.write(
                jobDirectory.resolve(FILE), text.toString().getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    static Optional<RunRecord> read(Path jobDirectory) throws IOException {
        Path file = jobDirectory.resolve(FILE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Properties properties = new Properties();
        properties.load(new StringReader(Files.readString(file)));
        List<String> launcher = new ArrayList<>();
        for (int i = 0; properties.containsKey("launcher." + i); i++) {
            launcher.add(properties.getProperty("launcher." + i));
        }
        try {
            return Optional.of(new RunRecord(
                    properties.getProperty("name", ""),
                    Long.parseLong(properties.getProperty("pid", "0")),
                    Long.parseLong(properties.getProperty("start", "0")),
                    Path.of(properties.getProperty("directory", ".")),
                    properties.getProperty("reference", ""),
                    Integer.parseInt(properties.getProperty("keep", "0")),
                    launcher,
                    Integer.parseInt(properties.getProperty("programWords", "0"))));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** The program and its arguments, if they are known. */
    public List<String> program() {
        int first = Math.max(0, launcher.size() - Math.max(0, programWords));
        return launcher.subList(first, launcher.size());
    }

    static void remove(Path jobDirectory) throws IOException {
        Files.deleteIfExists(jobDirectory.resolve(FILE));
    }
}
