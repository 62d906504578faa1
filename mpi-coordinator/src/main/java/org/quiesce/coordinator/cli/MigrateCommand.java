// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.Options;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.MoveRecord;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.ExitCode;
import org.quiesce.wire.proto.NodeRecord;

/** {@code quiesce migrate}. The job's {@code quiesce run} does it: it has the launcher, its environment and its signals. */
final class MigrateCommand implements Command {
    private static final Duration TURN = Duration.ofMillis(100);
    private static final long SEEN_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(120);

    @Override
    public String name() {
        return "migrate";
    }

    @Override
    public String arguments() {
        return "TARGET";
    }

    @Override
    public String purpose() {
        return "checkpoint a job and restart it on other hosts";
    }

    @Override
    public Options options() {
        return new Options()
                .addOption(Usage.value("off", "HOSTS", "leave these hosts: n1,n2 or, under Slurm, n[1-2]"))
                .addOption(Usage.value("onto", "HOSTS", "go to these hosts"));
    }

    @Override
    public int run(CommandLine line, Context context) {
        return migrate(
                Command.argument(line, "TARGET"),
                line.getOptionValue("off", ""),
                line.getOptionValue("onto", ""),
                context);
    }

    private static boolean isEmpty(String hosts) {
        return hosts.chars().allMatch(c -> c == ',' || Character.isWhitespace(c));
    }

    /** Has a job go on on other hosts, and says where it then is. */
    static int migrate(String target, String off, String onto, Context context) {
        if (isEmpty(off) && isEmpty(onto)) {
            throw Command.usage(
                    "say which hosts the job is to leave (--off HOSTS), or to which it is to go (--onto HOSTS)");
        }
        JobRegistry.Job job = Targets.find(target, context);
        RunRecord run = job.directory()
                .run()
                .filter(record -> record.place().mayBeAlive())
                .orElseThrow(() -> new CrException(
                        ErrorCode.REFUSED,
                        "job " + job.name()
                                + " has no quiesce run that would start it elsewhere; do: quiesce checkpoint"
                                + " --kill " + target + ", then: quiesce restart with the reference that it prints, and"
                                + " --hostfile"));
        job.directory()
                .move()
                .filter(before -> before.state() == MoveRecord.State.ASKED)
                .ifPresent(before -> {
                    throw another(job);
                });
        String id = UUID.randomUUID().toString();
        job.directory().write(MoveRecord.asked(id, off, onto));
        awaitAnswer(job, run, id);
        return arrived(job, run, context);
    }

    private static CrException another(JobRegistry.Job job) {
        return new CrException(ErrorCode.BUSY, "another quiesce migrate moves job " + job.name());
    }

    /** Returns when the job is moved, or gone; throws why it is not moved. */
    private static void awaitAnswer(JobRegistry.Job job, RunRecord run, String id) {
        while (true) {
            Optional<MoveRecord> answer = job.directory().move();
            if (answer.isEmpty()) {
                return;
            }
            if (!answer.get().id().equals(id)) {
                throw another(job);
            }
            switch (answer.get().state()) {
                case MOVED -> {
                    return;
                }
                case REFUSED ->
                    throw new CrException(answer.get().code(), answer.get().text());
                case ASKED -> {
                    if (!run.place().mayBeAlive()) {
                        throw new CrException(
                                ErrorCode.NO_AGENT, "the quiesce run of job " + job.name() + " has ended");
                    }
                    pause();
                }
            }
        }
    }

    /** Waits for its ranks on their new hosts. */
    private static int arrived(JobRegistry.Job before, RunRecord run, Context context) {
        JobRegistry registry = JobRegistry.of(context.environment());
        long deadline = System.nanoTime() + SEEN_AGAIN_NANOS;
        while (run.place().mayBeAlive() && System.nanoTime() < deadline) {
            Optional<JobRegistry.Job> now = registry.jobs().stream()
                    .filter(job ->
                            !job.directory().path().equals(before.directory().path()))
                    .filter(job -> !job.nodes().isEmpty())
                    .filter(job -> job.directory()
                            .run()
                            .filter(record ->
                                    record.place().pid() == run.place().pid())
                            .filter(record ->
                                    record.place().host().equals(run.place().host()))
                            .isPresent())
                    .findFirst();
            if (now.isPresent()) {
                context.out()
                        .println(now.get().name() + " is on "
                                + now.get().nodes().stream()
                                        .map(NodeRecord::getHost)
                                        .sorted()
                                        .collect(Collectors.joining(", ")));
                return 0;
            }
            pause();
        }
        context.err()
                .println("quiesce: job " + before.name() + " was ended to be moved, and has not been seen again; what"
                        + " became of it is in the output of its quiesce run, its checkpoints are in "
                        + run.directory().resolve(run.reference()));
        return ExitCode.HOST.value();
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(TURN.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
