// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;

/** Simulated time: what is due happens in order of time, and in order of arrival at equal times. */
final class Timeline {
    private final PriorityQueue<Due> queue =
            new PriorityQueue<>(Comparator.comparingLong(Due::at).thenComparingLong(Due::order));
    private final Random random;
    private long now;
    private long order;

    Timeline(long seed) {
        random = new Random(seed);
    }

    long now() {
        return now;
    }

    Random random() {
        return random;
    }

    /** Between 0 and {@code most} nanoseconds, small values more often. */
    long delay(long most) {
        return (long) (most * random.nextDouble() * random.nextDouble());
    }

    void at(long time, Runnable what) {
        queue.add(new Due(Math.max(time, now), order++, what));
    }

    void in(long nanos, Runnable what) {
        at(now + nanos, what);
    }

    /** Lets the next thing happen; false if there is none. */
    boolean step() {
        Due due = queue.poll();
        if (due == null) {
            return false;
        }
        now = due.at;
        due.what.run();
        return true;
    }

    private record Due(long at, long order, Runnable what) {}
}
