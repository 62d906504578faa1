// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.util.List;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.Levels;
import org.quiesce.coordinator.Verification;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ExitCode;

/** {@code quiesce verify}. */
final class VerifyCommand implements Command {
    @Override
    public String name() {
        return "verify";
    }

    @Override
    public String arguments() {
        return "REF";
    }

    @Override
    public String purpose() {
        return "read a checkpoint and compare every byte with its digests";
    }

    @Override
    public Options options() {
        return new Options()
                .addOption("s", "seq", true, "the sequence, instead of the newest")
                .addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        ReferenceLocator.Located located = References.find(line, context);
        Verification verification = Verifying.of(located.path(), context);
        if (line.hasOption("json")) {
            Json.print(View.of(verification), context.out());
        } else {
            verification
                    .damaged()
                    .forEach(finding -> context.err()
                            .println("quiesce: rank " + finding.rank() + ": "
                                    + finding.problem()
                                            .map(CrException::getMessage)
                                            .orElse("")));
            context.out()
                    .println(verification.path() + ": "
                            + (verification.images().size()
                                    - verification.damaged().count())
                            + " of " + verification.images().size() + " images as written, "
                            + Table.size(verification.manifest().bytes()) + ", level "
                            + Levels.of(verification.path(), verification.manifest()));
        }
        return verification
                .damaged()
                .findFirst()
                .flatMap(Verification.Finding::problem)
                .map(problem -> ExitCode.of(problem.code()).value())
                .orElse(0);
    }

    private record View(String path, boolean intact, String level, List<ImageView> images) {
        static View of(Verification verification) {
            return new View(
                    verification.path().toString(),
                    verification.damaged().findAny().isEmpty(),
                    Levels.of(verification.path(), verification.manifest()),
                    verification.images().stream().map(ImageView::of).toList());
        }
    }

    private record ImageView(int rank, String file, long bytes, String problem) {
        static ImageView of(Verification.Finding finding) {
            return new ImageView(
                    finding.rank(),
                    finding.file(),
                    finding.bytes(),
                    finding.problem().map(CrException::getMessage).orElse(""));
        }
    }
}
