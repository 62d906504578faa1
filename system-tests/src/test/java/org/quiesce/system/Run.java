// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program that was started, with its output in files. */
final class Run {
    private final List<String> command;
    private final Process process;
    private final Path out;
    private final Path err;

    private Run(List<String> command, Process process, Path out, Path err) {
        this.command = command;
        this.process = process;
        this.out = out;
        this.err = err;
    }

    /** Starts {@code command} in {@code work}; its output goes to {@code work/name.out} and {@code .err}. */
    static Run start(Path work, String name, Map<String, String> environment, List<String> command) throws IOException {
        Path out = work.resolve(name + ".out");
        Path err = work.resolve(name + ".err");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(work.toFile())
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile());
        builder.environment().putAll(environment);
        return new Run(command, builder.start(), out, err);
    }

    ProcessHandle handle() {
        return process.toHandle();
    }

    boolean alive() {
        return process.isAlive();
    }

    /** Waits for its end; kills it and fails after {@code limit}. Returns the exit status. */
    int await(Duration limit) throws InterruptedException {
        if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
            killTree();
            throw new AssertionError(command + " did not end within " + limit.toSeconds() + " s\n" + describe());
        }
        return process.exitValue();
    }

    /** Waits for its end and fails unless the exit status is {@code expected}. Returns what it printed. */
    String awaitStatus(int expected, Duration limit) throws InterruptedException {
        int status = await(limit);
        if (status != expected) {
            throw new AssertionError(command + " ended with " + status + ", not " + expected + "\n" + describe());
        }
        return stdout();
    }

    String stdout() {
        return read(out);
    }

    String stderr() {
        return read(err);
    }

    String lastLine() {
        return stdout().strip().lines().reduce("", (before, line) -> line);
    }

    /** SIGKILL to it and all its descendants, and returns when they are gone. */
    void killTree() {
        List<ProcessHandle> tree = process.toHandle().descendants().toList();
        process.destroyForcibly();
        tree.forEach(ProcessHandle::destroyForcibly);
        try {
            process.waitFor(10, TimeUnit.SECONDS);
            for (ProcessHandle victim : tree) {
                Await.until("process " + victim.pid() + " is gone", Duration.ofSeconds(20), () -> !victim.isAlive());
            }
        } catch (Exception e) {
            throw new IllegalStateException("killing " + command, e);
        }
    }

    String describe() {
        return "stdout:\n" + stdout() + "stderr:\n" + stderr();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
