// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;

/**
 * A thread of a rank that is inside MPI.
 *
 * @param name the function
 * @param object the communicator, window or file of a collective call, for people; else empty
 * @param id names that object, the same on all its ranks
 * @param members its ranks; empty if the call is not collective
 * @param held it has not begun: the round keeps it at the gate
 */
public record RankCall(String name, String object, GroupId id, List<RankRange> members, boolean held) {
    /** Copies the list. */
    public RankCall {
        members = List.copyOf(members);
    }

    /** Whether the call lasts until others make it too. */
    boolean awaitsMembers() {
        return !held && !members.isEmpty();
    }

    @Override
    public String toString() {
        return (held ? "held before " : "in ") + name + (object.isEmpty() ? "" : " on " + object);
    }
}
