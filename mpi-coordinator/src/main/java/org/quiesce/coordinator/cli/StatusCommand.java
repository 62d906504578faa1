// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.JobStatus;
import org.quiesce.coordinator.Levels;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.wire.proto.NodeRecord;

/** {@code quiesce status}. */
final class StatusCommand implements Command {
    @Override
    public String name() {
        return "status";
    }

    @Override
    public String arguments() {
        return "[TARGET]";
    }

    @Override
    public String purpose() {
        return "show your jobs, or the ranks of one job and what they wait for";
    }

    @Override
    public Options options() {
        return new Options().addOption(Usage.json());
    }

    @Override
    public int run(CommandLine line, Context context) {
        JobRegistry registry = JobRegistry.of(context.environment());
        if (line.getArgList().isEmpty()) {
            jobs(registry.jobs().stream().map(JobView::of).toList(), line, context);
        } else {
            ranks(Targets.find(Command.argument(line, "TARGET"), context), line, context);
        }
        return 0;
    }

    private static void jobs(List<JobView> jobs, CommandLine line, Context context) {
        if (line.hasOption("json")) {
            Json.print(jobs, context.out());
            return;
        }
        if (jobs.isEmpty()) {
            context.out().println("no jobs");
            return;
        }
        Table table = new Table("JOB", "LAUNCHER", "RANKS", "HOSTS", "PROGRAM", "CHECKPOINTS", "NEWEST");
        for (JobView job : jobs) {
            table.row(
                    job.name,
                    job.launcherPid,
                    job.ranks,
                    String.join(",", job.hosts),
                    job.program,
                    job.directory,
                    job.newest);
        }
        table.print(context.out());
    }

    private static void ranks(JobRegistry.Job job, CommandLine line, Context context) {
        JobStatus status = JobStatus.of(job);
        if (line.hasOption("json")) {
            Json.print(new RanksView(job.name(), status.ranks(), status.silent()), context.out());
            return;
        }
        Table table = new Table("RANK", "HOST", "PID", "PHASE", "SINCE", "RESTARTS", "WAITS FOR");
        for (JobStatus.Rank rank : status.ranks()) {
            table.row(
                    rank.rank(),
                    rank.host(),
                    rank.pid(),
                    rank.phase(),
                    rank.phase().equals("running") ? "" : rank.millis() + " ms",
                    rank.generation(),
                    rank.waitsFor());
        }
        table.print(context.out());
        status.silent().forEach(node -> context.err().println("quiesce: " + node));
    }

    private record JobView(
            String name,
            long launcherPid,
            int ranks,
            List<String> hosts,
            String program,
            String directory,
            String newest) {
        static JobView of(JobRegistry.Job job) {
            NodeRecord first = job.nodes().isEmpty()
                    ? NodeRecord.getDefaultInstance()
                    : job.nodes().get(0);
            return new JobView(
                    job.name(),
                    job.launcherPid(),
                    first.getWorldSize(),
                    job.nodes().stream().map(NodeRecord::getHost).toList(),
                    job.directory()
                            .run()
                            .map(RunRecord::program)
                            .filter(program -> !program.isEmpty())
                            .map(program -> String.join(" ", program))
                            .orElse(String.join(" ", first.getArgumentList())),
                    job.directory()
                            .run()
                            .map(RunRecord::directory)
                            .map(Object::toString)
                            .orElse(first.getWorkingDirectory()),
                    job.directory().run().map(JobView::newest).orElse(""));
        }

        /** The newest checkpoint and the level that it has reached. */
        private static String newest(RunRecord run) {
            ReferenceDirectory reference =
                    new ReferenceDirectory(run.directory().resolve(run.reference()));
            OptionalInt newest = run.reference().isEmpty() ? OptionalInt.empty() : reference.newest();
            if (newest.isEmpty()) {
                return "";
            }
            Path path = reference.path().resolve(Integer.toString(newest.getAsInt()));
            try {
                return newest.getAsInt() + ", " + Levels.of(path, ManifestFile.read(path));
            } catch (CrException e) {
                return newest.getAsInt() + ", damaged";
            }
        }
    }

    private record RanksView(String job, List<JobStatus.Rank> ranks, List<String> silent) {}
}
