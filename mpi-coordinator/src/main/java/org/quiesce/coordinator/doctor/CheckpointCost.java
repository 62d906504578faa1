// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.time.Duration;
import java.util.List;

/**
 * How long a checkpoint takes, from the request to the manifest.
 *
 * @param longest of those that were measured
 * @param measured how many; 0: none, and it is assumed
 */
public record CheckpointCost(Duration longest, int measured) {
    /** Where no checkpoint was taken yet. */
    public static final CheckpointCost ASSUMED = new CheckpointCost(Duration.ofSeconds(60), 0);

    private static final long MARGIN_SECONDS = 5;

    /** The cost of these checkpoints; {@link #ASSUMED} if there are none. */
    public static CheckpointCost of(List<Duration> checkpoints) {
        return checkpoints.stream()
                .max(Duration::compareTo)
                .map(longest -> new CheckpointCost(longest, checkpoints.size()))
                .orElse(ASSUMED);
    }

    /** It in whole seconds, and at least one. */
    long seconds() {
        return Math.max(1, longest.plusMillis(999).toSeconds());
    }

    /** What a site should allow for: the next one may take twice as long. */
    long advisedSeconds() {
        return 2 * seconds() + MARGIN_SECONDS;
    }

    /** It in words. */
    String words() {
        return switch (measured) {
            case 0 -> seconds() + " s are assumed for a checkpoint, none was measured yet";
            case 1 -> "the last checkpoint took " + seconds() + " s";
            default -> "the longest of the last " + measured + " checkpoints took " + seconds() + " s";
        };
    }
}
