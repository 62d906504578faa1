// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

/** Identity of a set of world ranks: the 128-bit hash of its sorted member list. */
public record GroupId(long high, long low) {
    @Override
    public int hashCode() {
        return Long.hashCode(high ^ Long.rotateLeft(low, 32));
    }
}
