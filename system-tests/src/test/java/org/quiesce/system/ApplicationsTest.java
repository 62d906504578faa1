// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Debian's packages of parallel applications, as they are: killed and restarted twice, they come to the same results. */
@Tag("slow")
final class ApplicationsTest {
    private static final String INPUTS = "system-tests/src/test/programs/applications/";
    private static final Map<String, String> ONE_THREAD = Map.of("OMP_NUM_THREADS", "1", "OPENBLAS_NUM_THREADS", "1");

    @TempDir
    Path work;

    @Test
    void lammpsEndsWithTheSameAtoms() throws Exception {
        input("in.melt");
        Path end = work.resolve("end.txt");
        try (MpiJob job = job("lammps", 3, "lmp", "-in", "in.melt", "-log", "none")) {
            job.undisturbed();
            byte[] expected = Files.readAllBytes(end);
            Files.delete(end);
            job.start().awaitOutput("it melts");
            disturb(job);
            job.result();
            assertThat(end).hasBinaryContent(expected);
        }
    }

    @Test
    void hpcChallengePassesItsOwnTests() throws Exception {
        input("hpccinf.txt");
        Path report = work.resolve("hpccoutf.txt");
        try (MpiJob job = job("hpcc", 4, "hpcc")) {
            job.undisturbed();
            List<String> expected = resultsOf(report);
            Files.delete(report);
            job.start();
            Await.until("HPC Challenge has begun", MpiJob.LIMIT, contains(report, "Begin of MPIRandomAccess section"));
            disturb(job);
            job.result();
            assertThat(expected).contains("Success=1");
            assertThat(resultsOf(report)).isEqualTo(expected);
        }
    }

    @Test
    void choleskyFactorizationsOfScalapack() throws Exception {
        input("LLT.dat");
        try (MpiJob job = job("scalapack", 4, "/usr/lib/x86_64-linux-gnu/scalapack/openmpi-tests/xdllt")) {
            job.start().awaitOutput("PASSED");
            disturb(job);
            job.result();
            assertThat(job.run().stdout())
                    .contains(" 192 tests completed and passed residual checks.")
                    .contains("   0 tests completed and failed residual checks.");
        }
    }

    private MpiJob job(String name, int ranks, String... program) {
        return new MpiJob(work, name, ranks, ONE_THREAD, List.of(), List.of(program));
    }

    private void input(String name) throws Exception {
        Files.copy(Stage.source(INPUTS + name), work.resolve(name));
    }

    private static void disturb(MpiJob job) throws Exception {
        for (int i = 0; i < 2; i++) {
            Await.until("the job is there for a checkpoint", MpiJob.LIMIT, job::checkpointOnceThere);
            job.kill();
            job.restart();
        }
    }

    private static Callable<Boolean> contains(Path file, String text) {
        return () -> Files.exists(file) && Files.readString(file).contains(text);
    }

    /** What does not depend on time: the verdicts, and the residuals of computations without random numbers. */
    private static List<String> resultsOf(Path report) throws Exception {
        return Files.readAllLines(report).stream()
                .filter(line -> line.startsWith("Success=") || line.contains("Errors=") || line.startsWith("||Ax-b||"))
                .toList();
    }
}
