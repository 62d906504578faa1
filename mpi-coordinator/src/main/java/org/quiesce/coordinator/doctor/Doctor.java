// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Looks at this host. */
public final class Doctor {
    private Doctor() {}

    /** Everything that can be seen from here. */
    public static List<Finding> examine(Path root, Map<String, String> environment, Path libexec) {
        Sources sources = new Sources(root);
        List<Finding> findings = new ArrayList<>();
        findings.addAll(new SoftwareChecks(sources, libexec).findings());
        findings.addAll(TransportChecks.ofThisHost(sources).findings());
        findings.addAll(new KernelChecks(sources).findings());
        findings.addAll(new LimitChecks(sources, environment).findings());
        return findings;
    }
}
