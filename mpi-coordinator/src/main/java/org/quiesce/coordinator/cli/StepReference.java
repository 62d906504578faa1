// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.quiesce.coordinator.Incarnation;
import org.quiesce.coordinator.launch.Slurm;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.Ledger;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

/**
 * Where the checkpoints of a step are that asks for them by options of Slurm alone, so that it goes on when its job is queued
 * again and its script is run once more. A step is known by all that it is started with: the job's number, its words, its
 * working directory and its environment. Two steps of one run of the job in which all that is equal cannot be told apart by
 * the next run; neither of them ever goes on by itself then. Nor is a step that has ended well gone on from. A step that
 * begins although one with its words was interrupted says so: the environment of that one was another.
 */
final class StepReference {
    /** What differs from run to run, or from node to node. */
    private static final List<String> PREFIXES = List.of("SLURM", "SBATCH_", "PMIX_", "PMI_", "QUIESCE_", "XDG_");

    private static final Set<String> NAMES = Set.of(
            "_",
            "SHLVL",
            "HOST",
            "HOSTNAME",
            "TMPDIR",
            "ENVIRONMENT",
            "CUDA_VISIBLE_DEVICES",
            "GPU_DEVICE_ORDINAL",
            "ROCR_VISIBLE_DEVICES",
            "ZE_AFFINITY_MASK");

    private static final int DIGITS = 16;

    private final Slurm slurm;
    private final Map<String, String> environment;
    private final Path path;

    /** What the names begin with of all references of the job's steps with these words. */
    private final String family;

    /** Of a step with these words, whose checkpoints lie in {@code directory}. */
    StepReference(Context context, Path directory, List<String> words) {
        environment = context.environment();
        slurm = new Slurm(environment);
        String place = context.directory().toString();
        family = "slurm-" + slurm.unambiguous() + "-step-" + digest(words, place, Map.of()) + '-';
        path = directory.resolve(family + digest(words, place, environment));
    }

    private static String digest(List<String> words, String directory, Map<String, String> environment) {
        Map<String, String> kept = new TreeMap<>(environment);
        kept.keySet().removeIf(name -> NAMES.contains(name) || PREFIXES.stream().anyMatch(name::startsWith));
        List<String> parts = new ArrayList<>(words);
        parts.add(directory);
        kept.forEach((name, value) -> parts.add(name + '=' + value));
        // No word and no variable has a null.
        String all = words.size() + "\0" + String.join("\0", parts);
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(all.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(hash).substring(0, DIGITS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    Path path() {
        return path;
    }

    /** Whether an earlier run of the job has left something here to go on from, or may have. */
    boolean isAgain() {
        return slurm.restarts() > 0;
    }

    /** Makes this step the one whose checkpoints are there; empty if it cannot be told from another one. */
    Optional<Incarnation> take(Consumer<String> warnings) {
        if (!isLeftBefore()) {
            return close(warnings);
        }
        if (isAgain() && new Fence(path).ledger().incarnation() == 0) {
            unlike().ifPresent(other ->
                    warnings.accept("quiesce: this step begins from its start, though a step of this job"
                            + " with the same words was interrupted: its environment was another one, when it was begun. To go on"
                            + " from its checkpoint, give --restart-dir=" + other));
        }
        try {
            return Optional.of(Incarnation.take(path, environment, !isAgain(), warnings));
        } catch (CrException e) {
            if (e.code() != ErrorCode.BUSY) {
                throw e;
            }
            return close(warnings);
        }
    }

    /** The reference of a step with the same words that has a checkpoint, and that no step of this run has gone on from. */
    private Optional<Path> unlike() {
        List<Path> interrupted = new ArrayList<>();
        try (DirectoryStream<Path> references = Files.newDirectoryStream(parent(), family + '*')) {
            references.forEach(other -> {
                Ledger before = new Fence(other).ledger();
                if (before.slurmRestarts() < slurm.restarts()
                        && before.state() != Ledger.State.ENDED
                        && new ReferenceDirectory(other).newest().isPresent()) {
                    interrupted.add(other);
                }
            });
        } catch (IOException | DirectoryIteratorException | CrException e) {
            // what cannot be read cannot be gone on from either
            return Optional.empty();
        }
        return interrupted.stream().min(Comparator.naturalOrder());
    }

    private Path parent() {
        return Optional.ofNullable(path.getParent()).orElse(path);
    }

    /** Whether nothing is there, or something that an earlier run of the job did not finish. */
    private boolean isLeftBefore() {
        Fence fence = new Fence(path);
        Ledger before = fence.ledger();
        boolean unfinished = before.slurmRestarts() < slurm.restarts() && before.state() != Ledger.State.ENDED;
        return before.incarnation() == 0 || unfinished && !fence.isClosed();
    }

    private Optional<Incarnation> close(Consumer<String> warnings) {
        new Fence(path).close();
        warnings.accept(
                "quiesce: this job has had an equal step before, so this one begins, and does not go on by itself"
                        + " when the job is queued again; \"quiesce run --restart --name NAME -- srun ...\" tells them apart");
        return Optional.empty();
    }
}
