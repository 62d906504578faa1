// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;

/** The members of a group as ascending ranges. */
public record GroupMembers(GroupId group, List<RankRange> ranges) {
    /** Copies the list. */
    public GroupMembers {
        ranges = List.copyOf(ranges);
    }
}
