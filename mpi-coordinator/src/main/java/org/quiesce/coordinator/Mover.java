// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.cr.CrException;
import org.quiesce.cr.manifest.ManifestFile;

/** While a job runs: brings its newest checkpoint from the disks of the nodes to the directory that all nodes see. */
final class Mover implements Runnable {
    private static final long LOOK_SECONDS = 5;

    private final JobDirectory directory;
    private final ReferenceDirectory reference;
    private final Map<String, String> environment;
    private final PrintStream err;
    private final Semaphore committed = new Semaphore(0);
    private int complained = -1;

    Mover(JobDirectory directory, Path reference, Map<String, String> environment, PrintStream err) {
        this.directory = directory;
        this.reference = new ReferenceDirectory(reference);
        this.environment = environment;
        this.err = err;
    }

    /** There is a new checkpoint. */
    void wake() {
        committed.release();
    }

    /** Goes on until it is interrupted. */
    @Override
    public void run() {
        while (!Thread.currentThread().isInterrupted()) {
            try {
                moveNewest();
                if (committed.tryAcquire(LOOK_SECONDS, TimeUnit.SECONDS)) {
                    committed.drainPermits();
                }
            } catch (CrException e) {
                complain(reference.nextSequence(), String.valueOf(e.getMessage()));
                pause();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static void pause() {
        try {
            TimeUnit.SECONDS.sleep(LOOK_SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void moveNewest() {
        OptionalInt newest = reference.newest();
        if (newest.isEmpty()
                || !ManifestFile.read(reference.sequence(newest.getAsInt())).isLocalOnly()) {
            return;
        }
        JobRegistry.Job job = JobRegistry.Job.of(directory);
        if (job.nodes().isEmpty()) {
            return;
        }
        Optional<String> problem = new Coordinator(job, environment)
                .raise(reference.sequence(newest.getAsInt()), System.nanoTime() + Relocation.MOST_NANOS);
        if (!Thread.currentThread().isInterrupted()) {
            problem.ifPresent(text -> complain(newest.getAsInt(), text));
        }
    }

    /** Once for each checkpoint. A newer one that comes first is no reason. */
    private void complain(int sequence, String text) {
        if (complained < sequence && reference.newest().orElse(-1) <= sequence) {
            complained = sequence;
            err.println("quiesce: checkpoint " + sequence + " is on the disks of the nodes only: " + text);
        }
    }
}
