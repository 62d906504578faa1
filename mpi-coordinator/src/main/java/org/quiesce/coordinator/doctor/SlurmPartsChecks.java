// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Plugins, and the place in which Slurm and its plugins meet the ranks. */
final class SlurmPartsChecks {
    private static final String PLUGIN = "SPANK plugin";

    private final SlurmSite site;
    private final Sources sources;

    SlurmPartsChecks(SlurmSite site, Sources sources) {
        this.site = site;
        this.sources = sources;
    }

    List<Finding> findings() {
        return List.of(pmix(), spank(), temporary());
    }

    private Finding pmix() {
        List<String> pmix =
                site.mpi().stream().filter(kind -> kind.startsWith("pmix")).toList();
        return pmix.isEmpty()
                ? Finding.limited(
                        "srun --mpi=pmix",
                        site.mpi().isEmpty() ? "srun does not say what it knows" : "srun knows only " + site.mpi(),
                        "ranks of Open MPI are not started by srun; install Slurm's plugin mpi_pmix.so, on all nodes, or"
                                + " use mpirun in the job")
                : Finding.ok("srun --mpi=pmix", "yes");
    }

    private Finding spank() {
        List<String> lines = plugstack().stream()
                .filter(line -> line.toLowerCase(Locale.ROOT).contains("quiesce"))
                .toList();
        if (lines.isEmpty()) {
            return Finding.limited(
                    PLUGIN,
                    "not in " + plugstackFile(),
                    "srun, sbatch and salloc do not know --checkpoint; \"quiesce run\" needs no plugin");
        }
        String[] words = lines.get(0).strip().split("\\s+");
        if (words.length > 1 && words[1].startsWith("/") && !sources.exists(words[1])) {
            return Finding.limited(
                    PLUGIN,
                    words[1] + " is not there on this host",
                    "jobs run without it, or not at all where it is required; install it on all nodes, or mend the path"
                            + " in " + plugstackFile());
        }
        return words[0].equals("required")
                ? Finding.limited(
                        PLUGIN,
                        lines.get(0),
                        "where it cannot be loaded no job starts at all; say optional in the place of required")
                : Finding.ok(PLUGIN, lines.get(0));
    }

    private String plugstackFile() {
        String given = site.config().get("PlugStackConfig");
        Path conf = Path.of(site.config().get("SLURM_CONF"));
        return given.isEmpty() ? conf.resolveSibling("plugstack.conf").toString() : given;
    }

    /** The lines that name plugins, of the file and of those that it includes. */
    private List<String> plugstack() {
        List<String> lines = new ArrayList<>();
        for (String line : sources.text(plugstackFile()).orElse("").lines().toList()) {
            String[] words = line.strip().split("\\s+");
            if (words[0].equals("include") && words.length > 1) {
                lines.addAll(included(Path.of(plugstackFile()).resolveSibling(words[1])));
            } else if (!words[0].startsWith("#")) {
                lines.add(line.strip());
            }
        }
        return lines;
    }

    private List<String> included(Path pattern) {
        List<String> lines = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(
                sources.path(pattern.resolveSibling("").toString()), String.valueOf(pattern.getFileName()))) {
            for (Path file : files) {
                Files.readString(file)
                        .lines()
                        .map(String::strip)
                        .filter(line -> !line.startsWith("#"))
                        .forEach(lines::add);
            }
        } catch (IOException e) {
            // a pattern that fits nothing includes nothing
            return lines;
        }
        return lines;
    }

    /** Slurm's plugin for PMIx makes a directory per step there, which two daemons of one host both want. */
    private Finding temporary() {
        List<String> shared = site.nodes().stream()
                .collect(Collectors.groupingBy(
                        node -> node.get("NodeHostName"),
                        Collectors.mapping(node -> node.get("NodeName"), Collectors.toList())))
                .values()
                .stream()
                .filter(names -> names.size() > 1)
                .flatMap(Collection::stream)
                .sorted()
                .toList();
        String directory = Stream.of(
                        site.config().get("PMIxCliTmpDirBase"), site.config().get("TmpFS"), "/tmp")
                .filter(name -> !name.isEmpty())
                .findFirst()
                .orElseThrow();
        if (!shared.isEmpty()) {
            return Finding.limited(
                    "nodes' " + directory,
                    shared + " are one host, and share it",
                    "a step of srun --mpi=pmix on two of them fails: both make the same directory there; give each slurmd"
                            + " a " + directory + " of its own (unshare --mount), or one slurmd per host");
        }
        return site.config().get("JobContainerType").contains("tmpfs")
                ? Finding.limited(
                        "nodes' " + directory,
                        "each job has its own, by " + site.config().get("JobContainerType"),
                        "it goes with the job: files that a program has open there are missing after a requeue, and the"
                                + " restart says so; keep them in another directory")
                : Finding.ok("nodes' " + directory, "one for each node");
    }
}
