// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;

/** How a round ended. */
public sealed interface Outcome {
    /** The checkpoint exists. */
    record Committed(Action.Summary summary) implements Outcome {}

    /** There is no checkpoint; the job goes on. The first failure is the cause. */
    record Failed(List<Failure> failures) implements Outcome {
        /** Copies the list. */
        public Failed {
            failures = List.copyOf(failures);
        }
    }
}
