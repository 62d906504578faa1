// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Optional;
import org.quiesce.coordinator.RoundListener;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.store.LocalProcess;

/** The states of a checkpoint under the names and in the form that Open MPI gave them. */
final class OldProgress implements RoundListener {
    private static final double NANOS = 1e9;

    private final PrintStream err;
    private final boolean wanted;
    private final String prefix;
    private final long start = System.nanoTime();
    private long last = start;

    OldProgress(PrintStream err, boolean wanted) {
        this.err = err;
        this.wanted = wanted;
        prefix = String.format(
                Locale.ROOT,
                "[%s:%05d]",
                LocalProcess.hostName(),
                ProcessHandle.current().pid());
    }

    @Override
    public void entered(Phase phase) {
        name(phase).ifPresent(state -> say(state, "..."));
    }

    private static Optional<String> name(Phase phase) {
        return switch (phase) {
            case CONNECT -> Optional.of("Pending");
            case COLLECTIVES -> Optional.of("Running");
            case SEAL -> Optional.of("Locally Finished");
            case ABORT -> Optional.of("Error");
            case STOP, DRAIN, CALLBACKS, DUMP, RESUME, COMMIT, ENDED -> Optional.empty();
        };
    }

    /** One line: seconds since the last one and since the start, the state, the reference. */
    void say(String state, String reference) {
        long now = System.nanoTime();
        if (wanted) {
            err.println(String.format(
                    Locale.ROOT,
                    "%s [%6.2f / %6.2f] %23s - %s",
                    prefix,
                    (now - last) / NANOS,
                    (now - start) / NANOS,
                    state,
                    reference));
        }
        last = now;
    }
}
