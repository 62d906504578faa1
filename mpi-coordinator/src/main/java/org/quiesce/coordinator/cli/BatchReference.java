// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.quiesce.coordinator.Restart;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.cr.CrException;

/**
 * Which checkpoints are those of a job to which its user gives no name. In Slurm, a job that was queued again has the same
 * number as before; its words alone do not say whose checkpoints they are, since other jobs, above all tasks of an array, may
 * have the same words at the same time.
 */
final class BatchReference {
    private static final String OF_TASK = "slurm-[0-9]+_.*";

    private final Slurm slurm;
    private final Restart.Finder finder;
    private final List<String> words;
    private final Path own;

    /** Of a job with these words, whose checkpoints lie in {@code directory}. */
    BatchReference(Slurm slurm, Path directory, Restart.Finder finder, List<String> words) {
        this.slurm = slurm;
        this.finder = finder;
        this.words = List.copyOf(words);
        // One job of Slurm's may run several programs.
        own = directory.resolve("slurm-" + slurm.unambiguous() + '-' + Integer.toHexString(words.hashCode()));
    }

    /** Where its checkpoints are, or, in Slurm, will be. */
    Optional<Path> find() {
        if (!slurm.isBatch()) {
            return newest(path -> true);
        }
        if (slurm.isTask() || Files.isDirectory(own)) {
            return Optional.of(own);
        }
        return newest(path -> holder(path).equals(Optional.of(slurm.job())))
                .or(this::ofEndedJob)
                .or(() -> Optional.of(own));
    }

    /** One that no other job will go on from. */
    private Optional<Path> ofEndedJob() {
        return slurm.queued().flatMap(queued -> newest(path -> isLeft(path, queued)));
    }

    private static boolean isLeft(Path reference, Set<String> queued) {
        boolean ofTask = String.valueOf(reference.getFileName()).matches(OF_TASK);
        return !ofTask && holder(reference).filter(job -> !queued.contains(job)).isPresent();
    }

    /** The job of Slurm that has taken it last, empty words for none; nothing if that cannot be read. */
    private static Optional<String> holder(Path reference) {
        try {
            return Optional.of(new Fence(reference).ledger().holder().slurm());
        } catch (CrException e) {
            // whose it is nobody knows then
            return Optional.empty();
        }
    }

    private Optional<Path> newest(Predicate<Path> which) {
        return finder.newest(words, which).map(found -> found.directory().resolve(found.referenceName()));
    }
}
