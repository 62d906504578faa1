// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/** Runs commands of {@code quiesce} in this process, and keeps what the last one has printed. */
final class Quiesce {
    private final Path home;
    private final Path work;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    /** In the directory {@code work}, with {@code home} as QUIESCE_HOME. */
    Quiesce(Path work, Path home) {
        this.work = work;
        this.home = home;
    }

    /** Returns the exit status. */
    int run(String... words) {
        out.reset();
        err.reset();
        Context context = new Context(
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                Map.of("QUIESCE_HOME", home.toString(), "HOME", work.toString()),
                work,
                false);
        return Main.run(context, words);
    }

    String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    String err() {
        return err.toString(StandardCharsets.UTF_8);
    }
}
