// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Handles of Debian's three Fortran bindings, integers among them, mean the same after a restart. */
final class FortranTest {
    @TempDir
    Path work;

    @ParameterizedTest
    @ValueSource(strings = {"MPIF", "MPI", "F08"})
    void fortranHandlesSurviveTwoRestarts(String binding) throws Exception {
        String program = Stage.program(
                "mpif90",
                "system-tests/src/test/programs/fortran_handles.F90",
                "-fallow-argument-mismatch",
                "-DBINDING_" + binding);
        try (MpiJob job = new MpiJob(work, "fortran", 3, Map.of(), List.of(), List.of(program, "500000"))) {
            job.survivesTwoRestarts();
        }
    }
}
