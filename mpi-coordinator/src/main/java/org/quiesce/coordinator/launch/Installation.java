// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** Where the programs of Quiesce lie that others start. */
public record Installation(Path libexec) {
    /** The one that the environment names, or else the one beside the script {@code quiesce}. */
    public static Installation find(Map<String, String> environment) {
        String named = environment.getOrDefault("QUIESCE_LIBEXEC", "");
        if (!named.isEmpty()) {
            return new Installation(Path.of(named).toAbsolutePath().normalize());
        }
        return new Installation(Path.of(System.getProperty("quiesce.prefix", "."), "libexec", "quiesce")
                .toAbsolutePath()
                .normalize());
    }

    /** The program that runs an MPI application as a split process. */
    public Path rankProgram() {
        return program("cr_mpirank");
    }

    /** The program that checkpoints the ranks of one node. */
    public Path nodeProgram() {
        return program("crnode");
    }

    /** The program that moves images from a disk of one node. */
    public Path moveProgram() {
        return program("cr_move");
    }

    private Path program(String name) {
        Path program = libexec.resolve(name);
        if (!Files.isExecutable(program)) {
            throw new CrException(
                    ErrorCode.USAGE,
                    program
                            + " is missing; is Quiesce installed wholly? Set QUIESCE_LIBEXEC to the directory that has it");
        }
        return program;
    }
}
