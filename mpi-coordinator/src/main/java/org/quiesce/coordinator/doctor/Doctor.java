// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Looks at this host, and at the site to which it belongs. */
public final class Doctor {
    private Doctor() {}

    /** Everything that can be seen from here, by a user whose checkpoints cost this. */
    public static List<Finding> examine(Path root, Map<String, String> environment, Path libexec, CheckpointCost cost) {
        Sources sources = new Sources(root);
        List<Finding> findings = new ArrayList<>();
        findings.addAll(new SoftwareChecks(sources, libexec).findings());
        findings.addAll(TransportChecks.ofThisHost(sources).findings());
        findings.addAll(new KernelChecks(sources).findings());
        findings.addAll(new LimitChecks(sources, environment).findings());
        findings.addAll(new SlurmChecks(sources, environment, cost).findings());
        return findings;
    }
}
