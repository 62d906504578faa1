// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.quiesce.coordinator.CheckpointRequest;
import org.quiesce.coordinator.Coordinator;
import org.quiesce.coordinator.launch.ShownJob;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Puts a batch job back into the queue once a checkpoint has ended it. Its {@code quiesce run} does it, from inside of the job:
 * Slurm never sees the job end, so that nothing that waits for its end takes place.
 */
final class Requeueing {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration TURN = Duration.ofMillis(300);

    private final String number;
    private final int restarts;
    private final Slurm slurm;

    private Requeueing(String number, int restarts, Slurm slurm) {
        this.number = number;
        this.restarts = restarts;
        this.slurm = slurm;
    }

    /** Refuses what would end the job and lose something, or leave it out of the queue. */
    static Requeueing checked(String id, JobRegistry.Job job, Slurm slurm, CheckpointRequest request) {
        RunRecord run = job.directory()
                .run()
                .filter(known -> known.place().mayBeAlive())
                .orElseThrow(() -> refused(id, "it has no quiesce run in its script that would do it"));
        if (run.again() == RunRecord.Again.BEGINS) {
            throw refused(
                    id, "its script would begin anew; start the program there by \"quiesce run --restart -- ...\"");
        }
        if (!new Coordinator(job, Map.of()).reference(request).equals(run.referencePath())) {
            throw refused(id, "its script would not look into that ImageDir; leave it out, or use vacate");
        }
        String number = run.place().slurm();
        ShownJob shown = slurm.shown(number).orElseThrow(() -> refused(id, "Slurm does not say how it stands"));
        if (!shown.isBatch()) {
            throw refused(id, "it is no batch job");
        }
        if (!shown.mayBeQueuedAgain()) {
            throw refused(
                    id,
                    "it was submitted with --no-requeue, or its site has JobRequeue=0; \"scontrol update jobid="
                            + number + " requeue=1\" allows it");
        }
        return new Requeueing(number, shown.restarts(), slurm);
    }

    private static CrException refused(String id, String why) {
        return new CrException(
                ErrorCode.REFUSED, "job " + id + " is not ended, since it cannot be queued again: " + why);
    }

    /** Returns when Slurm has the job in its queue. */
    void await() {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (System.nanoTime() < end) {
            if (slurm.shown(number).filter(this::isQueuedAgain).isPresent()) {
                return;
            }
            LockSupport.parkNanos(TURN.toNanos());
        }
        throw new CrException(
                ErrorCode.TIMEOUT,
                "job " + number + " was checkpointed and ended, but Slurm has not queued it again; its output says why,"
                        + " and \"scontrol requeue " + number + "\" may do it");
    }

    private boolean isQueuedAgain(ShownJob now) {
        return now.restarts() > restarts || now.state().equals("PENDING");
    }
}
