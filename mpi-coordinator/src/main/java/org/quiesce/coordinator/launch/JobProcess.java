// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** A launcher that runs as our child with our standard streams. Signals that we get, it gets. */
public final class JobProcess {

    private final Process process;

    private JobProcess(Process process) {
        this.process = process;
    }

    /** Starts it. */
    public static JobProcess start(List<String> words, Map<String, String> moreEnvironment, Optional<Path> directory) {
        ProcessBuilder builder = new ProcessBuilder(words).inheritIO();
        builder.environment().putAll(moreEnvironment);
        directory.map(Path::toFile).filter(File::isDirectory).ifPresent(builder::directory);
        try {
            JobProcess job = new JobProcess(builder.start());
            job.forwardSignals();
            return job;
        } catch (IOException e) {
            throw new CrException(
                    ErrorCode.USAGE, "cannot start " + words.get(0) + "; is it installed and on the PATH?", e);
        }
    }

    private void forwardSignals() {
        Signals.forward("TERM", process);
        Signals.forward("HUP", process);
        Signals.forward("USR1", process);
        Signals.forward("USR2", process);
        Signals.forward("CONT", process);
        // A terminal sends its interrupt to the launcher too; two of them would make mpirun leave at once.
        if (System.console() == null) {
            Signals.forward("INT", process);
        } else {
            Signals.ignore("INT");
        }
    }

    /** Its pid. */
    public long pid() {
        return process.pid();
    }

    /** Whether it still runs. */
    public boolean alive() {
        return process.isAlive();
    }

    /** Waits for its end: its exit status, or 128 and the number of the signal that ended it. */
    public int await() {
        while (true) {
            try {
                return process.waitFor();
            } catch (InterruptedException e) {
                process.destroy();
            }
        }
    }
}
