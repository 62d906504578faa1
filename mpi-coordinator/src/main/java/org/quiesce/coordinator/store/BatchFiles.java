// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Properties;

/** The script of a batch job and what is known of the job, beside its checkpoints. */
public final class BatchFiles {
    private final Path script;
    private final Path properties;

    /** Of the job of this number, among the checkpoints of this reference. */
    public BatchFiles(Path reference, String job) {
        script = reference.resolve("slurm-" + job + ".sh");
        properties = reference.resolve("slurm-" + job + ".properties");
    }

    /**
     * What is known of the job.
     *
     * @param shown as Slurm showed it
     * @param again what its script does when it is run once more
     */
    public record Saved(String shown, RunRecord.Again again) {}

    /** Whether they are there. */
    public boolean exist() {
        return Files.exists(properties);
    }

    /** The file with the script. */
    public Path script() {
        return script;
    }

    /** Writes both. No checkpoint fails for want of them. */
    public void write(String text, Saved saved) {
        Properties values = new Properties();
        values.setProperty("shown", saved.shown());
        values.setProperty("again", saved.again().name());
        try {
            DurableFiles.write(script, text.getBytes(StandardCharsets.UTF_8));
            DurableFiles.write(properties, DurableFiles.text(values, "written at a checkpoint of the job"));
        } catch (IOException e) {
            return;
        }
    }

    /** What is known of the job; empty if nothing was written, or it cannot be read. */
    public Optional<Saved> read() {
        try {
            Properties values = DurableFiles.properties(properties);
            return Optional.of(new Saved(
                    values.getProperty("shown", ""), RunRecord.Again.valueOf(values.getProperty("again", ""))));
        } catch (IOException | IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
