// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The staged build, and programs compiled for the tests. */
final class Stage {
    static final Path ROOT =
            Path.of(System.getProperty("quiesce.root", "..")).toAbsolutePath().normalize();
    private static final Path PREFIX = Path.of(System.getProperty("quiesce.stage", ROOT + "/build/stage"))
            .toAbsolutePath()
            .normalize();
    private static final Path PROGRAMS = Path.of("target", "programs").toAbsolutePath();
    private static final Duration COMPILE = Duration.ofSeconds(60);

    private Stage() {}

    static String bin(String program) {
        Path path = PREFIX.resolve("bin").resolve(program);
        if (!Files.isExecutable(path)) {
            throw new IllegalStateException(path + " is missing; run the tests by make check");
        }
        return path.toString();
    }

    static Path prefix() {
        return PREFIX;
    }

    /** A file of the repository. */
    static Path source(String path) {
        return ROOT.resolve(path);
    }

    /** Compiles {@code source} (below the repository) with {@code compiler}, once for all tests. */
    static synchronized String program(String compiler, String source, String... flags) throws Exception {
        Path from = ROOT.resolve(source);
        String variant = String.join("", flags).replaceAll("[^A-Za-z0-9]", "");
        String name = from.getFileName().toString().replaceFirst("\\.[^.]*$", "") + "-" + compiler + variant;
        Path to = PROGRAMS.resolve(name);
        if (Files.exists(to) && Files.getLastModifiedTime(to).compareTo(Files.getLastModifiedTime(from)) > 0) {
            return to.toString();
        }
        Files.createDirectories(PROGRAMS);
        List<String> command = new ArrayList<>(List.of(compiler, "-O2", "-g", "-o", to.toString(), from.toString()));
        command.addAll(List.of(flags));
        Run.start(PROGRAMS, "compile-" + name, Map.of(), command).awaitStatus(0, COMPILE);
        return to.toString();
    }

    /** Names of files below {@code directory} that end in {@code suffix}. */
    static List<Path> filesEndingIn(Path directory, String suffix) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(file -> file.getFileName().toString().endsWith(suffix))
                    .toList();
        }
    }
}
