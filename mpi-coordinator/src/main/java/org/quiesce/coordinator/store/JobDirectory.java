// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.quiesce.wire.proto.NodeRecord;

/**
 * The directory in which the parts of one job meet: the key, one record per node, and, under {@code quiesce run}, what that
 * says of the job.
 */
public final class JobDirectory {
    private static final String ENDED = "ended-by-checkpoint";
    private static final String KEY = "key";
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final int KEY_BYTES = 32;
    private static final String RECORDS = "node-*.pb";
    private static final int REMOVE_TRIES = 100;
    private static final int REMOVE_TRIES_ELSEWHERE = 300;
    private static final long REMOVE_MILLIS = 10;

    private final Path path;

    /** The directory at this path, which need not exist. */
    public JobDirectory(Path path) {
        this.path = path;
    }

    /** Makes a new one below {@code home}, with a fresh key. */
    public static JobDirectory create(Path home, String name) {
        byte[] unique = new byte[4];
        RANDOM.nextBytes(unique);
        Path path = home.resolve("jobs")
                .resolve(fileName(name) + '-' + HexFormat.of().formatHex(unique));
        byte[] key = new byte[KEY_BYTES];
        RANDOM.nextBytes(key);
        try {
            DurableFiles.createDirectories(DurableFiles.parent(path));
            DurableFiles.createDirectory(path);
            DurableFiles.write(
                    path.resolve(KEY), (HexFormat.of().formatHex(key) + '\n').getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw DurableFiles.failure("cannot make the job's directory", path, e);
        }
        return new JobDirectory(path);
    }

    private static String fileName(String name) {
        return name.replaceAll("[^A-Za-z0-9._-]", "_");
    }

    /** Where it lies. */
    public Path path() {
        return path;
    }

    /** The key, as 64 hexadecimal digits. */
    public String key() {
        try {
            DurableFiles.checkOwner(path);
            return Files.readString(path.resolve(KEY)).strip();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read the job's key in", path, e);
        }
    }

    /** The nodes that have said where their crnode listens; records that cannot be understood are left out. */
    public List<NodeRecord> nodes() {
        List<NodeRecord> records = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(path, RECORDS)) {
            for (Path file : files) {
                parse(file).ifPresent(records::add);
            }
        } catch (NoSuchFileException e) {
            // the job has ended since somebody saw its directory
            return List.of();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot read the job's directory", path, e);
        }
        return records;
    }

    private static Optional<NodeRecord> parse(Path file) {
        try {
            return Optional.of(NodeRecord.parseFrom(Files.readAllBytes(file)));
        } catch (IOException e) {
            // removed meanwhile, or not a record: either way there is nobody to talk to
            return Optional.empty();
        }
    }

    /** What {@code quiesce run} has said. */
    public Optional<RunRecord> run() {
        try {
            return RunRecord.read(path);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Says what {@code quiesce run} has to say. */
    public void write(RunRecord record) {
        writing(() -> record.write(path));
    }

    /** What becomes of a job that a checkpoint has ended. */
    public enum Afterwards {
        /** {@code quiesce run} asks by its status to be run again. */
        AGAIN(""),
        /** It has Slurm queue the job again, whatever its own options say. */
        QUEUED("queue\n"),
        /** Nothing, unless a person says so. */
        NOTHING("for good\n");

        private final String text;

        Afterwards(String text) {
            this.text = text;
        }
    }

    /** Says, before the job is ended, that a checkpoint is why. */
    public void markEndedByCheckpoint(Afterwards afterwards) {
        writing(() -> DurableFiles.write(path.resolve(ENDED), afterwards.text.getBytes(StandardCharsets.US_ASCII)));
    }

    private interface Writing {
        void write() throws IOException;
    }

    private void writing(Writing what) {
        try {
            what.write();
        } catch (IOException e) {
            throw DurableFiles.failure("cannot write into the job's directory", path, e);
        }
    }

    /** Whether a checkpoint was to end the job. */
    public boolean endedByCheckpoint() {
        return Files.exists(path.resolve(ENDED));
    }

    /** What is to become of the job, if a checkpoint was to end it. */
    public Optional<Afterwards> afterwards() {
        try {
            String text = Files.readString(path.resolve(ENDED));
            return Arrays.stream(Afterwards.values())
                    .filter(known -> known.text.equals(text))
                    .findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Whether it may be checkpointed, and how the last checkpoint went. */
    public CheckpointState checkpoints() {
        return new CheckpointState(path);
    }

    /** Says when somebody wants the job to stop. */
    public void write(HaltRecord record) {
        writing(() -> record.write(path));
    }

    /** When somebody wants the job to stop, if anybody does. */
    public Optional<HaltRecord> halt() {
        try {
            return HaltRecord.read(path);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The job is not to stop; whether it was to. */
    public boolean removeHalt() {
        try {
            return HaltRecord.remove(path);
        } catch (IOException e) {
            throw DurableFiles.failure("cannot remove what halts the job in", path, e);
        }
    }

    /** Says that somebody wants the job to go on elsewhere, or what has become of that. */
    public void write(MoveRecord record) {
        writing(() -> record.write(path));
    }

    /** What was last said of going on elsewhere, if anything was. */
    public Optional<MoveRecord> move() {
        try {
            return MoveRecord.read(path);
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** Takes back what {@link #create} and {@link #write} made, once crnode has removed its own part. */
    public void remove() {
        try {
            for (int i = 0; mayGoSoon(i, nodes()); i++) {
                TimeUnit.MILLISECONDS.sleep(REMOVE_MILLIS);
            }
            RunRecord.remove(path);
            HaltRecord.remove(path);
            MoveRecord.remove(path);
            checkpoints().remove();
            Files.deleteIfExists(path.resolve(ENDED));
            if (nodes().stream().noneMatch(JobDirectory::hasNode)) {
                deleteTree();
            }
        } catch (IOException e) {
            throw DurableFiles.failure("cannot remove the job's directory", path, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void deleteTree() throws IOException {
        try {
            DurableFiles.deleteTree(path);
        } catch (DirectoryNotEmptyException | NoSuchFileException e) {
            // somebody has just noted there how a checkpoint went
            DurableFiles.deleteTree(path);
        }
    }

    /** Nobody waits for a host that does not answer any more: with the launcher its ranks have lost their job. */
    private static boolean mayGoSoon(int tries, List<NodeRecord> nodes) {
        return !nodes.isEmpty()
                && tries < (nodes.stream().allMatch(JobDirectory::isHere) ? REMOVE_TRIES : REMOVE_TRIES_ELSEWHERE);
    }

    private static boolean isHere(NodeRecord node) {
        return node.getHost().equals(LocalProcess.hostName());
    }

    private static boolean hasNode(NodeRecord node) {
        return isHere(node) && LocalProcess.alive(node.getCrnodePid(), 0);
    }

    /** Whether a process that answers for the job is still there, as far as this host can tell. */
    public boolean alive() {
        return running() || nodes().stream().anyMatch(JobDirectory::hasNode);
    }

    /**
     * Whether the job itself still runs, as far as this host can tell: its crnode outlives its launcher for a moment. A job
     * whose launcher ran here has ended with it, whatever hosts that do not answer any more have left.
     */
    public boolean running() {
        Optional<RunRecord.Place> place = run().map(RunRecord::place);
        boolean elsewhere =
                place.map(known -> !known.isHere() || known.hasLauncher()).orElse(true);
        return place.map(RunRecord.Place::mayBeAlive).orElse(false)
                || nodes().stream().anyMatch(node -> isHere(node) ? hasLauncher(node) : elsewhere);
    }

    /** Whether a newer incarnation of the job writes where the checkpoints of this one went. */
    boolean isSuperseded() {
        return run().filter(run -> !run.reference().isEmpty())
                .map(run -> new Fence(run.directory().resolve(run.reference()))
                                .ledger()
                                .incarnation()
                        > run.incarnation())
                .orElse(false);
    }

    /** A job of one rank has none, and there is none here where it runs on another host: crnode ends with the ranks. */
    private static boolean hasLauncher(NodeRecord node) {
        return node.getLauncherPid() == 0
                ? LocalProcess.alive(node.getCrnodePid(), 0)
                : LocalProcess.alive(node.getLauncherPid(), node.getLauncherStart());
    }
}
