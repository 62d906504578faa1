// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.List;
import java.util.Locale;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.doctor.Doctor;
import org.quiesce.coordinator.doctor.Finding;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.cr.ExitCode;

/** {@code quiesce doctor}. */
final class DoctorCommand implements Command {
    @Override
    public String name() {
        return "doctor";
    }

    @Override
    public String arguments() {
        return "";
    }

    @Override
    public String purpose() {
        return "say what works on this host, what does not, and what to do";
    }

    @Override
    public Options options() {
        return new Options().addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        if (!line.getArgList().isEmpty()) {
            throw Command.usage("doctor takes no arguments");
        }
        List<Finding> findings = Doctor.examine(
                context.directory().resolve("/"),
                context.environment(),
                Installation.find(context.environment()).libexec());
        if (line.hasOption("json")) {
            Json.print(findings, context.out());
        } else {
            Table table = new Table("WHAT", "VERDICT", "FOUND", "REMEDY");
            for (Finding finding : findings) {
                table.row(
                        finding.what(),
                        finding.verdict().name().toLowerCase(Locale.ROOT),
                        finding.found(),
                        finding.remedy());
            }
            table.print(context.out());
        }
        boolean missing = findings.stream().anyMatch(finding -> finding.verdict() == Finding.Verdict.MISSING);
        return missing ? ExitCode.FAILED.value() : ExitCode.DONE.value();
    }
}
