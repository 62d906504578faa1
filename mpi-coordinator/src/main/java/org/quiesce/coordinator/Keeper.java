// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.core.Phase;
import org.quiesce.coordinator.core.Timetable;
import org.quiesce.coordinator.launch.JobProcess;
import org.quiesce.coordinator.launch.Notices;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.HaltRecord;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.MoveRecord;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/** Looks after a job that runs: takes checkpoints when they are due, and ends it when its time is over. */
final class Keeper {
    private static final Duration TURN = Duration.ofMillis(250);
    private static final Duration LAST_WORDS = Duration.ofSeconds(15);
    private static final long ASK_SLURM_MILLIS = 30_000;
    private static final long NOTE_MILLIS = 20_000;
    private static final long TRY_AGAIN_MILLIS = 10_000;

    /** How long a job that has just been started is waited for when its time is over. */
    private static final long READY_MILLIS = 20_000;

    /** During which the job stands still. */
    static final List<Phase> PAUSE = List.of(Phase.STOP, Phase.DRAIN, Phase.CALLBACKS, Phase.DUMP, Phase.RESUME);

    private final Job job;
    private final ResidentPolicy policy;
    private final Map<String, String> environment;
    private final PrintStream err;
    private final Slurm slurm;
    private final Clock clock = Clock.systemUTC();
    private final Timetable timetable;
    private final long startedAt = clock.millis();
    private volatile long notedAt = startedAt;
    private volatile long askedAt;
    private volatile long tryAgainAt;
    private volatile boolean over;
    private volatile Optional<Ending> ending = Optional.empty();
    private volatile Optional<Move> moved = Optional.empty();
    private volatile boolean onNodesOnly;
    private Optional<Mover> mover = Optional.empty();

    /** How {@code quiesce run} is to end. */
    enum Ending {
        /** With the status that asks for another run. */
        REQUEUE,
        /** As the launcher ended. */
        AS_LAUNCHER,
        /** Not at all: the job goes on on other hosts. */
        MOVE,
        /** A newer incarnation has taken over. */
        FENCED
    }

    /** Where the job goes on, and from which checkpoint. */
    record Move(Destination destination, Path sequence) {}

    /** What is looked after. */
    record Job(JobDirectory directory, Path reference, JobProcess process, Incarnation incarnation) {}

    Keeper(Job job, ResidentPolicy policy, Map<String, String> environment, PrintStream err) {
        this.job = job;
        this.policy = policy;
        this.environment = environment;
        this.err = err;
        slurm = new Slurm(environment);
        timetable = new Timetable(wishes(), startedAt);
    }

    private Timetable.Wishes wishes() {
        long used = job.incarnation().usedMillis();
        return new Timetable.Wishes(
                policy.interval().map(Duration::toMillis).orElse(0L),
                policy.auto(),
                job.incarnation().meanMillis(),
                policy.beforeEnd().map(Duration::toMillis).orElse(0L),
                policy.totalTime()
                        .map(total -> Math.max(1, total.toMillis() - used))
                        .orElse(0L));
    }

    /** Why the job was ended from here, if it was. */
    Optional<Ending> ending() {
        return ending;
    }

    /** Where the job goes on, if it does so elsewhere. */
    Optional<Move> moved() {
        return moved;
    }

    /** Whether the last checkpoint, which has ended the job, is on the disks of the nodes only. */
    boolean onNodesOnly() {
        return onNodesOnly;
    }

    /** Where the checkpoints go. */
    Path reference() {
        return job.reference();
    }

    /** Who is told of checkpoints. */
    void tell(Mover other) {
        mover = Optional.of(other);
    }

    /** The job has ended. */
    void over() {
        over = true;
    }

    /** Returns when the job has ended, or was ended. */
    void keep(Notices notices) {
        try {
            while (!over && ending.isEmpty()) {
                Optional<String> signal = notices.poll(TURN);
                if (over) {
                    return;
                }
                if (signal.isPresent()) {
                    signalled(signal.get());
                } else {
                    turn(clock.millis());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void turn(long now) {
        askSlurm(now);
        note(now);
        job.directory()
                .move()
                .filter(record -> record.state() == MoveRecord.State.ASKED)
                .ifPresent(this::move);
        timetable.halt(job.directory().halt().map(this::halt).orElse(Timetable.Halt.NONE));
        switch (now < tryAgainAt ? Timetable.Due.NOTHING : timetable.due(now)) {
            case NOTHING -> {}
            case CHECKPOINT -> periodic();
            case END_OF_ALLOCATION -> last("the allocation ends", false, beforeEnd(), ofRequeue());
            case END_OF_BUDGET ->
                last("the time of --total-time is used up", false, policy.maxWait(), Ending.AS_LAUNCHER);
            case HALT -> last("quiesce halt", false, policy.maxWait(), Ending.AS_LAUNCHER);
        }
    }

    private Optional<Duration> beforeEnd() {
        return Optional.of(Duration.ofMillis(timetable.beforeEnd()));
    }

    private Timetable.Halt halt(HaltRecord record) {
        long newest = new ReferenceDirectory(job.reference()).newest().orElse(-1);
        long left = record.lastSequence() < 0 ? 0 : record.lastSequence() - newest;
        return new Timetable.Halt(
                record.lastSequence() >= 0 && left <= 0 ? -1 : left, record.atMillis(), record.beforeMillis());
    }

    private void askSlurm(long now) {
        if (policy.beforeEnd().isPresent() && now >= askedAt + ASK_SLURM_MILLIS) {
            askedAt = now;
            slurm.remaining().ifPresent(left -> timetable.allocationEnds(now + left.toMillis()));
        }
    }

    /** Nothing that goes wrong here is worth the job, but that another one has taken its place. */
    private void note(long now) {
        if (now < notedAt + NOTE_MILLIS) {
            return;
        }
        notedAt = now;
        try {
            job.incarnation().note(now - startedAt);
        } catch (CrException e) {
            fencedBy(e);
        }
    }

    private boolean fencedBy(CrException e) {
        if (e.code() != ErrorCode.FENCED) {
            return false;
        }
        err.println("quiesce: " + e.getMessage() + "; it is ended");
        ending = Optional.of(Ending.FENCED);
        job.process().end(Duration.ZERO);
        return true;
    }

    private void periodic() {
        try {
            checkpoint(CheckpointRequest.plain());
        } catch (CrException e) {
            if (!over && !fencedBy(e)) {
                err.println("quiesce: no checkpoint this time, the job goes on: " + e.getMessage());
            }
        }
        timetable.tried(clock.millis());
    }

    private Committed checkpoint(CheckpointRequest request) {
        long begun = clock.millis();
        JobRegistry.Job now = NodeRevival.revive(JobRegistry.Job.of(job.directory()), environment);
        Committed committed = new Coordinator(now, environment).checkpoint(request, RoundListener.SILENT);
        mover.ifPresent(Mover::wake);
        committed.summary().warnings().forEach(warning -> err.println("quiesce: warning: " + warning));
        long pause = PAUSE.stream()
                .mapToLong(phase -> committed.summary().phaseMicros().getOrDefault(phase, 0L))
                .sum();
        timetable.measured(clock.millis() - begun, TimeUnit.MICROSECONDS.toMillis(pause));
        return committed;
    }

    private void signalled(String name) {
        last("SIG" + name, name.equals("TERM"), policy.maxWait(), ofRequeue());
    }

    private Ending ofRequeue() {
        return policy.requeue() == ResidentPolicy.Requeue.NONE ? Ending.AS_LAUNCHER : Ending.REQUEUE;
    }

    /** Ends the job with a checkpoint once it is known that it can be started where it is to go on. */
    private void move(MoveRecord wanted) {
        try {
            Destination destination = Destination.of(wanted, JobRegistry.Job.of(job.directory()), slurm);
            destination.check(environment);
            Committed committed = ready(policy.maxWait().map(Duration::toMillis), Ending.MOVE);
            ended(committed, "quiesce migrate");
            if (onNodesOnly) {
                ending = Optional.of(Ending.AS_LAUNCHER);
                job.directory()
                        .write(wanted.refused(
                                ErrorCode.WRITE,
                                "the job is ended by checkpoint " + committed.path()
                                        + ", whose images are on the disks of its hosts only"));
            } else {
                moved = Optional.of(new Move(destination, committed.path()));
                ending = Optional.of(Ending.MOVE);
                job.directory().write(wanted.moved());
            }
            job.process().end(LAST_WORDS);
        } catch (CrException e) {
            if (!over && !fencedBy(e)) {
                err.println("quiesce: quiesce migrate: the job goes on where it is: " + e.getMessage());
                job.directory().write(wanted.refused(e.code(), e.getMessage()));
            }
        }
    }

    private void ended(Committed committed, String why) {
        err.println("quiesce: " + why + ": the job is ended, its checkpoint is " + committed.path());
        onNodesOnly = committed.lower().isPresent();
        committed.lower().ifPresent(reason -> err.println("quiesce: it is on the disks of the nodes only: " + reason));
    }

    /** A checkpoint that ends the job. Without one it goes on, unless its time is over in any case. */
    private void last(String why, boolean inAnyCase, Optional<Duration> limit, Ending how) {
        try {
            Committed committed = ready(limit.map(Duration::toMillis), how);
            ended(committed, why);
            ending = Optional.of(how);
            job.process().end(LAST_WORDS);
        } catch (CrException e) {
            if (over || fencedBy(e)) {
                return;
            }
            String then = inAnyCase ? "the job is ended" : "the job goes on";
            err.println("quiesce: " + why + ": no checkpoint, " + then + ": " + e.getMessage());
            timetable.tried(clock.millis());
            tryAgainAt = clock.millis() + TRY_AGAIN_MILLIS;
            if (inAnyCase) {
                ending = Optional.of(how);
                job.process().end(Duration.ZERO);
            }
        }
    }

    /** A job that has just been started is waited for, a little. */
    private Committed ready(Optional<Long> limit, Ending how) {
        CheckpointRequest.Ending end =
                how == Ending.AS_LAUNCHER ? CheckpointRequest.Ending.HALT : CheckpointRequest.Ending.KILL;
        long begun = clock.millis();
        while (true) {
            long spent = clock.millis() - begun;
            OptionalLong left = limit.map(millis -> OptionalLong.of(Math.max(1, millis - spent)))
                    .orElse(OptionalLong.empty());
            try {
                return checkpoint(new CheckpointRequest(Optional.empty(), end, left));
            } catch (CrException e) {
                boolean later = e.code() == ErrorCode.NOT_READY || e.code() == ErrorCode.BUSY;
                if (over || !later || spent > Math.min(READY_MILLIS, limit.orElse(READY_MILLIS))) {
                    throw e;
                }
                pause();
            }
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(TURN.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
