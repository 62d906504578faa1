// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenMpiParametersTest {
    @TempDir
    Path home;

    private OpenMpiParameters of(String line, Map<String, String> environment) {
        return OpenMpiParameters.of(Words.split(line), environment);
    }

    @Test
    void nothingIsSaidByDefault() {
        assertThat(of("mpirun -np 2 ./a", Map.of()).snapshotDirectory()).isEmpty();
        assertThat(of("mpirun -np 2 ./a", Map.of()).snapshotReference()).isEmpty();
    }

    @Test
    void wordsGoBeforeTheEnvironmentAndThatBeforeTheFile() throws Exception {
        Files.createDirectories(home.resolve(".openmpi"));
        Files.write(
                home.resolve(".openmpi/mca-params.conf"),
                List.of("# snapc_base_global_snapshot_dir = /no", "snapc_base_global_snapshot_dir = /file"));
        Map<String, String> file = Map.of("HOME", home.toString());
        Map<String, String> both =
                Map.of("HOME", home.toString(), "OMPI_MCA_snapc_base_global_snapshot_dir", "/environment");
        assertThat(of("mpirun ./a", file).snapshotDirectory()).hasValue("/file");
        assertThat(of("mpirun ./a", both).snapshotDirectory()).hasValue("/environment");
        assertThat(of("mpirun -mca snapc_base_global_snapshot_dir /words ./a", both)
                        .snapshotDirectory())
                .hasValue("/words");
    }

    @Test
    void theNewerNameGoesBeforeTheOlder() {
        Map<String, String> environment = Map.of(
                "OMPI_MCA_snapc_base_global_snapshot_ref", "old", "OMPI_MCA_sstore_base_global_snapshot_ref", "new");
        assertThat(of("", environment).snapshotReference()).hasValue("new");
    }
}
