// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** Does at installation what commands do, so that the classes they need are in the archive from which Java starts. */
public final class WarmUp {
    private WarmUp() {}

    /** Runs commands that change nothing, and throws their output away. */
    public static void main(String[] words) {
        PrintStream nowhere = new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8);
        Context context = new Context(nowhere, nowhere, Map.of("HOME", "/nonexistent"), Path.of("/"), false);
        Main.run(context, "--help");
        Main.run(context, "status", "--json");
        Main.run(context, "list", "/proc/self", "--json");
        Main.run(context, "info", "/nonexistent");
        Main.run(context, "checkpoint", "--help");
    }
}
