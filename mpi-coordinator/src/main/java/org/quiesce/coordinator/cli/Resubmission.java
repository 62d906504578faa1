// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.List;
import org.quiesce.coordinator.BatchRecord;
import org.quiesce.coordinator.launch.ShownJob;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.launch.Words;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * A batch job of Slurm that has ended is submitted once more, by its script as it was, to go on from its checkpoints. It has a
 * new number; its checkpoints are handed to that before the job may start.
 */
final class Resubmission {
    private final ScontrolWords words;
    private final Slurm slurm;
    private final Path directory;

    Resubmission(ScontrolWords words, Context context) {
        this.words = words;
        slurm = new Slurm(context.environment());
        directory = words.imageDirectory()
                .map(context.directory()::resolve)
                .orElseGet(context::checkpointDirectory)
                .toAbsolutePath()
                .normalize();
    }

    /** Submits it and returns its number. */
    String submit() {
        checkEnded(words.id());
        List<Path> references = new ReferenceLocator(directory)
                .all().stream()
                        .map(ReferenceDirectory::path)
                        .filter(path -> BatchRecord.of(path, words.id()).isPresent())
                        .toList();
        if (references.isEmpty()) {
            throw refused("there is no record of batch job " + words.id() + " beside a checkpoint in " + directory
                    + "; say ImageDir=DIR with the directory that its script gives to quiesce run as --dir,"
                    + " or put \"quiesce restart REF\" into a batch script");
        }
        references.forEach(this::check);
        BatchRecord record = BatchRecord.of(references.get(0), words.id()).orElseThrow();
        List<String> line = record.words(words.stickToNodes());
        String job = slurm.submitHeld(line)
                .orElseThrow(() -> refused("Slurm has refused it; this says why: sbatch " + Words.join(line)));
        references.forEach(path -> new Fence(path).handTo(job));
        if (!slurm.release(job)) {
            throw refused(
                    "job " + job + " was submitted, but Slurm does not let it start: \"scontrol release " + job + '"');
        }
        return job;
    }

    private void checkEnded(String job) {
        slurm.shown(job).filter(ShownJob::isActive).ifPresent(shown -> {
            throw refused("job " + job + " is " + shown.state()
                    + "; \"quiesce scontrol checkpoint requeue\" takes it back into the queue");
        });
    }

    private void check(Path reference) {
        BatchRecord record = BatchRecord.of(reference, words.id()).orElseThrow();
        if (!record.shown().word("ArrayTaskId").isEmpty()
                || !record.shown().word("HetJobId").isEmpty()) {
            throw refused("job " + words.id() + " was a part of a greater one, which Slurm cannot start by itself");
        }
        if (record.again() == RunRecord.Again.GOES_ON_IN_JOB) {
            throw refused(
                    "the script of job " + words.id() + " would begin anew; a new job goes on by: sbatch --restart-dir="
                            + Words.join(List.of(reference.toString())) + " SCRIPT, without --checkpoint-dir");
        }
        if (record.again() == RunRecord.Again.BEGINS) {
            throw refused("the script of job " + words.id() + " would begin anew; put \"quiesce restart "
                    + Words.join(List.of(reference.toString())) + "\" into a batch script");
        }
        String holder = new Fence(reference).ledger().holder().slurm();
        if (!holder.isEmpty()) {
            checkEnded(holder);
        }
    }

    private static CrException refused(String text) {
        return new CrException(ErrorCode.REFUSED, text);
    }
}
