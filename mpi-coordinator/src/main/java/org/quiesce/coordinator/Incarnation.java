// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.Ledger;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;

/** One life of a job, from a start or restart to its end. Only the newest one may commit checkpoints. */
public final class Incarnation {
    /** Without anything known, a job is assumed to be interrupted once a day. */
    private static final long USUAL_MEAN_MILLIS = 86_400_000;

    private final Fence fence;
    private final Ledger taken;

    private Incarnation(Fence fence, Ledger taken) {
        this.fence = fence;
        this.taken = taken;
    }

    /**
     * Takes over a reference. Refuses while the last incarnation is known to run.
     *
     * @param fresh the job begins from its start
     * @param warnings is told when nobody knows whether the last one still runs
     */
    public static Incarnation take(
            Path reference, Map<String, String> environment, boolean fresh, Consumer<String> warnings) {
        Fence fence = new Fence(reference);
        Slurm slurm = new Slurm(environment);
        Ledger before = fence.ledger();
        Ledger taken = fence.take(
                RunRecord.Place.here(environment), slurm.restarts(), fresh, holder -> isAlive(holder, slurm));
        if (before.state() == Ledger.State.RUNNING && !before.holder().isHere()) {
            warnings.accept("quiesce: the job ran on " + before.holder().host()
                    + " and has not said that it ended; if it still runs, it can commit no checkpoint any more");
        }
        return new Incarnation(fence, taken);
    }

    /** Of a job to which nobody has given a name: its reference is its own, and nobody else writes there. */
    public static Incarnation none() {
        return new Incarnation(new Fence(Path.of("")), Ledger.NONE);
    }

    private static boolean isAlive(Ledger ledger, Slurm slurm) {
        RunRecord.Place holder = ledger.holder();
        if (!holder.slurm().isEmpty() && holder.slurm().equals(slurm.job())) {
            boolean before = ledger.slurmRestarts() < slurm.restarts();
            return !before && (!holder.isHere() || LocalProcess.alive(holder.pid(), holder.startTime()));
        }
        if (holder.isHere()) {
            return LocalProcess.alive(holder.pid(), holder.startTime());
        }
        return !holder.slurm().isEmpty() && slurm.runs(holder.slurm());
    }

    /** Its number. */
    public long number() {
        return taken.incarnation();
    }

    /** Whether another one may go on from it unasked. */
    boolean goesOn() {
        return number() == 0 || !fence.isClosed();
    }

    /** How long the job had run before. */
    long usedMillis() {
        return taken.usedMillis();
    }

    /** The mean time between two interruptions that nobody had announced. */
    long meanMillis() {
        return mean(taken);
    }

    /** The same, of a job whose ledger this is. */
    static long mean(Ledger ledger) {
        return ledger.interruptions() > 0
                ? Math.max(1, ledger.usedMillis() / ledger.interruptions())
                : Math.max(USUAL_MEAN_MILLIS, ledger.usedMillis());
    }

    /** Says that it still runs, and how long it has; throws if a newer one has taken over. */
    void note(long ranMillis) {
        if (number() == 0) {
            return;
        }
        fence.note(number(), Ledger.State.RUNNING, usedMillis() + ranMillis);
    }

    /** The same, and that a host of it cannot be reached: how often in a row, with this checkpoint as the newest. */
    int lost(int newest, long ranMillis) {
        return number() == 0 ? 1 : fence.lost(number(), newest, usedMillis() + ranMillis);
    }

    /** Says that it has ended; to go on later if {@code paused}. */
    void ended(boolean paused, long ranMillis) {
        if (number() == 0) {
            return;
        }
        try {
            fence.note(number(), paused ? Ledger.State.PAUSED : Ledger.State.ENDED, usedMillis() + ranMillis);
        } catch (CrException e) {
            // a newer one has taken over: it is its ledger now
            return;
        }
    }

    /** Says that nothing was started after all. */
    public void givenUp() {
        ended(true, 0);
    }
}
