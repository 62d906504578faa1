// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * How a job is to be restarted.
 *
 * @param ranks how many there were, and must be again
 * @param hostfile takes the place of the original one
 * @param moreOptions of the launcher, after the original ones
 */
public record RestartSpec(int ranks, Optional<Path> hostfile, List<String> moreOptions) {
    /** Copies the list. */
    public RestartSpec {
        moreOptions = List.copyOf(moreOptions);
    }
}
