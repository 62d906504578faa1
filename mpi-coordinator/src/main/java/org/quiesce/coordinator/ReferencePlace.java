// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.quiesce.coordinator.launch.OpenMpiParameters;
import org.quiesce.coordinator.store.JobRegistry.Job;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Where the checkpoints of a job go. In this order: what the request says, what {@code quiesce run} said, Open MPI's
 * parameters, {@code QUIESCE_DIR}, the job's working directory.
 */
final class ReferencePlace {
    private final Job job;
    private final Map<String, String> environment;

    ReferencePlace(Job job, Map<String, String> environment) {
        this.job = job;
        this.environment = environment;
    }

    /** DIR/REF. */
    Path of(Optional<Path> requested) {
        Optional<RunRecord> run = job.directory().run();
        OpenMpiParameters parameters = parameters();
        Path directory = requested
                .or(() -> run.map(RunRecord::directory))
                .or(() -> parameters.snapshotDirectory().map(this::besideTheJob))
                .orElseGet(this::usual);
        return directory.resolve(run.map(RunRecord::reference)
                .filter(given -> !given.isEmpty())
                .or(() -> run.map(RunRecord::name).filter(given -> !given.isEmpty()))
                .or(() -> parameters.snapshotReference().map(ReferencePlace::name))
                .orElseGet(() -> Coordinator.usualName(job.launcherPid())));
    }

    /** What the launcher was told goes before what we are told. */
    private OpenMpiParameters parameters() {
        Map<String, String> all = new HashMap<>(environment);
        all.putAll(LocalProcess.environment(job.launcherPid()));
        return OpenMpiParameters.of(LocalProcess.arguments(job.launcherPid()).orElse(List.of()), all);
    }

    private Path usual() {
        String given = environment.getOrDefault("QUIESCE_DIR", "");
        return given.isEmpty() ? besideTheJob("") : Path.of(given);
    }

    private Path besideTheJob(String directory) {
        return Path.of(job.nodes().get(0).getWorkingDirectory()).resolve(directory);
    }

    private static String name(String reference) {
        Path path = Path.of(reference);
        if (path.getNameCount() != 1 || path.isAbsolute() || reference.startsWith(".")) {
            throw new CrException(
                    ErrorCode.USAGE,
                    "\"" + reference
                            + "\" in base_global_snapshot_ref is not the name of a reference, without a directory");
        }
        return reference;
    }
}
