// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;

/** What the coordinator knows of one rank while collectives converge. Fields are read and written by its package only. */
final class RankState {
    static final Event.Gate UNKNOWN = new Event.Gate(false, false, false);

    boolean reported;
    Event.Gate gate = UNKNOWN;
    /** In how many groups this rank has begun fewer collectives than was announced. */
    int behind;

    List<RankRange> waitsFor = List.of();
    List<RankCall> calls = List.of();
    private long releasesAtStart;
    private long releasesUsed;
    private long releasesSent;

    void used(long releases) {
        if (!reported) {
            releasesAtStart = releases;
        }
        releasesUsed = releases - releasesAtStart;
    }

    void released() {
        releasesSent++;
    }

    /** Whether a release is on its way whose use has not been reported. */
    boolean releasePending() {
        return releasesSent != releasesUsed;
    }
}
