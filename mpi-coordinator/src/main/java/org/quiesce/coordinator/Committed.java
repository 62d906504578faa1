// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.Optional;
import org.quiesce.coordinator.core.Action;

/**
 * A checkpoint that exists now.
 *
 * @param lower why it is on the disks of the nodes only; empty: it is not
 */
public record Committed(Path reference, int sequence, Action.Summary summary, Optional<String> lower) {
    /** The directory with the manifest and the images. */
    public Path path() {
        return reference.resolve(Integer.toString(sequence));
    }

    /** The same once it is known whether its images have reached the directory that all nodes see. */
    Committed with(Optional<String> reason) {
        return new Committed(reference, sequence, summary, reason);
    }

    /** The size of all images. */
    public long bytes() {
        return summary.images().stream()
                .mapToLong(result -> result.image().bytes())
                .sum();
    }
}
