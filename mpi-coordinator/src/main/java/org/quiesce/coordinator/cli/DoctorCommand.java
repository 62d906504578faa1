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
        return new Options()
                .addOption(Usage.value("dir", "DIR", "where references lie: they tell what a checkpoint costs"))
                .addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        if (!line.getArgList().isEmpty()) {
            throw Command.usage("doctor takes no arguments");
        }
        List<Finding> findings = Doctor.examine(
                context.directory().resolve("/"),
                context.environment(),
                Installation.find(context.environment()).libexec(),
                Costs.find(line, context));
        if (line.hasOption("json")) {
            Json.print(findings, context.out());
        } else {
            print(findings, context);
        }
        boolean missing = findings.stream().anyMatch(finding -> finding.verdict() == Finding.Verdict.MISSING);
        return missing ? ExitCode.FAILED.value() : ExitCode.DONE.value();
    }

    /** What was found as a table; what to do about it in words below, which would not fit into one. */
    private static void print(List<Finding> findings, Context context) {
        Table table = new Table("WHAT", "VERDICT", "FOUND");
        for (Finding finding : findings) {
            table.row(finding.what(), finding.verdict().name().toLowerCase(Locale.ROOT), finding.found());
        }
        table.print(context.out());
        findings.stream()
                .filter(finding -> !finding.remedy().isEmpty())
                .forEach(finding -> context.out().println('\n' + finding.what() + ":\n    " + finding.remedy()));
    }
}
