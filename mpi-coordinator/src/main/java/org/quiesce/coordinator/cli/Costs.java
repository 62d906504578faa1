// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.commons.cli.CommandLine;
import org.quiesce.coordinator.doctor.CheckpointCost;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.CrException;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.Times;

/** What checkpoints have cost. */
final class Costs {
    private static final int LAST = 10;

    private Costs() {}

    /** Of the Slurm job in which we run, if it has taken some, or else of all jobs whose checkpoints lie together. */
    static CheckpointCost find(CommandLine line, Context context) {
        List<Duration> ofJob = newest(ofThisJob(context));
        return CheckpointCost.of(ofJob.isEmpty() ? newest(all(directory(line, context))) : ofJob);
    }

    private static Path directory(CommandLine line, Context context) {
        return line.hasOption("dir")
                ? context.directory().resolve(line.getOptionValue("dir"))
                : context.checkpointDirectory();
    }

    private static List<ReferenceDirectory> ofThisJob(Context context) {
        String slurm = context.environment().getOrDefault("SLURM_JOB_ID", "");
        try {
            return JobRegistry.of(context.environment()).jobs().stream()
                    .flatMap(job -> job.directory().run().stream())
                    .filter(run -> !slurm.isEmpty() && run.place().slurm().equals(slurm))
                    .filter(run -> !run.reference().isEmpty())
                    .map(run -> new ReferenceDirectory(run.directory().resolve(run.reference())))
                    .toList();
        } catch (CrException e) {
            // not knowing is no reason to end: the doctor says then what it assumes
            return List.of();
        }
    }

    private static List<ReferenceDirectory> all(Path directory) {
        try {
            return new ReferenceLocator(directory).all();
        } catch (CrException e) {
            // no such directory: the doctor says then what it assumes
            return List.of();
        }
    }

    private static List<Duration> newest(List<ReferenceDirectory> references) {
        List<Times> times = new ArrayList<>();
        for (ReferenceDirectory reference : references) {
            List<Integer> sequences = reference.sequences();
            for (int sequence : sequences.subList(Math.max(0, sequences.size() - LAST), sequences.size())) {
                read(reference.sequence(sequence), times);
            }
        }
        return times.stream()
                .sorted(Comparator.comparing(Times::committedAt).reversed())
                .limit(LAST)
                .map(time -> Duration.between(time.startedAt(), time.committedAt()))
                .toList();
    }

    private static void read(Path sequence, List<Times> times) {
        try {
            times.add(ManifestFile.read(sequence).times());
        } catch (CrException e) {
            // a damaged one tells nothing; "quiesce verify" names it
            return;
        }
    }
}
