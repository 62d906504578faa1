// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.quiesce.coordinator.Verification;
import org.quiesce.cr.manifest.ManifestFile;

/** Reads a whole checkpoint, with a bar on a terminal when there is much to read. */
final class Verifying {
    /** About what a disk reads in two seconds. */
    private static final long MUCH = 1L << 30;

    private static final long UNIT = 1L << 20;

    private Verifying() {}

    static Verification of(Path path, Context context) {
        if (!context.terminal() || ManifestFile.read(path).bytes() < MUCH) {
            return Verification.of(path);
        }
        ProgressBarBuilder builder = new ProgressBarBuilder()
                .setTaskName("verify")
                .setUnit(" MiB", UNIT)
                .setInitialMax(ManifestFile.read(path).bytes())
                .setConsumer(new ConsoleProgressBarConsumer(context.err()));
        try (ProgressBar bar = builder.build()) {
            return Verification.of(path, bar::stepTo);
        }
    }
}
