// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import org.quiesce.coordinator.core.Action;

/** A checkpoint that exists now. */
public record Committed(Path reference, int sequence, Action.Summary summary) {
    /** The directory with the manifest and the images. */
    public Path path() {
        return reference.resolve(Integer.toString(sequence));
    }

    /** The size of all images. */
    public long bytes() {
        return summary.images().stream()
                .mapToLong(result -> result.image().bytes())
                .sum();
    }
}
