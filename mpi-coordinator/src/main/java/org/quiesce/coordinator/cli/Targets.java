// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.List;
import java.util.Optional;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** The job that a person means. */
final class Targets {
    private Targets() {}

    static JobRegistry.Job find(String target, Context context) {
        JobRegistry registry = JobRegistry.of(context.environment());
        try {
            return registry.find(target);
        } catch (CrException e) {
            String step =
                    e.code() == ErrorCode.NO_AGENT ? stepOf(target, context).orElse("") : "";
            if (step.isEmpty()) {
                throw e;
            }
            return registry.find("slurm:" + step);
        }
    }

    /** Ranks of srun do not descend from it, so they do not know its pid; Slurm does. */
    private static Optional<String> stepOf(String target, Context context) {
        if (!target.matches("[0-9]{1,9}")) {
            return Optional.empty();
        }
        long pid = Long.parseLong(target);
        boolean srun = LocalProcess.arguments(pid).orElse(List.of("")).get(0).matches("(.*/)?srun");
        return srun ? new Slurm(context.environment()).stepOf(LocalProcess.hostName(), pid) : Optional.empty();
    }
}
