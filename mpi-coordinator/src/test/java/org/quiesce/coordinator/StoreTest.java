// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.agent.FakeCrnode;
import org.quiesce.coordinator.agent.NodesWithDisks;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.ExitCode;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.wire.proto.Begin;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.NodeRecord;

/** Images that go to disks of the nodes first, with nodes that follow a script. */
@Timeout(60)
class StoreTest {
    private static final int WRITE = 1200;

    @TempDir
    Path work;

    private JobDirectory directory;

    @BeforeEach
    void makeJob() {
        directory = JobDirectory.create(work.resolve("home"), "heat");
        directory.write(new RunRecord(
                "heat",
                RunRecord.Place.here(Map.of()),
                work.resolve("shared"),
                "heat",
                0,
                1,
                List.of("mpirun", "./heat"),
                1,
                Optional.of(work.resolve("local")),
                RunRecord.Again.BEGINS));
    }

    private JobRegistry.Job job(FakeCrnode crnode) throws Exception {
        NodeRecord.Builder each = NodeRecord.newBuilder()
                .addArgument("./heat")
                .setWorkingDirectory(work.toString())
                .setWorldSize(2)
                .setMpiVersion("Open MPI v4.1.4");
        return ScriptedJob.of(directory, crnode, 2, each);
    }

    private FakeCrnode crnode(FakeCrnode.Script script) {
        return ScriptedJob.crnode(directory, script);
    }

    /** The limit of a job that goes on is for the move alone. */
    private static Committed checkpoint(Coordinator coordinator, CheckpointRequest.Ending ending, long millis) {
        boolean goesOn = ending == CheckpointRequest.Ending.CONTINUE;
        OptionalLong limit = OptionalLong.of(millis);
        CheckpointRequest request =
                new CheckpointRequest(Optional.empty(), ending, goesOn ? OptionalLong.empty() : limit);
        Committed committed = coordinator.checkpoint(request, RoundListener.SILENT);
        return goesOn ? coordinator.raise(committed, limit, System.nanoTime()) : committed;
    }

    private Committed checkpoint(FakeCrnode crnode, CheckpointRequest.Ending ending, long millis) throws Exception {
        return checkpoint(new Coordinator(job(crnode), Map.of()), ending, millis);
    }

    private static FakeCrnode.Script secondNode(FakeCrnode.Script answers) {
        return new NodesWithDisks() {
            @Override
            public List<Frame> answer(int connection, Frame frame) {
                return frame.hasMove() && connection % 2 == 1
                        ? answers.answer(connection, frame)
                        : super.answer(connection, frame);
            }
        };
    }

    /** The second node never says that it is done. */
    private static FakeCrnode.Script silent() {
        return secondNode(new NodesWithDisks() {
            @Override
            public List<Frame> answer(int connection, Frame frame) {
                return List.of();
            }
        });
    }

    private static FakeCrnode.Script fullDisk() {
        return secondNode(new NodesWithDisks() {
            @Override
            public List<Frame> answer(int connection, Frame frame) {
                return List.of(moved(frame, WRITE, "no space left on device"));
            }
        });
    }

    private List<Path> onNodes() throws Exception {
        try (Stream<Path> all = Files.walk(work.resolve("local"))) {
            return all.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void imagesGoToTheNodesFirstAndThenToTheDirectoryThatAllSee() throws Exception {
        try (FakeCrnode crnode = crnode(new NodesWithDisks())) {
            Coordinator coordinator = new Coordinator(job(crnode), Map.of());
            Committed first = coordinator.checkpoint(CheckpointRequest.plain(), RoundListener.SILENT);
            assertThat(first.lower()).isPresent();
            assertThat(onNodes()).hasSize(2);
            assertThat(ManifestFile.read(first.path()).isLocalOnly()).isTrue();
            assertThat(Levels.of(first.path(), ManifestFile.read(first.path()))).isEqualTo("local");
            Begin begin = crnode.received().get(0).getBegin();
            assertThat(begin.getNodeLocal()).isTrue();
            assertThat(begin.getDirectory())
                    .startsWith(work.resolve("local/heat.").toString());
            assertThat(begin.getDestination()).endsWith("shared/heat/0.partial");

            assertThat(coordinator
                            .raise(first, OptionalLong.empty(), System.nanoTime())
                            .lower())
                    .isEmpty();
            assertThat(onNodes()).isEmpty();
            Manifest manifest = ManifestFile.read(first.path());
            assertThat(manifest.isLocalOnly()).isFalse();
            assertThat(manifest.levels()).extracting("complete").containsExactly(false, true);
            Verification.of(first.path()).throwIfDamaged();
        }
    }

    @Test
    void aNodeThatIsNotDoneInTimeLeavesTheCheckpointOnTheLowerLevel() throws Exception {
        try (FakeCrnode crnode = crnode(silent())) {
            Committed committed = checkpoint(crnode, CheckpointRequest.Ending.CONTINUE, 5_000);
            assertThat(committed.lower().orElse("")).contains("host1");
            Manifest manifest = ManifestFile.read(committed.path());
            assertThat(Levels.settle(committed.path())).isFalse();
            CrException failure = catchThrowableOfType(
                    CrException.class, () -> Verification.of(committed.path()).throwIfDamaged());
            assertThat(ExitCode.of(failure.code())).isEqualTo(ExitCode.DAMAGED);
            assertThat(failure).hasMessageContaining("rank 1").hasMessageContaining("host1");

            // It arrives when nobody waits any more; something else in its place is not taken for it.
            Path late = committed.path().resolve("rank-1.cr");
            Files.write(late, new byte[(int) Files.size(NodesWithDisks.IMAGE)]);
            assertThat(Levels.settle(committed.path())).isFalse();
            Files.delete(late);
            Files.copy(NodesWithDisks.IMAGE, late);
            assertThat(Levels.of(committed.path(), manifest)).isEqualTo("shared");
            assertThat(Levels.settle(committed.path())).isTrue();
            assertThat(ManifestFile.read(committed.path()).isLocalOnly()).isFalse();
        }
    }

    @Test
    void aJobThatIsToEndStandsStillUntilItsImagesAreSafe() throws Exception {
        try (FakeCrnode crnode = crnode(new NodesWithDisks())) {
            assertThat(checkpoint(crnode, CheckpointRequest.Ending.KILL, 30_000).lower())
                    .isEmpty();
            List<Frame> received = crnode.received();
            assertThat(received.stream().map(Frame::getBodyCase).toList())
                    .containsSubsequence(Frame.BodyCase.MOVE, Frame.BodyCase.MOVE, Frame.BodyCase.END);
            assertThat(received)
                    .filteredOn(Frame::hasEnd)
                    .allMatch(end -> end.getEnd().getSignal() == 9);
        }
    }

    @Test
    void aJobIsEndedInTimeWhateverHasBecomeOfItsImages() throws Exception {
        try (FakeCrnode crnode = crnode(silent())) {
            assertThat(checkpoint(crnode, CheckpointRequest.Ending.KILL, 8_000).lower())
                    .isPresent();
            assertThat(crnode.received()).filteredOn(Frame::hasEnd).hasSize(2);
        }
    }

    @Test
    void theNodesOwnWordsSayWhatIsWrong() throws Exception {
        try (FakeCrnode crnode = crnode(fullDisk())) {
            assertThat(checkpoint(crnode, CheckpointRequest.Ending.CONTINUE, 30_000)
                            .lower())
                    .contains("host1: no space left on device");
        }
    }

    @Test
    void aCheckpointOnTheLowerLevelDoesNotPushASafeOneOut() throws Exception {
        Coordinator coordinator;
        try (FakeCrnode crnode = crnode(new NodesWithDisks())) {
            coordinator = new Coordinator(job(crnode), Map.of());
            checkpoint(coordinator, CheckpointRequest.Ending.CONTINUE, 30_000);
        }
        ReferenceDirectory reference = new ReferenceDirectory(work.resolve("shared/heat"));
        try (FakeCrnode crnode = crnode(fullDisk())) {
            checkpoint(crnode, CheckpointRequest.Ending.CONTINUE, 30_000);
            assertThat(reference.sequences()).containsExactly(0, 1);
            assertThat(reference.oldestLocal()).hasValue(1);
        }
        try (FakeCrnode crnode = crnode(new NodesWithDisks())) {
            checkpoint(crnode, CheckpointRequest.Ending.CONTINUE, 30_000);
            assertThat(crnode.received().get(0).getBegin().getKeepFrom()).isEqualTo(1);
            assertThat(reference.sequences()).containsExactly(2);
            assertThat(onNodes()).isEmpty();
        }
    }

    @Test
    void theLauncherFetchesImagesThatAreOnOtherNodes() throws Exception {
        Committed committed;
        try (FakeCrnode crnode = crnode(fullDisk())) {
            committed = checkpoint(crnode, CheckpointRequest.Ending.CONTINUE, 30_000);
        }
        Path mover = Files.createDirectories(work.resolve("libexec")).resolve("cr_move");
        script(mover, "exit 0");
        Path mpirun = work.resolve("mpirun");
        script(mpirun, "echo \"$@\" >" + work + "/asked");
        Retrieval retrieval = new Retrieval(new Installation(work.resolve("libexec")), Map.of(), note -> {});
        Restart restart = Restart.at(committed.path());
        CrException failure = catchThrowableOfType(
                CrException.class,
                () -> retrieval.bring(restart, List.of(mpirun.toString(), "-q"), Optional.empty(), List.of("-z")));
        assertThat(failure.code()).isEqualTo(ErrorCode.INCOMPLETE);
        assertThat(failure).hasMessageContaining("rank 1").hasMessageContaining("on host host1 only");
        assertThat(work.resolve("asked"))
                .hasContent("-q -z -np 2 " + mover + " "
                        + restart.manifest().localDirectory().orElseThrow() + " " + committed.path());

        script(mpirun, "cp " + NodesWithDisks.IMAGE.toAbsolutePath() + " " + committed.path() + "/rank-1.cr");
        retrieval.bring(restart, List.of(mpirun.toString()), Optional.empty(), List.of());
        assertThat(ManifestFile.read(committed.path()).isLocalOnly()).isFalse();
    }

    private static void script(Path file, String text) throws Exception {
        Files.writeString(file, "#!/bin/sh\n" + text + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
}
