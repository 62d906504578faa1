// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs in languages whose bindings were built for Open MPI, and do not know Quiesce, go on after two restarts. */
final class LanguagesTest {
    private static final String PROGRAMS = "system-tests/src/test/programs/";

    @TempDir
    Path work;

    @Test
    void mpi4py() throws Exception {
        survives("/usr/bin/python3", Stage.source(PROGRAMS + "ring.py").toString(), "30000");
    }

    @Test
    void bindingsOfCxx() throws Exception {
        survives(Stage.program("mpicxx", PROGRAMS + "ring.cc", "-lmpi_cxx"), "100000");
    }

    @Test
    void bindingsOfJava() throws Exception {
        Path jar = Stage.source("build/mpi.jar");
        assumeTrue(Files.exists(jar), jar + " could not be built");
        Run.start(
                        work,
                        "javac",
                        Map.of(),
                        List.of(
                                "javac",
                                "-d",
                                work.toString(),
                                "-cp",
                                jar.toString(),
                                Stage.source(PROGRAMS + "Ring.java").toString()))
                .awaitStatus(0, MpiJob.LIMIT);
        survives(
                "java",
                "-Djava.library.path=/usr/lib/x86_64-linux-gnu/openmpi/lib",
                "-cp",
                jar + ":" + work,
                "Ring",
                "60000");
    }

    private void survives(String... program) throws Exception {
        try (MpiJob job = new MpiJob(work, "ring", 3, Map.of(), List.of(), List.of(program))) {
            assertThat(job.survivesTwoRestarts()).startsWith("result ");
        }
    }
}
