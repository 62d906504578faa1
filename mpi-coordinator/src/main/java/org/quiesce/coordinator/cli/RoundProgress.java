// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.PrintStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.quiesce.coordinator.RoundListener;
import org.quiesce.coordinator.core.Phase;

/** A bar on a terminal, for rounds that last longer than a person likes to wait without one. */
final class RoundProgress implements RoundListener {
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final int UPDATE_MILLIS = 200;
    private static final int GOODBYE_MILLIS = 1000;
    private static final String CLEAR_LINE = "\r\033[K";

    private final PrintStream err;
    private final boolean terminal;
    private final boolean verbose;
    private final Thread watcher;
    private volatile Phase phase = Phase.CONNECT;
    private final CountDownLatch over = new CountDownLatch(1);

    RoundProgress(Context context, boolean verbose) {
        err = context.err();
        terminal = context.terminal();
        this.verbose = verbose;
        watcher = new Thread(this::watch, "progress");
        watcher.setDaemon(true);
        if (terminal && !verbose) {
            watcher.start();
        }
    }

    @Override
    public void entered(Phase entered) {
        phase = entered;
        if (verbose) {
            err.println("quiesce: " + entered.title());
        }
    }

    private void watch() {
        try {
            if (!over.await(PATIENCE_NANOS, TimeUnit.NANOSECONDS)) {
                draw();
            }
        } catch (InterruptedException e) {
            return; // the round is over
        }
    }

    private void draw() throws InterruptedException {
        try (ProgressBar bar = bar()) {
            do {
                bar.stepTo(Math.min(phase.ordinal(), Phase.COMMIT.ordinal()));
                bar.setExtraMessage(phase.title());
            } while (!over.await(UPDATE_MILLIS, TimeUnit.MILLISECONDS));
        }
        err.print(CLEAR_LINE);
        err.flush();
    }

    private ProgressBar bar() {
        return new ProgressBarBuilder()
                .setTaskName("checkpoint")
                .setInitialMax(Phase.COMMIT.ordinal())
                .startsFrom(0, Duration.ofNanos(PATIENCE_NANOS))
                .setUpdateIntervalMillis(UPDATE_MILLIS)
                .setConsumer(new ConsoleProgressBarConsumer(err))
                .build();
    }

    /** The round is over; returns when the bar has gone, so that what is printed next stands on a line of its own. */
    void finish() {
        over.countDown();
        try {
            watcher.join(GOODBYE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
