// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Limits of processes, and directories that must be writable. */
final class LimitChecks {
    private static final long USUAL_MAPS = 65_530;
    private static final long LEAST_STACK = 1L << 20;
    private static final int LIMIT_NAME_WIDTH = 26;

    private final Sources sources;
    private final Map<String, String> environment;

    LimitChecks(Sources sources, Map<String, String> environment) {
        this.sources = sources;
        this.environment = environment;
    }

    List<Finding> findings() {
        List<Finding> findings = new ArrayList<>(List.of(maps(), addressSpace(), stack()));
        String home = environment.getOrDefault("QUIESCE_HOME", "");
        Path jobs = home.isEmpty() ? Path.of(environment.getOrDefault("HOME", "/"), ".quiesce") : Path.of(home);
        findings.add(writable("job directories", jobs, "set QUIESCE_HOME to a directory that all nodes of a job see"));
        findings.add(writable("run directory", Path.of("/tmp"), "crnode needs /tmp for its socket"));
        String checkpoints = environment.getOrDefault("QUIESCE_DIR", "");
        findings.add(writable(
                "checkpoints",
                Path.of(checkpoints).toAbsolutePath(),
                "set QUIESCE_DIR, or use --dir, to a directory on storage that survives the job"));
        return findings;
    }

    private Finding maps() {
        long most = Long.parseLong(sources.text("/proc/sys/vm/max_map_count").orElse("0"));
        return most >= USUAL_MAPS
                ? Finding.ok("vm.max_map_count", Long.toString(most))
                : Finding.limited(
                        "vm.max_map_count",
                        Long.toString(most),
                        "programs with many mappings cannot be restarted; as root: sysctl vm.max_map_count=65530");
    }

    private Finding addressSpace() {
        String soft = limit("Max address space");
        return soft.equals("unlimited")
                ? Finding.ok("ulimit -v", soft)
                : Finding.limited(
                        "ulimit -v",
                        soft,
                        "MPI ranks need address space twice; use ulimit -v unlimited in the job script");
    }

    private Finding stack() {
        String soft = limit("Max stack size");
        return soft.equals("unlimited") || Long.parseLong(soft) >= LEAST_STACK
                ? Finding.ok("ulimit -s", soft)
                : Finding.limited("ulimit -s", soft, "use ulimit -s 8192");
    }

    private String limit(String name) {
        return sources.text("/proc/self/limits")
                .orElse("")
                .lines()
                .filter(line -> line.startsWith(name))
                .map(line -> line.substring(LIMIT_NAME_WIDTH).strip().split(" +")[0])
                .findFirst()
                .orElse("unlimited");
    }

    /** A directory that is missing is as good as the first one above it that is there. */
    private static Finding writable(String what, Path directory, String remedy) {
        Path existing = directory;
        for (Path above = directory; above != null && !Files.exists(existing); above = above.getParent()) {
            existing = above;
        }
        return Files.isWritable(existing) && Files.isDirectory(existing)
                ? Finding.ok(what, directory + " is writable")
                : Finding.missing(what, directory + " is not writable", remedy);
    }
}
