// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DoctorTest {
    @TempDir
    Path root;

    private void file(String path, String text) throws Exception {
        Path file = root.resolve(path.substring(1));
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    private static Finding find(List<Finding> findings, String what) {
        return findings.stream()
                .filter(finding -> finding.what().equals(what))
                .findFirst()
                .orElseThrow();
    }

    @ParameterizedTest
    @CsvSource({"6.1.0-18-amd64,LIMITED", "6.7.1,OK", "6.18.44,OK", "7.0,OK", "5.15.0,LIMITED"})
    void pageScanIsKnownFromTheKernelsVersion(String release, Finding.Verdict verdict) throws Exception {
        file("/proc/sys/kernel/osrelease", release + "\n");
        assertThat(find(new KernelChecks(new Sources(root)).findings(), "PAGEMAP_SCAN")
                        .verdict())
                .isEqualTo(verdict);
    }

    @Test
    void everyFindingThatIsNotWellHasARemedy() {
        assertThat(new KernelChecks(new Sources(root)).findings())
                .allMatch(finding -> finding.verdict() == Finding.Verdict.OK
                        || !finding.remedy().isEmpty());
    }

    @Test
    void numbersOfTheKernelAreReadWhole() {
        assertThat(new Sources(Path.of("/")).text("/proc/sys/vm/max_map_count").orElseThrow())
                .hasSizeGreaterThan(3);
    }

    @Test
    void aLimitedAddressSpaceIsSeen() throws Exception {
        file("/proc/self/limits", "Max address space         8000000              unlimited            bytes\n");
        assertThat(find(new LimitChecks(new Sources(root), java.util.Map.of()).findings(), "ulimit -v")
                        .found())
                .isEqualTo("8000000");
    }
}
