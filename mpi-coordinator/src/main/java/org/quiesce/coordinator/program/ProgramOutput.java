// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.program;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What a program answers on its standard output. */
public final class ProgramOutput {
    private ProgramOutput() {}

    /**
     * What a program prints, if it is there, ends within {@code patience}, and ends well. It is read while the program runs:
     * one that prints more than a pipe holds would never end otherwise. It gets nothing to read.
     */
    public static Optional<String> of(List<String> words, Duration patience) {
        try {
            Process process = new ProcessBuilder(words)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .start();
            try {
                return await(process, System.nanoTime() + patience.toNanos());
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<String> await(Process process, long deadline) {
        CompletableFuture<String> output = new CompletableFuture<>();
        Thread reader = new Thread(() -> read(process, output), "output of " + process.pid());
        reader.setDaemon(true);
        reader.start();
        try {
            String text = output.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            return process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS) && process.exitValue() == 0
                    ? Optional.of(text)
                    : Optional.empty();
        } catch (TimeoutException | ExecutionException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private static void read(Process process, CompletableFuture<String> output) {
        try {
            output.complete(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            output.completeExceptionally(e);
        }
    }
}
