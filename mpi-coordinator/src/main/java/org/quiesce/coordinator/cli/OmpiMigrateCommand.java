// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** {@code ompi-migrate}: {@code quiesce migrate} by its old name. */
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
        return "checkpoint a job of quiesce run and restart it on other hosts";
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
        if (line.hasOption("ranks")) {
            throw new CrException(
                    ErrorCode.NO_SUPPORT, "single ranks cannot be moved; name the hosts to leave by --off HOSTS");
        }
        return MigrateCommand.migrate(pid, line.getOptionValue("off", ""), line.getOptionValue("onto", ""), context);
    }
}
