// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.image.ImageFile;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;

/**
 * Whether a checkpoint is as it was written: every byte of the manifest and of each image.
 *
 * @param path the directory of the sequence
 * @param images one finding per rank
 */
public record Verification(Path path, Manifest manifest, List<Finding> images) {
    /**
     * What was found of one image.
     *
     * @param problem empty when the image is as it was written
     */
    public record Finding(int rank, String file, long bytes, Optional<CrException> problem) {}

    /** Reads everything. A manifest that is damaged is thrown; images are findings. */
    public static Verification of(Path path) {
        return of(path, done -> {});
    }

    /** Reads everything and tells now and then how many bytes of images have been read. */
    public static Verification of(Path path, LongConsumer progress) {
        Manifest manifest = ManifestFile.read(path);
        AtomicLong total = new AtomicLong();
        List<Finding> findings = manifest.ranks().parallelStream()
                .map(image -> finding(path, manifest, image, bytes -> progress.accept(total.addAndGet(bytes))))
                .toList();
        return new Verification(path, manifest, findings);
    }

    private static Finding finding(Path directory, Manifest manifest, RankImage image, LongConsumer progress) {
        try {
            verify(Levels.file(directory, manifest, image), image, progress);
            return new Finding(image.rank(), image.file(), image.bytes(), Optional.empty());
        } catch (CrException e) {
            return new Finding(image.rank(), image.file(), image.bytes(), Optional.of(e));
        }
    }

    private static void verify(Path file, RankImage image, LongConsumer progress) {
        try (ImageFile open = ImageFile.open(file)) {
            if (open.size() != image.bytes() || !open.identity().equals(image.digest())) {
                throw new CrException(
                        ErrorCode.DAMAGED, file + " is not the image that the manifest names; was it replaced?");
            }
            long[] before = {0};
            open.verify(done -> {
                progress.accept(done - before[0]);
                before[0] = done;
            });
        }
    }

    /** The images that are not as they were written. */
    public Stream<Finding> damaged() {
        return images.stream().filter(finding -> finding.problem().isPresent());
    }

    /** Throws the first problem, if there is one. */
    public void throwIfDamaged() {
        damaged().findFirst().flatMap(Finding::problem).ifPresent(problem -> {
            throw problem;
        });
    }
}
