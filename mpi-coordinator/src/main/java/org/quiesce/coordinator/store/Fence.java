// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.IntSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Keeps all but the newest incarnation of a job from its checkpoints. Each start and each restart takes the next number; who
 * has a smaller one can commit nothing any more, wherever it still runs. The number is compared, and a checkpoint committed,
 * while one lock is held, which file systems that are shared between nodes honour.
 */
public final class Fence {
    private static final String LOCK = ".fence";
    private static final String CLOSED = ".closed";

    /** A lock on a file is for the whole process. */
    private static final Object THREADS = new Object();

    private final Path reference;

    /** Of the reference at this path. */
    public Fence(Path reference) {
        this.reference = reference;
    }

    /** What is known now. */
    public Ledger ledger() {
        try {
            return Ledger.read(reference);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read the ledger of", reference, e);
        }
    }

    /** Whether nobody is to go on from here unless a person says so. */
    public boolean isClosed() {
        return Files.exists(reference.resolve(CLOSED));
    }

    /** Says that nobody is to go on from here unless a person says so. */
    public void close() {
        try {
            DurableFiles.write(reference.resolve(CLOSED), new byte[0]);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot write to", reference, e);
        }
    }

    /**
     * Makes a new incarnation the only one that may commit.
     *
     * @param restarts how often Slurm has started the job of the taker again
     * @param fresh it begins from the start
     * @param alive whether a holder that has not said that it has ended must be taken to run; then this refuses
     */
    public Ledger take(RunRecord.Place by, int restarts, boolean fresh, Predicate<Ledger> alive) {
        new ReferenceDirectory(reference).create();
        return whileLocked(() -> {
            Ledger before = ledger();
            if (before.state() == Ledger.State.RUNNING && alive.test(before)) {
                throw new CrException(
                        ErrorCode.BUSY,
                        "the job whose checkpoints are in " + reference + " runs already, as process "
                                + before.holder().pid() + " on "
                                + before.holder().host()
                                + "; end it first, or give this one another --name");
            }
            Ledger taken = before.taken(by, restarts, fresh);
            write(taken);
            return taken;
        });
    }

    /** Lets a job of Slurm, which has not begun, go on from here as its own. Refuses while one may still run that is not Slurm's. */
    public void handTo(String slurmJob) {
        whileLocked(() -> {
            Ledger before = ledger();
            RunRecord.Place holder = before.holder();
            if (before.state() == Ledger.State.RUNNING && holder.slurm().isEmpty() && holder.mayBeAlive()) {
                throw new CrException(
                        ErrorCode.BUSY, "the job whose checkpoints are in " + reference + " runs; end it first");
            }
            write(before.handedTo(slurmJob));
            return true;
        });
    }

    /** Does something while no newer incarnation can come up; refuses when there is one. */
    public <T> T whileNewest(long incarnation, Supplier<T> what) {
        return whileLocked(() -> {
            check(incarnation);
            return what.get();
        });
    }

    /** Refuses when there is a newer incarnation. */
    public void check(long incarnation) {
        Ledger now = ledger();
        if (now.incarnation() > incarnation) {
            throw new CrException(
                    ErrorCode.FENCED,
                    "incarnation " + now.incarnation() + " of the job, on "
                            + now.holder().host()
                            + ", has taken over " + reference + "; this one, " + incarnation
                            + ", can commit no checkpoint any more");
        }
    }

    /** Says how long the job has run and how it stands. */
    public void note(long incarnation, Ledger.State state, long usedMillis) {
        whileNewest(incarnation, () -> {
            write(ledger().with(state, usedMillis));
            return true;
        });
    }

    /**
     * Says that this run is given up because a host of it cannot be reached, and returns how often in a row that has happened
     * without a new checkpoint in between.
     *
     * @param newest the newest checkpoint; -1: there is none
     */
    public int lost(long incarnation, int newest, long usedMillis) {
        return whileNewest(incarnation, () -> {
            Ledger now = ledger();
            Ledger.Losses losses = now.losses().next(newest);
            write(now.with(Ledger.State.RUNNING, usedMillis).with(losses));
            return losses.times();
        });
    }

    /**
     * Begins the next checkpoint and returns its number. What an older incarnation was told to write, and writes late, does not
     * meet it, because no number is used by two.
     *
     * @param first the first number that is free here
     */
    public int begin(long incarnation, IntSupplier first) {
        return whileNewest(incarnation, () -> {
            Ledger now = ledger();
            int sequence = now.next(first.getAsInt());
            if (now.incarnation() > 0 && now.incarnation() == incarnation) {
                write(now.with(new Ledger.Begun(incarnation, sequence)));
            }
            return sequence;
        });
    }

    private void write(Ledger ledger) {
        try {
            ledger.write(reference);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot write the ledger of", reference, e);
        }
    }

    private <T> T whileLocked(Supplier<T> what) {
        synchronized (THREADS) {
            try (FileChannel channel =
                    FileChannel.open(reference.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                channel.lock();
                return what.get();
            } catch (IOException e) {
                throw DurableFiles.failure("cannot lock", reference, e);
            }
        }
    }
}
