// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Open MPI's parameters by which a user says where checkpoints go, with Open MPI's precedence: words, environment, file. */
public final class OpenMpiParameters {
    private static final Set<String> OPTIONS = Set.of("-mca", "--mca", "-gmca", "--gmca");
    private static final String PREFIX = "OMPI_MCA_";
    private static final String FILE = ".openmpi/mca-params.conf";
    private static final List<String> FRAMEWORKS = List.of("sstore", "snapc");
    private static final int OPTION_WORDS = 3;

    private final List<String> words;
    private final Map<String, String> environment;
    private final Map<String, String> file;

    private OpenMpiParameters(List<String> words, Map<String, String> environment, Map<String, String> file) {
        this.words = List.copyOf(words);
        this.environment = Map.copyOf(environment);
        this.file = file;
    }

    /** Those of a command with these words and this environment, and of the user's file. */
    public static OpenMpiParameters of(List<String> words, Map<String, String> environment) {
        String home = environment.getOrDefault("HOME", "");
        return new OpenMpiParameters(
                words,
                environment,
                home.isEmpty() ? Map.of() : read(Path.of(home).resolve(FILE)));
    }

    private static Map<String, String> read(Path path) {
        try {
            return parse(Files.readAllLines(path));
        } catch (IOException e) {
            // most users have none
            return Map.of();
        }
    }

    /** Lines "name = value"; what begins with # is a comment. */
    static Map<String, String> parse(List<String> lines) {
        Map<String, String> values = new HashMap<>();
        for (String line : lines) {
            int equals = line.indexOf('=');
            if (equals > 0 && !line.strip().startsWith("#")) {
                values.put(
                        line.substring(0, equals).strip(),
                        line.substring(equals + 1).strip());
            }
        }
        return values;
    }

    /** The directory in which references lie. */
    public Optional<String> snapshotDirectory() {
        return value("dir");
    }

    /** The name of the reference. */
    public Optional<String> snapshotReference() {
        return value("ref");
    }

    private Optional<String> value(String what) {
        return FRAMEWORKS.stream()
                .map(framework -> framework + "_base_global_snapshot_" + what)
                .flatMap(name -> find(name).stream())
                .findFirst();
    }

    private Optional<String> find(String name) {
        for (int i = 0; i + OPTION_WORDS <= words.size(); i++) {
            if (OPTIONS.contains(words.get(i)) && words.get(i + 1).equals(name)) {
                return Optional.of(words.get(i + 2));
            }
        }
        return Optional.ofNullable(environment.getOrDefault(PREFIX + name, file.get(name)))
                .filter(value -> !value.isEmpty());
    }
}
