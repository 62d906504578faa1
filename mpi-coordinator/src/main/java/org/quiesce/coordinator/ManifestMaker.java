// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.quiesce.coordinator.core.Action;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.core.RankResult;
import org.quiesce.coordinator.core.RoundPlan;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.Format;
import org.quiesce.cr.manifest.Job;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;
import org.quiesce.cr.manifest.StorageLevel;
import org.quiesce.cr.manifest.Times;
import org.quiesce.wire.proto.NodeRecord;

/** Makes the manifest of a round from what the nodes, the launcher and the core know. */
final class ManifestMaker {
    /** Variables of the launcher that a restart needs, because they are its options under another name. */
    private static final String LAUNCHER_VARIABLES = "OMPI_";

    private static final String NOT_AGAIN = "OMPI_MCA_orte_fork_agent";

    private final JobRegistry.Job job;
    private final RoundPlan plan;
    private final ReferenceDirectory reference;
    private final Optional<Path> local;
    private final InstantSource clock;
    private final Instant startedAt;

    ManifestMaker(
            JobRegistry.Job job,
            RoundPlan plan,
            ReferenceDirectory reference,
            Optional<Path> local,
            InstantSource clock) {
        this.local = local;
        this.job = job;
        this.plan = plan;
        this.reference = reference;
        this.clock = clock;
        startedAt = clock.instant();
    }

    /** Writes the manifest of a round whose images are all sealed, once each is seen here that is to be seen here now. */
    void write(Path directory, Action.Summary summary) {
        for (int rank = 0; rank < summary.images().size() && local.isEmpty(); rank++) {
            checkImage(directory, summary.images().get(rank), summary.hosts().get(rank));
        }
        Manifest manifest = new Manifest(
                Format.CURRENT,
                Product.version(),
                describeJob(),
                plan.sequence(),
                Manifest.NO_PARENT,
                new Times(startedAt, clock.instant(), phases(summary)),
                images(summary),
                List.of(),
                levels());
        try {
            ManifestFile.write(directory, manifest);
        } catch (IOException e) {
            throw new CrException(
                    ErrorCode.WRITE, "cannot write the manifest in " + directory + ": " + e.getMessage(), e);
        }
    }

    /** A host may have another directory of the same name. Opening the file asks the file system's server for its size. */
    private static void checkImage(Path directory, RankResult result, String host) {
        Path file = directory.resolve(result.image().file());
        try (FileChannel image = FileChannel.open(file)) {
            if (image.size() == result.image().bytes()) {
                return;
            }
            throw new IOException(
                    image.size() + " bytes instead of " + result.image().bytes());
        } catch (IOException e) {
            throw new CrException(
                    ErrorCode.WRITE,
                    host + " has written " + file + ", which is not what is seen here ("
                            + (e instanceof NoSuchFileException ? "no such file" : e.getMessage())
                            + "); the directory for checkpoints must be on a file system that all hosts of the job share"
                            + " (--dir)",
                    e);
        }
    }

    private List<StorageLevel> levels() {
        StorageLevel shared = StorageLevel.shared(reference.path().toString(), local.isEmpty());
        return local.map(directory -> List.of(StorageLevel.local(directory.toString(), true), shared))
                .orElse(List.of(shared));
    }

    private Job describeJob() {
        NodeRecord node = job.nodes().get(0);
        LaunchedWords words = LaunchedWords.of(job);
        List<String> options = words.launcher();
        return new Job(
                reference.name(),
                words.program(reference.name()),
                node.getWorkingDirectory(),
                launcherEnvironment(),
                plan.worldSize(),
                mpi(node.getMpiVersion()),
                new Job.Launcher(options.get(0), options.subList(1, options.size())));
    }

    private SortedMap<String, String> launcherEnvironment() {
        SortedMap<String, String> kept = new TreeMap<>();
        LocalProcess.environment(job.launcherPid()).forEach((variable, value) -> {
            if (variable.startsWith(LAUNCHER_VARIABLES) && !variable.equals(NOT_AGAIN)) {
                kept.put(variable, value);
            }
        });
        return kept;
    }

    /** Splits "Open MPI v4.1.4, ..." into the library and its version. */
    private static Job.Mpi mpi(String text) {
        int at = text.indexOf(" v");
        if (at < 0) {
            return new Job.Mpi(text, "");
        }
        return new Job.Mpi(text.substring(0, at), text.substring(at + 2).split("[, ]", 2)[0]);
    }

    private List<RankImage> images(Action.Summary summary) {
        List<RankImage> images = new ArrayList<>(summary.images().size());
        for (int rank = 0; rank < summary.images().size(); rank++) {
            RankResult result = summary.images().get(rank);
            images.add(new RankImage(
                    rank,
                    summary.hosts().get(rank),
                    result.pid(),
                    result.image().file(),
                    result.image().bytes(),
                    String.format(
                            Locale.ROOT,
                            "%016x%016x",
                            result.image().digestHigh(),
                            result.image().digestLow()),
                    ""));
        }
        return images;
    }

    private static List<Times.PhaseTime> phases(Action.Summary summary) {
        List<Times.PhaseTime> phases = new ArrayList<>();
        long start = 0;
        for (Map.Entry<Phase, Long> phase : summary.phaseMicros().entrySet()) {
            phases.add(new Times.PhaseTime(phase.getKey().title(), start, phase.getValue()));
            start += phase.getValue();
        }
        return phases;
    }
}
