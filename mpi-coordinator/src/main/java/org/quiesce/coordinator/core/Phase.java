// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.Locale;

/** Where a round stands. */
public enum Phase {
    /** Nodes connect and say which ranks they have. */
    CONNECT,
    /** Collectives are brought to a common count; the application runs. */
    COLLECTIVES,
    /** Every application thread is parked. */
    STOP,
    /** Messages in flight are received and kept. */
    DRAIN,
    /** Callbacks of the application run. */
    CALLBACKS,
    /** Pages are copied out. */
    DUMP,
    /** Threads go on. */
    RESUME,
    /** Images are synced, checksummed and renamed. */
    SEAL,
    /** The manifest is written. */
    COMMIT,
    /** The round has failed; every rank is sent on its way. */
    ABORT,
    /** The round is over. */
    ENDED;

    /** Whether the nodes answer this phase with one PhaseDone each. */
    boolean answeredByNodes() {
        return compareTo(STOP) >= 0 && compareTo(SEAL) <= 0;
    }

    /** The name as a person reads it. */
    public String title() {
        return name().toLowerCase(Locale.ROOT);
    }
}
