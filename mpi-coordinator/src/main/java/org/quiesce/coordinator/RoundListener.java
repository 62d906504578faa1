// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import org.quiesce.coordinator.core.Phase;

/** Is told how a round gets on. */
public interface RoundListener {
    /** Says nothing to anybody. */
    RoundListener SILENT = phase -> {};

    /** The round has come to this phase. */
    void entered(Phase phase);
}
