// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import java.time.Instant;
import java.util.List;

/**
 * When a checkpoint was taken, and how long its phases took.
 *
 * @param startedAt the request
 * @param committedAt the writing of the manifest
 * @param phases in the order in which they ended
 */
public record Times(Instant startedAt, Instant committedAt, List<PhaseTime> phases) {
    /** Copies its list. */
    public Times {
        phases = List.copyOf(phases);
    }

    /**
     * One phase of all ranks together.
     *
     * @param phase its name, as in the protocol
     * @param startMicros its begin, from {@code startedAt}
     * @param micros its duration
     */
    public record PhaseTime(String phase, long startMicros, long micros) {}
}
