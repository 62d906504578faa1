// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** MPI, Java and the parts of Quiesce. */
final class SoftwareChecks {
    private static final List<String> PROGRAMS = List.of("crnode", "cr_mpirank", "mpi/libmpi.so.40");

    private final Sources sources;
    private final Path libexec;

    SoftwareChecks(Sources sources, Path libexec) {
        this.sources = sources;
        this.libexec = libexec;
    }

    List<Finding> findings() {
        return List.of(parts(), mpi(), forkAgent(), java());
    }

    private Finding parts() {
        List<String> lost = PROGRAMS.stream()
                .filter(program -> !Files.exists(libexec.resolve(program)))
                .toList();
        return lost.isEmpty()
                ? Finding.ok("Quiesce", libexec.toString())
                : Finding.missing("Quiesce", lost + " not in " + libexec, "install it wholly, or set QUIESCE_LIBEXEC");
    }

    private Finding mpi() {
        Optional<String> version = sources.output(List.of("mpirun", "--version"))
                .flatMap(text -> text.lines().findFirst());
        if (version.isEmpty()) {
            return Finding.missing("MPI", "mpirun is not on the PATH", "install openmpi-bin, or load its module");
        }
        return version.get().contains("Open MPI) 4.")
                ? Finding.ok("MPI", version.get())
                : Finding.missing("MPI", version.get(), "Open MPI 4.x is needed");
    }

    private Finding forkAgent() {
        boolean there = sources.output(List.of("ompi_info", "--param", "orte", "all", "--level", "9", "--parsable"))
                .map(text -> text.contains("orte_fork_agent"))
                .orElse(false);
        return there
                ? Finding.ok("orte_fork_agent", "known to this Open MPI")
                : Finding.limited(
                        "orte_fork_agent",
                        "not found by ompi_info",
                        "quiesce run does not work; start jobs by mpirun ... cr_mpirank PROGRAM");
    }

    private static Finding java() {
        int feature = Runtime.version().feature();
        return feature >= 17
                ? Finding.ok("Java", Runtime.version().toString())
                : Finding.missing("Java", Runtime.version().toString(), "Java 17 or newer is needed");
    }
}
