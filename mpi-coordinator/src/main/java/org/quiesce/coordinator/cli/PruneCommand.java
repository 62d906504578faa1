// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;

/** {@code quiesce prune}. */
final class PruneCommand implements Command {
    @Override
    public String name() {
        return "prune";
    }

    @Override
    public String arguments() {
        return "[DIR] --keep N";
    }

    @Override
    public String purpose() {
        return "remove all but the newest checkpoints of each job in a directory, or of one reference";
    }

    @Override
    public Options options() {
        return new Options()
                .addOption(Usage.value("keep", "N", "how many stay"))
                .addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        if (!line.hasOption("keep")) {
            throw Command.usage("--keep N is missing: how many checkpoints are to stay?");
        }
        int keep = Command.number(line, "keep", 1);
        Path directory = line.getArgList().isEmpty()
                ? context.checkpointDirectory()
                : context.directory().resolve(Command.argument(line, "DIR"));
        List<String> removed = new ArrayList<>();
        for (ReferenceDirectory reference : references(directory)) {
            List<Integer> old = reference.whileLocked(() -> reference.prune(keep));
            old.forEach(sequence -> removed.add(
                    reference.path().resolve(Integer.toString(sequence)).toString()));
        }
        if (line.hasOption("json")) {
            Json.print(removed, context.out());
        } else {
            removed.forEach(path -> context.out().println("removed " + path));
        }
        return 0;
    }

    private static List<ReferenceDirectory> references(Path directory) {
        ReferenceDirectory itself = new ReferenceDirectory(directory);
        List<ReferenceDirectory> inside = new ReferenceLocator(directory).all();
        return inside.isEmpty() || !itself.sequences().isEmpty() ? List.of(itself) : inside;
    }
}
