// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What lies in a reference. */
final class Checkpoints {
    private Checkpoints() {}

    /** The files of the checkpoints that are committed, each with its time and size. */
    static Map<String, String> committed(Path reference) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(reference)) {
            for (Path file : files.filter(path -> path.toString().matches(".*/[0-9]+/.*"))
                    .toList()) {
                all.put(file.toString(), Files.getLastModifiedTime(file) + " " + Files.size(file));
            }
        }
        return all;
    }
}
