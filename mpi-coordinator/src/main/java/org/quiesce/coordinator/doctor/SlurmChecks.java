// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What will go wrong with the jobs of a site of Slurm. */
final class SlurmChecks {
    private static final String SLURM = "Slurm";

    private final Sources sources;
    private final Map<String, String> environment;
    private final CheckpointCost cost;

    SlurmChecks(Sources sources, Map<String, String> environment, CheckpointCost cost) {
        this.sources = sources;
        this.environment = environment;
        this.cost = cost;
    }

    /** Where there is no Slurm, nothing is wrong with it. */
    List<Finding> findings() {
        String job = environment.getOrDefault("SLURM_JOB_ID", "");
        if (job.isEmpty() && !isInstalled()) {
            return List.of(Finding.ok(SLURM, "scontrol is not on the PATH; jobs run without it"));
        }
        Optional<SlurmSite> site = SlurmSite.ask(sources, job);
        return site.map(this::findings)
                .orElseGet(() -> List.of(Finding.limited(
                        SLURM,
                        "scontrol show config has no answer",
                        "start slurmctld, or set PATH and SLURM_CONF so that scontrol finds it; nothing is known of the"
                                + " site's settings now")));
    }

    List<Finding> findings(SlurmSite site) {
        List<Finding> findings = new ArrayList<>(List.of(Finding.ok(
                SLURM,
                site.config().get("SLURM_VERSION") + ", cluster "
                        + site.config().get("ClusterName")
                        + (site.job().isPresent() ? "" : "; \"srun quiesce doctor\" looks at a node of it"))));
        findings.addAll(new PreemptionChecks(site, cost).findings());
        findings.addAll(new RequeueChecks(site, environment.getOrDefault("SLURM_OPEN_MODE", "")).findings());
        findings.addAll(new SlurmPartsChecks(site, sources).findings());
        return findings;
    }

    private boolean isInstalled() {
        return Stream.of(environment.getOrDefault("PATH", "").split(":"))
                .filter(directory -> !directory.isEmpty())
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, "scontrol")));
    }
}
