// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A job of {@code stages} on this host, named so, of two ranks. Each stage ends when it is told to. */
final class LocalStages implements AutoCloseable {
    static final int STAGES = 3;

    private final Path told;
    private final MpiJob job;
    private final String expected;

    /** One that has not started, and keeps its files in {@code work}. */
    LocalStages(Path work) throws Exception {
        String program = Stage.program("mpicc", "system-tests/src/test/programs/stages.c");
        told = Files.createDirectory(work.resolve("told"));
        List<String> yield = List.of("--mca", "mpi_yield_when_idle", "1");
        List<String> words = List.of(program, told.toString(), Integer.toString(STAGES));
        job = new MpiJob(work, "stages", 2, Map.of(), yield, words);
        end(0, STAGES - 1);
        expected = job.undisturbed();
        for (int stage = 0; stage < STAGES; stage++) {
            Files.delete(file(stage));
        }
    }

    MpiJob job() {
        return job;
    }

    /** The last line of a run without Quiesce. */
    String expected() {
        return expected;
    }

    /** Tells these stages to end; some may have been told before. */
    void end(int first, int last) throws Exception {
        for (int stage = first; stage <= last; stage++) {
            if (!Files.exists(file(stage))) {
                Files.createFile(file(stage));
            }
        }
    }

    private Path file(int stage) {
        return told.resolve(Integer.toString(stage));
    }

    @Override
    public void close() {
        job.close();
    }
}
