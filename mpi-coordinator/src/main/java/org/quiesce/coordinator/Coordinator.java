// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.quiesce.coordinator.agent.JobKey;
import org.quiesce.coordinator.agent.NodeAddress;
import org.quiesce.coordinator.core.Failure;
import org.quiesce.coordinator.core.Limits;
import org.quiesce.coordinator.core.Outcome;
import org.quiesce.coordinator.core.RoundPlan;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.JobRegistry.Job;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.coordinator.store.StoreSpec;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.Begin;
import org.quiesce.wire.proto.NodeRecord;

/** Takes checkpoints of one job. */
public final class Coordinator {
    private static final String OLD_NAME = "ompi_global_snapshot_%d.ckpt";
    private static final String NO_RANKS =
            "no rank of the job is in MPI: either none has reached MPI_Init yet, then try again later, or all have ended";
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final long HOOK_MILLIS = 3_000;

    private final Job job;
    private final Map<String, String> environment;
    private Optional<String> lower = Optional.empty();

    /** A coordinator for a job that is alive. */
    public Coordinator(Job job, Map<String, String> environment) {
        this.job = job;
        this.environment = environment;
    }

    /** Where the checkpoints of the job go: DIR/REF. */
    public Path reference(CheckpointRequest request) {
        return new ReferencePlace(job, environment).of(request.directory());
    }

    /** What a reference is called when nobody has given it a name. */
    static String usualName(long launcher) {
        return String.format(Locale.ROOT, OLD_NAME, launcher);
    }

    /** Takes one checkpoint and returns when it exists; throws why there is none. */
    public Committed checkpoint(CheckpointRequest request, RoundListener listener) {
        job.directory().checkpoints().checkEnabled();
        if (job.nodes().isEmpty()) {
            throw new CrException(ErrorCode.NOT_READY, NO_RANKS);
        }
        ReferenceDirectory reference = new ReferenceDirectory(reference(request));
        reference.create();
        fence(reference).check(incarnation(reference));
        // What it says of itself goes with a job that the checkpoint ends.
        Optional<RunRecord> run = job.directory().run().filter(record -> isOwn(record, reference));
        CountDownLatch over = new CountDownLatch(1);
        try {
            Committed committed = reference.whileLocked(() -> job.directory()
                    .checkpoints()
                    .noting(reference, Clock.systemUTC(), () -> locked(request, listener, reference, over)));
            run.ifPresent(own -> BatchRecord.keep(reference.path(), own, new Slurm(environment)));
            return committed;
        } finally {
            over.countDown();
        }
    }

    /**
     * Brings the images of a checkpoint that is on the disks of the nodes to the directory that all nodes see. Returns why that
     * is not done when this time (of {@link System#nanoTime}) has come; empty: it is.
     */
    public Optional<String> raise(Path sequence, long until) {
        Optional<String> problem = Relocation.orReason(() -> Relocation.perform(job, sequence, until));
        if (problem.isEmpty()) {
            ReferenceDirectory reference = new ReferenceDirectory(sequence.resolve(".."));
            try {
                reference.whileLocked(() -> prune(reference));
            } catch (CrException e) {
                // another checkpoint is being written: it will
                return problem;
            }
        }
        return problem;
    }

    /** The same for a checkpoint that was just taken; without a limit of the user's as long as writing may take. */
    public Committed raise(Committed committed, OptionalLong maxWaitMillis, long begunAt) {
        if (committed.lower().isEmpty()) {
            return committed;
        }
        return committed.with(raise(committed.path(), until(maxWaitMillis, begunAt)));
    }

    private static long until(OptionalLong maxWaitMillis, long begunAt) {
        return begunAt
                + (maxWaitMillis.isPresent()
                        ? TimeUnit.MILLISECONDS.toNanos(maxWaitMillis.getAsLong())
                        : Relocation.MOST_NANOS);
    }

    private List<Integer> prune(ReferenceDirectory reference) {
        return job.directory()
                .run()
                .filter(run -> run.keep() > 0)
                .map(run -> reference.prune(run.keep()))
                .orElse(List.of());
    }

    /** The directory of this round on each node, if images go there first. */
    private Optional<Path> local(CheckpointRequest request, ReferenceDirectory reference, RoundPlan plan) {
        return request.local()
                .or(() -> request.directory().isPresent()
                        ? Optional.empty()
                        : job.directory().run().flatMap(RunRecord::local))
                .map(base -> StoreSpec.directory(base, reference, plan.sequence(), plan.round()));
    }

    private Committed locked(
            CheckpointRequest request, RoundListener listener, ReferenceDirectory reference, CountDownLatch over) {
        reference.removeLeftovers();
        int sequence = fence(reference).begin(incarnation(reference), reference::nextSequence);
        reference.begin(sequence);
        try {
            Outcome outcome = round(request, listener, reference, sequence, over);
            if (outcome instanceof Outcome.Committed committed) {
                prune(reference);
                return new Committed(reference.path(), sequence, committed.summary(), lower);
            }
            throw failure((Outcome.Failed) outcome);
        } finally {
            reference.abandon(sequence);
        }
    }

    private Outcome round(
            CheckpointRequest request,
            RoundListener listener,
            ReferenceDirectory reference,
            int sequence,
            CountDownLatch over) {
        Path partial = reference.partial(sequence);
        Limits limits = request.maxWaitMillis().isPresent()
                ? Limits.DEFAULT.withRound(request.maxWaitMillis().getAsLong())
                : Limits.DEFAULT;
        RoundPlan plan = new RoundPlan(
                RANDOM.nextLong() >>> 1 | 1,
                sequence,
                worldSize(),
                request.ending().keepsStopped(),
                request.ending().signal(),
                limits);
        Optional<Path> local = local(request, reference, plan);
        ManifestMaker manifests = new ManifestMaker(job, plan, reference, local, Clock.systemUTC());
        long begunAt = System.nanoTime();
        Conductor conductor = new Conductor(
                plan,
                begin(plan, partial, local, reference),
                summary -> {
                    manifests.write(partial, summary);
                    fence(reference).whileNewest(incarnation(reference), () -> {
                        reference.commit(sequence);
                        reference.pointLatest(sequence);
                        return sequence;
                    });
                    job.directory().checkpoints().committed();
                    if (request.ending().keepsStopped()) {
                        job.directory().markEndedByCheckpoint(request.ending().afterwards());
                    }
                    lower = local.flatMap(directory -> lower(request, reference.sequence(sequence), begunAt));
                },
                listener,
                System::nanoTime);
        Thread hook = cancelAtShutdown(conductor, over);
        Outcome outcome =
                conductor.run(addresses(), JobKey.parse(job.directory().key()));
        forget(hook);
        return outcome;
    }

    /** Nodes may lose their processes with the job: it stands still until the images are safe, or its time is over. */
    private Optional<String> lower(CheckpointRequest request, Path sequence, long begunAt) {
        return request.ending().keepsStopped()
                ? Relocation.orReason(() -> Relocation.perform(job, sequence, until(request.maxWaitMillis(), begunAt)))
                : Optional.of("the images are on their way");
    }

    private static Fence fence(ReferenceDirectory reference) {
        return new Fence(reference.path());
    }

    /** Which incarnation of its job this is there; one that writes where the job does not belong is not bound by its fence. */
    private long incarnation(ReferenceDirectory reference) {
        return job.directory()
                .run()
                .map(run -> isOwn(run, reference) ? run.incarnation() : Long.MAX_VALUE)
                .orElse(0L);
    }

    /** Whether what {@code quiesce run} started wants its checkpoints there. */
    private static boolean isOwn(RunRecord run, ReferenceDirectory reference) {
        return run.referencePath().equals(reference.path());
    }

    private int worldSize() {
        return job.nodes().stream()
                .mapToInt(NodeRecord::getWorldSize)
                .filter(size -> size > 0)
                .findFirst()
                .orElseThrow(() -> new CrException(ErrorCode.NOT_READY, NO_RANKS));
    }

    private Begin begin(RoundPlan plan, Path partial, Optional<Path> local, ReferenceDirectory reference) {
        Begin.Builder begin = Begin.newBuilder();
        local.ifPresent(directory -> begin.setNodeLocal(true)
                .setDestination(partial.toString())
                .setKeepFrom(reference.oldestLocal().orElse(plan.sequence())));
        return begin.setRound(plan.round())
                .setSequence(plan.sequence())
                .setDirectory(local.orElse(partial).toString())
                .setDurable(true)
                .setJob(job.name())
                .setWorldSize(plan.worldSize())
                .setKeepStopped(plan.keepStopped())
                .build();
    }

    private List<NodeAddress> addresses() {
        return job.nodes().stream()
                .map(node -> NodeAddress.of(node, LocalProcess.hostName()))
                .toList();
    }

    /** When the user interrupts us, the job must not wait for connections to time out. */
    private static Thread cancelAtShutdown(Conductor conductor, CountDownLatch over) {
        Thread hook = new Thread(() -> {
            conductor.cancel("the checkpoint command was interrupted");
            try {
                over.await(HOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        Runtime.getRuntime().addShutdownHook(hook);
        return hook;
    }

    private static void forget(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // this is the shutdown
            return;
        }
    }

    private CrException failure(Outcome.Failed failed) {
        Failure first = failed.failures().get(0);
        if (first.code() == ErrorCode.AUTH && NodeRevival.isNeeded(job)) {
            return new CrException(
                    ErrorCode.NO_AGENT, "the crnode of this host has just ended; the job goes on, ask again");
        }
        String more = failed.failures().size() == 1
                ? ""
                : " (and " + (failed.failures().size() - 1) + " more like it)";
        return new CrException(first.code(), first.text() + more);
    }
}
