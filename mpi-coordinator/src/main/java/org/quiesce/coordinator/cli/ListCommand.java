// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.Levels;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.CrException;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;

/** {@code quiesce list}. */
final class ListCommand implements Command {
    @Override
    public String name() {
        return "list";
    }

    @Override
    public String arguments() {
        return "[DIR]";
    }

    @Override
    public String purpose() {
        return "list the checkpoints in a directory";
    }

    @Override
    public Options options() {
        return new Options().addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        Path directory = line.getArgList().isEmpty()
                ? context.checkpointDirectory()
                : context.directory().resolve(Command.argument(line, "DIR"));
        List<View> found = new ArrayList<>();
        for (ReferenceDirectory reference : new ReferenceLocator(directory).all()) {
            reference.sequences().forEach(sequence -> found.add(View.of(reference, sequence)));
        }
        if (line.hasOption("json")) {
            Json.print(found, context.out());
        } else if (found.isEmpty()) {
            context.out().println("no checkpoints in " + directory);
        } else {
            print(found, context);
        }
        return 0;
    }

    private static void print(List<View> found, Context context) {
        Table table = new Table("REFERENCE", "SEQ", "COMMITTED", "RANKS", "SIZE", "LEVEL", "PROGRAM");
        for (View view : found) {
            table.row(
                    view.reference,
                    view.sequence,
                    view.committed,
                    view.ranks,
                    Table.size(view.bytes),
                    view.level,
                    view.program);
        }
        table.print(context.out());
    }

    /** A manifest that cannot be read makes a row that says so. */
    private record View(
            String reference,
            int sequence,
            String committed,
            int ranks,
            long bytes,
            String level,
            String program,
            String path) {
        static View of(ReferenceDirectory reference, int sequence) {
            Path path = reference.path().resolve(Integer.toString(sequence));
            String name = reference.name();
            try {
                Manifest manifest = ManifestFile.read(path);
                return new View(
                        name,
                        sequence,
                        manifest.times().committedAt().toString(),
                        manifest.job().ranks(),
                        manifest.bytes(),
                        Levels.of(path, manifest),
                        String.join(" ", manifest.job().arguments()),
                        path.toString());
            } catch (CrException e) {
                return new View(name, sequence, "damaged", 0, 0, "", e.getMessage(), path.toString());
            }
        }
    }
}
