// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.quiesce.coordinator.rehearsal.RehearsalNode;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.manifest.Format;
import org.quiesce.cr.manifest.Job;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;
import org.quiesce.cr.manifest.Times;
import org.quiesce.wire.proto.NodeRecord;

/** Does at installation what commands do, so that the classes they need are in the archive from which Java starts. */
public final class WarmUp {
    private static final String NAME = "rehearsal";

    private WarmUp() {}

    /** Runs commands on a job and a checkpoint that are made up, and throws their output away. */
    public static void main(String[] words) throws IOException {
        Path work = Files.createTempDirectory("quiesce");
        try {
            rehearse(work);
        } finally {
            remove(work);
        }
    }

    private static void rehearse(Path work) throws IOException {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream nowhere = new PrintStream(said, true, StandardCharsets.UTF_8);
        Map<String, String> environment = Map.of("QUIESCE_HOME", work.toString());
        Context context = new Context(nowhere, nowhere, environment, work, false);
        Path checkpoint = Files.createDirectories(work.resolve(NAME).resolve("0"));
        ManifestFile.write(checkpoint, manifest());
        JobDirectory job = JobDirectory.create(work, NAME);
        try (RehearsalNode node = new RehearsalNode(job.key())) {
            describe(job, work, node.port());
            Main.run(context, "checkpoint", "-v", NAME);
            if (Main.run(context, "checkpoint", "--json", NAME) != 0) {
                throw new IllegalStateException(
                        "the rehearsed checkpoint has failed:\n" + said.toString(StandardCharsets.UTF_8));
            }
            for (String line : List.of(
                    "--help",
                    "status --json",
                    "status rehearsal",
                    "list",
                    "list --json",
                    "info rehearsal",
                    "verify rehearsal",
                    "prune --keep 1",
                    "checkpoint --help")) {
                Main.run(context, line.split(" "));
            }
        }
    }

    private static void remove(Path work) throws IOException {
        try (Stream<Path> files = Files.walk(work)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static Manifest manifest() {
        Job job = new Job(
                NAME,
                List.of("program"),
                "/",
                new TreeMap<>(),
                1,
                new Job.Mpi("", ""),
                new Job.Launcher("mpirun", List.of()));
        return new Manifest(
                Format.CURRENT,
                "",
                job,
                0,
                Manifest.NO_PARENT,
                new Times(Instant.EPOCH, Instant.EPOCH, List.of(new Times.PhaseTime("dump", 0, 0))),
                List.of(new RankImage(0, "", 0, "rank-0.cr", 0, "0".repeat(32), "")),
                List.of(),
                List.of());
    }

    private static void describe(JobDirectory job, Path work, int port) throws IOException {
        job.write(new RunRecord(NAME, RunRecord.Place.here(Map.of()), work, NAME, 0, 0, List.of("mpirun"), 0));
        NodeRecord node = NodeRecord.newBuilder()
                .setHost("here")
                .addAddress("127.0.0.1")
                .setPort(port)
                .setWorldSize(1)
                .build();
        Files.write(job.path().resolve("node-here.pb"), node.toByteArray());
    }
}
