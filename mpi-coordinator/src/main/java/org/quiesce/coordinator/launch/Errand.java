// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A program that is started for what it does: it gets nothing to read, and only what it says on standard error is shown. */
public final class Errand {
    private Errand() {}

    /** Starts it with these variables besides ours, in a directory if that exists. */
    public static Process start(List<String> words, Map<String, String> more, Optional<Path> directory)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder(words)
                .redirectInput(new File("/dev/null"))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(more);
        directory.map(Path::toFile).filter(File::isDirectory).ifPresent(builder::directory);
        return builder.start();
    }
}
