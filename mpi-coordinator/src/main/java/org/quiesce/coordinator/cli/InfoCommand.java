// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.Levels;
import org.quiesce.coordinator.launch.Words;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;
import org.quiesce.cr.manifest.StorageLevel;
import org.quiesce.cr.manifest.Times;

/** {@code quiesce info}. */
final class InfoCommand implements Command {
    private static final double MICROS_PER_MILLI = 1000.0;

    @Override
    public String name() {
        return "info";
    }

    @Override
    public String arguments() {
        return "REF";
    }

    @Override
    public String purpose() {
        return "show what a checkpoint holds";
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
        Manifest manifest = ManifestFile.read(located.path());
        if (line.hasOption("json")) {
            context.out().print(new String(ManifestFile.encode(manifest), java.nio.charset.StandardCharsets.UTF_8));
        } else {
            print(located, manifest, context);
        }
        return 0;
    }

    private static void print(ReferenceLocator.Located located, Manifest manifest, Context context) {
        Table facts = new Table("CHECKPOINT", located.path().toString());
        facts.row("job", manifest.job().name());
        facts.row("program", Words.join(manifest.job().arguments()));
        facts.row("working directory", manifest.job().workingDirectory());
        facts.row(
                "launcher",
                manifest.job().launcher().name()
                        + ' '
                        + Words.join(manifest.job().launcher().options()));
        facts.row(
                "MPI",
                manifest.job().mpi().library() + ' ' + manifest.job().mpi().version());
        facts.row("committed", manifest.times().committedAt());
        facts.row("complete sequences", located.reference().sequences());
        facts.row("size", Table.size(manifest.bytes()));
        String level = Levels.of(located.path(), manifest);
        facts.row(
                "storage level",
                level.equals(StorageLevel.LOCAL)
                        ? level + ", in " + manifest.localDirectory().orElse("") + " on each host"
                        : level);
        facts.row("written by", "Quiesce " + manifest.quiesceVersion());
        facts.print(context.out());
        Table phases = new Table("PHASE", "MILLISECONDS");
        for (Times.PhaseTime phase : manifest.times().phases()) {
            phases.row(phase.phase(), phase.micros() / MICROS_PER_MILLI);
        }
        phases.print(context.out());
        Table ranks = new Table("RANK", "HOST", "PID", "FILE", "SIZE", "DIGEST");
        for (RankImage image : manifest.ranks()) {
            ranks.row(image.rank(), image.host(), image.pid(), image.file(), Table.size(image.bytes()), image.digest());
        }
        ranks.print(context.out());
    }
}
