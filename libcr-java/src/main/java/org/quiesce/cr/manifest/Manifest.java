// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import java.util.List;
import java.util.Optional;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * What one checkpoint of a job consists of.
 *
 * @param format version of the format of this file
 * @param quiesceVersion version of the program that wrote it
 * @param job what was checkpointed
 * @param sequence number of the checkpoint, from 0
 * @param parent sequence that an incremental checkpoint rests on; {@link #NO_PARENT} if it is complete in itself
 * @param times when, and how long each phase took
 * @param ranks one image for each rank, in order of rank
 * @param openFiles files that the ranks had open
 * @param levels where the images are stored
 */
public record Manifest(
        Format format,
        String quiesceVersion,
        Job job,
        int sequence,
        int parent,
        Times times,
        List<RankImage> ranks,
        List<OpenFile> openFiles,
        List<StorageLevel> levels) {
    /** The parent of a checkpoint that is complete in itself. */
    public static final int NO_PARENT = -1;

    /** Checks that there is exactly one image for each rank. */
    public Manifest {
        ranks = List.copyOf(ranks);
        openFiles = List.copyOf(openFiles);
        levels = List.copyOf(levels);
        if (sequence < 0 || parent < NO_PARENT || parent >= sequence && parent != NO_PARENT) {
            throw wrong("checkpoint " + sequence + " with parent " + parent);
        }
        if (ranks.size() != job.ranks()) {
            throw wrong(ranks.size() + " images for " + job.ranks() + " ranks");
        }
        for (int rank = 0; rank < ranks.size(); rank++) {
            if (ranks.get(rank).rank() != rank) {
                throw wrong("rank " + ranks.get(rank).rank() + " in the place of rank " + rank);
            }
        }
    }

    /** Bytes of all images together. */
    public long bytes() {
        return ranks.stream().mapToLong(RankImage::bytes).sum();
    }

    /** Whether some of the images may still lie on the hosts of their ranks. */
    public boolean isLocalOnly() {
        return levels.stream().anyMatch(level -> level.name().equals(StorageLevel.SHARED) && !level.complete());
    }

    /** The directory on each host in which the images of its ranks are, or were, if they were to be there at first. */
    public Optional<String> localDirectory() {
        return levels.stream()
                .filter(level -> level.name().equals(StorageLevel.LOCAL))
                .map(StorageLevel::location)
                .findFirst();
    }

    /** The same once all images lie beside the manifest, and nowhere else. */
    public Manifest moved() {
        List<StorageLevel> all = levels.stream()
                .map(level -> new StorageLevel(
                        level.name(), level.location(), level.name().equals(StorageLevel.SHARED)))
                .toList();
        return new Manifest(format, quiesceVersion, job, sequence, parent, times, ranks, openFiles, all);
    }

    static CrException wrong(String what) {
        return new CrException(ErrorCode.DAMAGED, "a manifest cannot hold " + what);
    }
}
