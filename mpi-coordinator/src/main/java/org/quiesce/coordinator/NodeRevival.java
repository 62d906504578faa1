// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.NodeRecord;

/** Starts the crnode of this host anew when it was killed; the new one takes over the ranks that still run. */
public final class NodeRevival {
    private static final long START_SECONDS = 10;

    private NodeRevival() {}

    /** The job with a crnode of this host that is alive; the job itself if nothing was amiss. */
    public static JobRegistry.Job revive(JobRegistry.Job job, Map<String, String> environment) {
        if (!isNeeded(job)) {
            return job;
        }
        start(Installation.find(environment).nodeProgram(), job.directory().path());
        return JobRegistry.Job.of(job.directory());
    }

    /** Whether a crnode of this host has ended without taking leave. */
    public static boolean isNeeded(JobRegistry.Job job) {
        return job.nodes().stream().anyMatch(NodeRevival::isDead);
    }

    private static boolean isDead(NodeRecord node) {
        return node.getHost().equals(LocalProcess.hostName()) && !LocalProcess.alive(node.getCrnodePid(), 0);
    }

    private static void start(Path program, Path jobDirectory) {
        try {
            Process process = new ProcessBuilder(
                            program.toString(), "--job-dir", jobDirectory.toString(), "--background")
                    .redirectInput(
                            ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (process.waitFor(START_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0) {
                return;
            }
            process.destroyForcibly();
        } catch (IOException e) {
            throw new CrException(ErrorCode.NO_AGENT, "cannot start " + program + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new CrException(
                ErrorCode.NO_AGENT,
                "the crnode of the job in " + jobDirectory
                        + " is gone and no new one could be started; the job goes on, but" + " cannot be checkpointed");
    }
}
