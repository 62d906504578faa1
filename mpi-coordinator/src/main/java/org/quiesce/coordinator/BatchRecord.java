// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.quiesce.coordinator.launch.ShownJob;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.BatchFiles;
import org.quiesce.coordinator.store.RunRecord;

/**
 * What lies beside the checkpoints of a batch job of Slurm, so that the job can be submitted once more when Slurm knows it no
 * longer: its script, and how Slurm has shown it.
 *
 * @param script the file
 * @param shown as it ran when it was checkpointed for the first time
 * @param again what the script does when it is run once more
 */
public record BatchRecord(Path script, ShownJob shown, RunRecord.Again again) {
    /** Options of sbatch and what Slurm shows for them. */
    private static final Map<String, String> OPTIONS = new TreeMap<>(Map.ofEntries(
            Map.entry("--job-name", "JobName"),
            Map.entry("--partition", "Partition"),
            Map.entry("--account", "Account"),
            Map.entry("--qos", "QOS"),
            Map.entry("--time", "TimeLimit"),
            Map.entry("--nodes", "NumNodes"),
            Map.entry("--ntasks", "NumTasks"),
            Map.entry("--cpus-per-task", "CPUs/Task"),
            Map.entry("--mem", "MinMemoryNode"),
            Map.entry("--mem-per-cpu", "MinMemoryCPU"),
            Map.entry("--constraint", "Features"),
            Map.entry("--gres", "TresPerNode"),
            Map.entry("--licenses", "Licenses"),
            Map.entry("--comment", "Comment"),
            Map.entry("--chdir", "WorkDir")));

    /** Files, in whose names sbatch would look for patterns. */
    private static final Map<String, String> STREAMS =
            new TreeMap<>(Map.of("--output", "StdOut", "--error", "StdErr", "--input", "StdIn"));

    private static final String NOTHING = "|0|N/A|\\(null\\)";

    /** Writes the record of the job in which this run is, if it is a batch job and has none there yet. */
    static void keep(Path reference, RunRecord run, Slurm slurm) {
        String job = run.place().slurm();
        BatchFiles files = new BatchFiles(reference, job);
        if (job.isEmpty() || files.exist()) {
            return;
        }
        slurm.shown(job)
                .filter(ShownJob::isBatch)
                .ifPresent(shown -> slurm.script(job)
                        .ifPresent(script -> files.write(script, new BatchFiles.Saved(shown.line(), run.again()))));
    }

    /** The record of a job among the checkpoints of this reference. */
    public static Optional<BatchRecord> of(Path reference, String job) {
        BatchFiles files = new BatchFiles(reference, job);
        return files.read().map(saved -> new BatchRecord(files.script(), new ShownJob(saved.shown()), saved.again()));
    }

    /** The words of sbatch that submit it once more; on the same nodes if {@code stick}. */
    public List<String> words(boolean stick) {
        List<String> words = new ArrayList<>();
        OPTIONS.forEach((option, key) -> add(words, option, shown.text(key)));
        STREAMS.forEach((option, key) -> add(words, option, shown.text(key).replace("%", "%%")));
        if (stick) {
            add(words, "--nodelist", shown.word("NodeList"));
        }
        words.add(shown.mayBeQueuedAgain() ? "--requeue" : "--no-requeue");
        // What it has written until now is the beginning of what it writes.
        words.add("--open-mode=append");
        words.add(script.toString());
        words.addAll(arguments());
        return List.copyOf(words);
    }

    private static void add(List<String> words, String option, String value) {
        if (!value.matches(NOTHING)) {
            words.add(option + '=' + value);
        }
    }

    /** Those of the script, as far as Slurm tells them: one that has spaces comes as several. */
    private List<String> arguments() {
        String command = shown.text("Command");
        List<String> words = command.matches(NOTHING) ? List.of() : List.of(command.split(" +"));
        return words.size() < 2 ? List.of() : words.subList(1, words.size());
    }
}
