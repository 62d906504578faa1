// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.image.ImageFile;

/** Compares the images in a directory with their manifest. */
public final class CheckpointVerifier {
    private CheckpointVerifier() {}

    /**
     * Something that a restart would stumble over.
     *
     * @param rank whose image it is
     * @param code the kind of damage
     * @param text for people
     */
    public record Problem(int rank, ErrorCode code, String text) {}

    /** All problems of all images, each read completely; tells the bytes read so far. Empty: the checkpoint is whole. */
    public static List<Problem> verify(Path directory, Manifest manifest, LongConsumer progress) {
        List<Problem> problems = new ArrayList<>();
        long done = 0;
        for (RankImage rank : manifest.ranks()) {
            try {
                verify(directory.resolve(rank.file()), rank, done, progress);
            } catch (CrException e) {
                problems.add(new Problem(rank.rank(), e.code(), String.valueOf(e.getMessage())));
            }
            done += rank.bytes();
        }
        return problems;
    }

    private static void verify(Path file, RankImage rank, long done, LongConsumer progress) {
        try (ImageFile image = ImageFile.open(file)) {
            if (image.size() != rank.bytes()) {
                throw new CrException(
                        ErrorCode.DAMAGED, file + " has " + image.size() + " bytes, the manifest says " + rank.bytes());
            }
            if (!image.identity().equals(rank.digest())) {
                throw new CrException(
                        ErrorCode.DAMAGED,
                        file + " is another image than the one in the manifest: " + image.identity() + " instead of "
                                + rank.digest());
            }
            image.verify(bytes -> progress.accept(done + bytes));
        }
    }
}
