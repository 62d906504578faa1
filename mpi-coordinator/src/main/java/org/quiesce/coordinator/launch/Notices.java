// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Signals that say that the job's time is over. They are for us and not for the job; those that come early wait here. */
public final class Notices {
    /** What a batch system sends. */
    public static final List<String> NAMES = List.of("USR1", "TERM");

    private final BlockingQueue<String> waiting = new LinkedBlockingQueue<>();
    private final boolean taken;

    private Notices(boolean taken) {
        this.taken = taken;
    }

    /** From now on these signals wait here. */
    public static Notices listen() {
        Notices notices = new Notices(true);
        NAMES.forEach(name -> Signals.handle(name, () -> notices.waiting.add(name)));
        return notices;
    }

    /** None is taken: the job gets them. */
    public static Notices none() {
        return new Notices(false);
    }

    /** Whether the job must not get them. */
    boolean taken() {
        return taken;
    }

    /** The next signal, if one comes within this time. */
    public Optional<String> poll(Duration patience) throws InterruptedException {
        return Optional.ofNullable(waiting.poll(patience.toMillis(), TimeUnit.MILLISECONDS));
    }
}
