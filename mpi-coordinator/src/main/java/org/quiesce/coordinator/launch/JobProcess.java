// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** A launcher that runs as our child with our standard streams. Signals that we get, it gets. */
public final class JobProcess {
    private static final List<String> FORWARDED = List.of("TERM", "HUP", "USR1", "USR2", "CONT");

    /** The signals by which people and batch systems end a job. */
    private static final Set<String> ENDING = Set.of("TERM", "HUP", "INT");

    private final Process process;
    private final Queue<String> unheard;

    private JobProcess(Process process, Queue<String> unheard) {
        this.process = process;
        this.unheard = unheard;
    }

    /** Starts it. */
    public static JobProcess start(List<String> words, Map<String, String> moreEnvironment, Optional<Path> directory) {
        return start(words, moreEnvironment, directory, Notices.none());
    }

    /** Starts it; the signals that {@code notices} take do not reach it. */
    public static JobProcess start(
            List<String> words, Map<String, String> moreEnvironment, Optional<Path> directory, Notices notices) {
        ProcessBuilder builder = new ProcessBuilder(words).inheritIO();
        builder.environment().putAll(moreEnvironment);
        directory.map(Path::toFile).filter(File::isDirectory).ifPresent(builder::directory);
        CompletableFuture<Process> started = new CompletableFuture<>();
        Queue<String> unheard = new ConcurrentLinkedQueue<>();
        forwardSignals(started, notices, unheard);
        try {
            JobProcess job = new JobProcess(builder.start(), unheard);
            started.complete(job.process);
            return job;
        } catch (IOException e) {
            throw new CrException(
                    ErrorCode.USAGE, "cannot start " + words.get(0) + "; is it installed and on the PATH?", e);
        }
    }

    /** A signal that comes before the program has started reaches it when it has. */
    private static void forwardSignals(CompletableFuture<Process> child, Notices notices, Queue<String> unheard) {
        List<String> ours = notices.taken() ? Notices.NAMES : List.of();
        for (String name : FORWARDED) {
            if (ours.contains(name)) {
                continue;
            }
            Signals.handle(name, () -> child.thenAccept(process -> forward(name, process, unheard)));
        }
        // A terminal sends its interrupt to the launcher too; two of them would make mpirun leave at once.
        boolean terminal = System.console() != null;
        Signals.handle("INT", () -> {
            child.thenAccept(process -> {
                if (!terminal || !process.isAlive()) {
                    forward("INT", process, unheard);
                }
            });
        });
    }

    private static void forward(String name, Process process, Queue<String> unheard) {
        if (!process.isAlive() && ENDING.contains(name)) {
            unheard.add(name);
        }
        Signals.send(name, process);
    }

    /** The first signal to end that has come once it had ended. */
    public Optional<String> unheard() {
        return Optional.ofNullable(unheard.peek());
    }

    /** Its pid. */
    public long pid() {
        return process.pid();
    }

    /** Whether it still runs. */
    public boolean alive() {
        return process.isAlive();
    }

    /** Ends it at once if it does not end by itself within this time. */
    public void end(Duration patience) {
        try {
            if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
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
