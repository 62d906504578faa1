// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code ompi-migrate}: refuses, and says how the same is reached in two steps. */
final class OmpiMigrateCommand implements OldCommand {
    @Override
    public String name() {
        return "ompi-migrate";
    }

    @Override
    public String arguments() {
        return "PID_OF_MPIRUN";
    }

    @Override
    public String purpose() {
        return "not available: use ompi-checkpoint --term, then ompi-restart --hostfile";
    }

    @Override
    public Options options() {
        return OldNames.common()
                .addOption("x", "off", true, "nodes to leave")
                .addOption("t", "onto", true, "nodes to go to")
                .addOption("r", "ranks", true, "ranks to move")
                .addOption(Usage.value("hnp-pid", "PID", "the pid of mpirun"));
    }

    @Override
    public int run(CommandLine line, Context context) {
        String pid = line.hasOption("hnp-pid") ? line.getOptionValue("hnp-pid") : String.join(" ", line.getArgList());
        if (pid.isEmpty()) {
            throw Command.usage("PID_OF_MPIRUN is missing");
        }
        throw new CrException(
                ErrorCode.NO_SUPPORT,
                "a job cannot be moved while it runs; do: ompi-checkpoint --term " + pid
                        + ", then: ompi-restart --hostfile FILE with the reference that it prints");
    }
}
