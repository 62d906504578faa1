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

    private static final String COMPONENTS = """
            mca:btl:vader:version:"component:4.1.4"
            mca:btl:openib:version:"component:4.1.4"
            mca:pml:ob1:version:"component:4.1.4"
            mca:pml:ucx:version:"component:4.1.4"
            mca:mtl:ofi:version:"component:4.1.4"
            mca:btl:base:param:btl:value:^uct,openib,ofi
            mca:mtl:base:param:mtl:value:^ofi
            mca:pml:base:param:pml:value:
            """;

    private List<Finding> transports(String more) {
        return new TransportChecks(new Sources(root), COMPONENTS + more).findings();
    }

    @ParameterizedTest
    @CsvSource({
        "transport btl vader,OK",
        "transport btl openib,UNTRIED",
        "transport pml ucx,OK",
        "'transport mtl ofi: tcp, sockets',OK",
        "'transport mtl ofi: net, udp',UNSAFE",
        "transport mtl ofi: others,UNTRIED",
        "registered memory,OK"
    })
    void transportsAreKnownByName(String what, Finding.Verdict verdict) {
        assertThat(find(transports(""), what).verdict()).isEqualTo(verdict);
    }

    @Test
    void whatTheSiteLeavesOutIsSaid() {
        assertThat(find(transports(""), "transport btl openib").found()).startsWith("left out by btl=^uct,openib,ofi");
        assertThat(find(transports(""), "transport pml ucx").found()).startsWith("installed; ");
        assertThat(transports(""))
                .noneMatch(finding -> finding.what().contains("ob1"))
                .allMatch(finding -> finding.verdict() == Finding.Verdict.OK
                        || !finding.remedy().isEmpty());
    }

    @Test
    void registrationsThatCannotBeSwitchedOffAreSeen() {
        assertThat(find(transports("""
                                        mca:mpi:base:param:mpi_leave_pinned:value:true
                                        mca:mpi:base:param:mpi_leave_pinned:source:file (/etc/openmpi-mca-params-override.conf:1)
                                        """), "registered memory").verdict()).isEqualTo(Finding.Verdict.MISSING);
    }

    @Test
    void adaptersAreNamed() throws Exception {
        file("/sys/class/infiniband/mlx5_0/node_type", "1");
        assertThat(find(transports(""), "adapters").found()).isEqualTo("mlx5_0");
    }

    @Test
    void aLimitedAddressSpaceIsSeen() throws Exception {
        file("/proc/self/limits", "Max address space         8000000              unlimited            bytes\n");
        assertThat(find(new LimitChecks(new Sources(root), java.util.Map.of()).findings(), "ulimit -v")
                        .found())
                .isEqualTo("8000000");
    }
}
