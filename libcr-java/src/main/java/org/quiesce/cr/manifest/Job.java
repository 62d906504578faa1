// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What was checkpointed.
 *
 * @param name what people call the job
 * @param arguments the application and its arguments
 * @param workingDirectory where it was started
 * @param environment the variables that a restart needs
 * @param ranks number of ranks
 * @param mpi the MPI library; empty strings if there is none
 * @param launcher how it was started
 */
public record Job(
        String name,
        List<String> arguments,
        String workingDirectory,
        SortedMap<String, String> environment,
        int ranks,
        Mpi mpi,
        Launcher launcher) {
    /** Copies its lists. */
    public Job {
        arguments = List.copyOf(arguments);
        environment = new TreeMap<>(Map.copyOf(environment));
        if (ranks < 1) {
            throw Manifest.wrong(ranks + " ranks");
        }
        if (name.isEmpty() || name.indexOf('/') >= 0) {
            throw Manifest.wrong("the job name \"" + name + "\"");
        }
    }

    /**
     * An MPI library.
     *
     * @param library for example {@code Open MPI}
     * @param version for example {@code 4.1.4}
     */
    public record Mpi(String library, String version) {}

    /**
     * The program that starts ranks.
     *
     * @param name {@code mpirun} or {@code srun}; empty if there is none
     * @param options its options, without the number of ranks and the application
     */
    public record Launcher(String name, List<String> options) {
        /** Copies its list. */
        public Launcher {
            options = List.copyOf(options);
        }
    }
}
