// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;

/**
 * What a command sees of the world.
 *
 * @param terminal whether a person watches standard error
 */
public record Context(
        PrintStream out, PrintStream err, Map<String, String> environment, Path directory, boolean terminal) {
    /** Where references are looked for when the user does not say. */
    Path checkpointDirectory() {
        String named = environment.getOrDefault("QUIESCE_DIR", "");
        return named.isEmpty() ? directory : directory.resolve(named);
    }
}
