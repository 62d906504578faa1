// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.JobProcess;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.launch.Notices;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.ExitCode;

/** Runs a job's launcher from its start to its end, and takes checkpoints meanwhile. */
public final class ResidentJob {
    private static final Duration STOP = Duration.ofSeconds(20);

    /** Slurm may give a job to a host that is lost until it knows of that: by default two or three times. */
    private static final int MOST_LOSSES = 5;

    private final ResidentPlan plan;
    private final Map<String, String> environment;
    private final Notices notices;
    private final PrintStream err;

    /** A job that has not started. */
    public ResidentJob(ResidentPlan plan, Map<String, String> environment, Notices notices, PrintStream err) {
        this.plan = plan;
        this.environment = environment;
        this.notices = notices;
        this.err = err;
    }

    /**
     * Starts the launcher, waits for its end, and returns its exit status; that of {@link ExitCode#REQUEUE} if a checkpoint
     * has ended the job. One that moves to other hosts is started there.
     */
    public int run() {
        Stay stay = stay();
        while (stay.next().isPresent()) {
            stay = new ResidentJob(stay.next().get(), environment, notices, err).stay();
        }
        return stay.status();
    }

    /** What came of a job on its hosts: its exit status, or how it goes on elsewhere. */
    private record Stay(int status, Optional<ResidentPlan> next) {}

    private Stay stay() {
        JobRegistry registry = JobRegistry.of(environment);
        registry.sweep();
        RunRecord.Place place = RunRecord.Place.here(environment);
        JobDirectory directory =
                JobDirectory.create(registry.home(), plan.name().isEmpty() ? "job-" + place.pid() : plan.name());
        try {
            return stay(directory, place);
        } finally {
            directory.remove();
        }
    }

    private Stay stay(JobDirectory directory, RunRecord.Place place) {
        directory.write(record(place, plan.checkpoints().reference()));
        new Slurm(environment).skipSteps();
        long started = System.nanoTime();
        JobProcess process = JobProcess.start(plan.words(), environmentOf(directory), plan.workingDirectory(), notices);
        RunRecord.Place withLauncher = place.with(process.pid());
        String reference = reference(process.pid());
        Incarnation incarnation = plan.checkpoints().incarnation();
        directory.write(record(withLauncher, reference));
        Keeper keeper = new Keeper(
                new Keeper.Job(directory, plan.checkpoints().directory().resolve(reference), process, incarnation),
                plan.policy(),
                environment,
                err);
        Thread thread = new Thread(() -> keeper.keep(notices), "keeper");
        thread.setDaemon(true);
        Optional<Thread> moving = mover(directory, reference, keeper);
        thread.start();
        int status = process.await();
        keeper.over();
        stop(thread);
        moving.ifPresent(ResidentJob::stop);
        int end = ended(directory, keeper, status, TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - started));
        return new Stay(end, keeper.moved().flatMap(move -> elsewhere(move, process)));
    }

    /** How the job goes on on other hosts; not at all if somebody has wanted its end meanwhile. */
    private Optional<ResidentPlan> elsewhere(Keeper.Move move, JobProcess process) {
        if (process.unheard().isPresent()) {
            err.println("quiesce: SIG" + process.unheard().get() + ": the job is not started on "
                    + move.destination().names() + "; it can go on from " + move.sequence());
            return Optional.empty();
        }
        err.println("quiesce: the job goes on on " + move.destination().names());
        Restart restart = Restart.at(move.sequence());
        LauncherCommand command = restart.command(
                Installation.find(environment),
                restart.recordedLauncher(),
                Optional.empty(),
                move.destination().options(),
                environment);
        ResidentPlan.Checkpoints checkpoints = plan.checkpoints().with(restart.referenceName(), next(move));
        return Optional.of(
                restart.plan(command, command.options(LauncherCommand.RESTORE_WORDS), environment, checkpoints)
                        .with(plan.policy()));
    }

    /** A job whose reference nobody else may know has no incarnations. */
    private Incarnation next(Keeper.Move move) {
        Incarnation now = plan.checkpoints().incarnation();
        return now.number() == 0
                ? now
                : Incarnation.take(move.sequence().resolve("..").normalize(), environment, false, err::println);
    }

    /** Says in the ledger how the launcher has ended, and returns the status to end with. */
    private int ended(JobDirectory directory, Keeper keeper, int status, long ranMillis) {
        Incarnation incarnation = plan.checkpoints().incarnation();
        boolean paused = directory.endedByCheckpoint() || keeper.ending().isPresent();
        Optional<Interruption> interruption = status != 0 && !paused ? interruption(directory) : Optional.empty();
        if (interruption.isPresent() && goesOn(interruption.get(), keeper.reference(), ranMillis)) {
            return end(Keeper.Ending.REQUEUE, status, keeper.onNodesOnly());
        }
        // Slurm ends steps by a signal that is the program's when nobody has asked for it.
        boolean unfinished = paused || plan.policy().requeue() == ResidentPolicy.Requeue.FORWARD;
        incarnation.ended(status != 0 && (unfinished || interruption.isPresent()), ranMillis);
        return keeper.ending()
                .map(ending -> end(ending, status, keeper.onNodesOnly()))
                .orElseGet(() -> statusOf(directory, status));
    }

    private Optional<Thread> mover(JobDirectory directory, String reference, Keeper keeper) {
        if (plan.checkpoints().local().isEmpty()) {
            return Optional.empty();
        }
        Mover mover = new Mover(directory, plan.checkpoints().directory().resolve(reference), environment, err);
        keeper.tell(mover);
        Thread thread = new Thread(mover, "mover");
        thread.setDaemon(true);
        thread.start();
        return Optional.of(thread);
    }

    /** Why the job is to run again though no checkpoint has ended it: it then goes on from the one before. */
    private Optional<Interruption> interruption(JobDirectory directory) {
        boolean asked = switch (plan.policy().requeue()) {
            case EXIT, SCONTROL, HOLD -> true;
            case FORWARD, NONE -> false;
        };
        return asked ? Interruption.of(JobRegistry.Job.of(directory), new Slurm(environment)) : Optional.empty();
    }

    /** Says in the ledger that the job is to run again. Not for ever: a program that fails by itself does so each time. */
    private boolean goesOn(Interruption why, Path reference, long ranMillis) {
        Incarnation incarnation = plan.checkpoints().incarnation();
        err.println("quiesce: " + why.text() + "; it can go on from its checkpoint before, if any");
        if (why.bySlurm()) {
            incarnation.note(ranMillis);
            return true;
        }
        int times = Math.max(
                incarnation.lost(new ReferenceDirectory(reference).newest().orElse(-1), ranMillis),
                incarnation.number() == 0 ? new Slurm(environment).restarts() + 1 : 0);
        if (times > MOST_LOSSES) {
            err.println("quiesce: that has ended " + times
                    + " runs in a row without a new checkpoint; the job is not queued"
                    + " again by itself, the same command goes on from its checkpoint");
        }
        return times <= MOST_LOSSES;
    }

    private int statusOf(JobDirectory directory, int status) {
        return directory
                .afterwards()
                .map(afterwards -> switch (afterwards) {
                    case AGAIN -> status != 0 ? ExitCode.REQUEUE.value() : status;
                    case QUEUED -> {
                        requeue(false);
                        yield ExitCode.REQUEUE.value();
                    }
                    case NOTHING -> {
                        err.println(
                                "quiesce: the job was halted after a checkpoint, and is not to run again by itself");
                        yield status;
                    }
                })
                .orElse(status);
    }

    private int end(Keeper.Ending ending, int status, boolean onNodesOnly) {
        return switch (ending) {
            case FENCED -> ExitCode.of(ErrorCode.FENCED).value();
            case MOVE -> ExitCode.REQUEUE.value();
            case AS_LAUNCHER -> onNodesOnly ? ExitCode.LOWER_LEVEL.value() : status;
            case REQUEUE -> {
                requeue();
                yield ExitCode.REQUEUE.value();
            }
        };
    }

    private void requeue() {
        boolean hold = plan.policy().requeue() == ResidentPolicy.Requeue.HOLD;
        if (hold || plan.policy().requeue() == ResidentPolicy.Requeue.SCONTROL) {
            requeue(hold);
        }
    }

    private void requeue(boolean hold) {
        Slurm slurm = new Slurm(environment);
        if (slurm.job().isEmpty()) {
            return;
        }
        if (!plan.checkpoints().incarnation().goesOn()) {
            err.println("quiesce: job " + slurm.job() + " is not queued again, since it has had several equal steps");
            return;
        }
        if (!slurm.mayRequeue()) {
            err.println("quiesce: Slurm itself has ended job " + slurm.job() + "; what becomes of it is up to Slurm");
            return;
        }
        String done = slurm.requeue(hold) ? " is queued again" : " was not queued again: Slurm has refused it";
        err.println("quiesce: job " + slurm.job() + done);
    }

    /** Of a job without a name it is known when the launcher is. Nodes of Slurm use the same pids for other jobs. */
    private String reference(long launcher) {
        String given = plan.checkpoints().reference().isEmpty()
                ? plan.name()
                : plan.checkpoints().reference();
        Slurm slurm = new Slurm(environment);
        String usual =
                slurm.isBatch() ? "slurm-" + slurm.unambiguous() + '-' + launcher : Coordinator.usualName(launcher);
        return given.isEmpty() ? usual : given;
    }

    private RunRecord record(RunRecord.Place place, String reference) {
        return new RunRecord(
                plan.name(),
                place,
                plan.checkpoints().directory(),
                reference,
                plan.checkpoints().incarnation().number(),
                plan.checkpoints().keep(),
                plan.launcher(),
                plan.programWords(),
                plan.checkpoints().local(),
                plan.checkpoints().again());
    }

    private Map<String, String> environmentOf(JobDirectory directory) {
        Map<String, String> all = new HashMap<>(plan.environment());
        all.put("QUIESCE_JOB_DIR", directory.path().toString());
        if (!plan.name().isEmpty()) {
            all.put("QUIESCE_JOB", plan.name());
        }
        return all;
    }

    private static void stop(Thread thread) {
        thread.interrupt();
        try {
            thread.join(STOP.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
