// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.PrintStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.launch.JobProcess;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ExitCode;

/** Runs a job's launcher from its start to its end, and takes checkpoints meanwhile. */
public final class ResidentJob {
    private static final long STOP_MILLIS = 5_000;

    private final ResidentPlan plan;
    private final Map<String, String> environment;
    private final PrintStream err;
    private final CountDownLatch ended = new CountDownLatch(1);

    /** A job that has not started. */
    public ResidentJob(ResidentPlan plan, Map<String, String> environment, PrintStream err) {
        this.plan = plan;
        this.environment = environment;
        this.err = err;
    }

    /**
     * Starts the launcher, waits for its end, and returns its exit status; that of {@link ExitCode#REQUEUE} if a checkpoint
     * has ended the job.
     */
    public int run() {
        JobRegistry registry = JobRegistry.of(environment);
        registry.sweep();
        long pid = ProcessHandle.current().pid();
        JobDirectory directory =
                JobDirectory.create(registry.home(), plan.name().isEmpty() ? "job-" + pid : plan.name());
        directory.write(new RunRecord(
                plan.name(),
                pid,
                LocalProcess.startTime(pid),
                plan.checkpoints().directory(),
                plan.checkpoints().reference(),
                plan.checkpoints().keep(),
                plan.launcher(),
                plan.programWords()));
        try {
            JobProcess process = JobProcess.start(plan.words(), environmentOf(directory), plan.workingDirectory());
            Thread periodic = plan.checkpoints()
                    .interval()
                    .map(interval -> periodic(directory, interval))
                    .orElse(new Thread());
            periodic.start();
            int status = process.await();
            ended.countDown();
            stop(periodic);
            return status != 0 && directory.endedByCheckpoint() ? ExitCode.REQUEUE.value() : status;
        } finally {
            directory.remove();
        }
    }

    private Map<String, String> environmentOf(JobDirectory directory) {
        Map<String, String> all = new HashMap<>(plan.environment());
        all.put("QUIESCE_JOB_DIR", directory.path().toString());
        if (!plan.name().isEmpty()) {
            all.put("QUIESCE_JOB", plan.name());
        }
        return all;
    }

    private Thread periodic(JobDirectory directory, Duration interval) {
        Thread thread = new Thread(
                () -> {
                    try {
                        while (!ended.await(interval.toMillis(), TimeUnit.MILLISECONDS)) {
                            checkpoint(directory);
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "periodic");
        thread.setDaemon(true);
        return thread;
    }

    private void checkpoint(JobDirectory directory) {
        try {
            JobRegistry.Job job = NodeRevival.revive(JobRegistry.Job.of(directory), environment);
            new Coordinator(job, environment).checkpoint(CheckpointRequest.plain(), RoundListener.SILENT);
        } catch (CrException e) {
            if (ended.getCount() > 0) {
                err.println("quiesce: no checkpoint this time, the job goes on: " + e.getMessage());
            }
        }
    }

    private static void stop(Thread periodic) {
        periodic.interrupt();
        try {
            periodic.join(STOP_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
