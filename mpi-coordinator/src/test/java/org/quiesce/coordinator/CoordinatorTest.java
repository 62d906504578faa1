// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.coordinator.agent.FakeCrnode;
import org.quiesce.coordinator.agent.ObedientNodes;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.JobDirectory;
import org.quiesce.coordinator.store.JobRegistry;
import org.quiesce.coordinator.store.RunRecord;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.ExitCode;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.wire.proto.Frame;
import org.quiesce.wire.proto.NodeRecord;
import org.quiesce.wire.proto.Phase;

/** Whole rounds over loopback connections with crnodes that follow a script. */
@Timeout(20)
class CoordinatorTest {
    @TempDir
    Path work;

    private JobDirectory directory;

    @BeforeEach
    void makeJob() {
        directory = JobDirectory.create(work.resolve("home"), "heat");
        directory.write(new RunRecord(
                "heat",
                RunRecord.Place.here(Map.of()),
                work.resolve("checkpoints"),
                "heat",
                1,
                2,
                List.of("mpirun", "--oversubscribe", "-np", "4", "./heat", "9"),
                2));
    }

    private JobRegistry.Job job(FakeCrnode crnode, int nodes, int ranksPerNode) throws Exception {
        NodeRecord.Builder each = NodeRecord.newBuilder()
                .setJob("heat")
                .addArgument("./heat")
                .addArgument("9")
                .setWorkingDirectory(work.toString())
                .setWorldSize(nodes * ranksPerNode)
                .setMpiVersion("Open MPI v4.1.4, package: Debian")
                .setLauncher("mpirun");
        return ScriptedJob.of(directory, crnode, nodes, each);
    }

    private FakeCrnode crnode(FakeCrnode.Script script) {
        return ScriptedJob.crnode(directory, script);
    }

    private static Committed checkpoint(JobRegistry.Job job) {
        return new Coordinator(job, Map.of()).checkpoint(CheckpointRequest.plain(), RoundListener.SILENT);
    }

    private static CrException failure(JobRegistry.Job job) {
        return catchThrowableOfType(CrException.class, () -> checkpoint(job));
    }

    private static ObedientNodes obedient() {
        return new ObedientNodes(2, 2, ObedientNodes::imaginary);
    }

    @Test
    void aRoundOverTwoNodesEndsWithAManifest() throws Exception {
        try (FakeCrnode crnode = crnode(obedient())) {
            Committed committed = checkpoint(job(crnode, 2, 2));
            assertThat(committed.reference()).isEqualTo(work.resolve("checkpoints/heat"));
            Manifest manifest = ManifestFile.read(committed.path());
            assertThat(manifest.job().launcher().options()).containsExactly("--oversubscribe");
            assertThat(manifest.job().arguments()).containsExactly("./heat", "9");
            assertThat(manifest.job().mpi().version()).isEqualTo("4.1.4");
            assertThat(manifest.ranks()).extracting("host").containsExactly("host0", "host0", "host1", "host1");
            assertThat(committed.reference().resolve("latest").toRealPath().getFileName())
                    .hasToString("0");
        }
    }

    @Test
    void openMpisParametersSayWhereReferencesLieWhenQuiesceRunSaidNothing() throws Exception {
        directory = JobDirectory.create(work.resolve("home"), "bare");
        try (FakeCrnode crnode = crnode(obedient())) {
            JobRegistry.Job job = job(crnode, 1, 1);
            assertThat(new Coordinator(job, Map.of()).reference(CheckpointRequest.plain()))
                    .isEqualTo(work.resolve("ompi_global_snapshot_0.ckpt"));
            Map<String, String> parameters = Map.of(
                    "OMPI_MCA_snapc_base_global_snapshot_dir",
                    "/snapshots",
                    "OMPI_MCA_snapc_base_global_snapshot_ref",
                    "mine",
                    "QUIESCE_DIR",
                    "/elsewhere");
            assertThat(new Coordinator(job, parameters).reference(CheckpointRequest.plain()))
                    .isEqualTo(Path.of("/snapshots/mine"));
            Map<String, String> outside = Map.of("OMPI_MCA_sstore_base_global_snapshot_ref", "../other");
            assertThat(catchThrowableOfType(
                                    CrException.class,
                                    () -> new Coordinator(job, outside).reference(CheckpointRequest.plain()))
                            .code())
                    .isEqualTo(ErrorCode.USAGE);
        }
    }

    @Test
    void anOlderIncarnationIsRefusedBeforeItDisturbsTheJob() throws Exception {
        newIncarnation();
        newIncarnation();
        try (FakeCrnode crnode = crnode(obedient())) {
            CrException failure = failure(job(crnode, 2, 2));
            assertThat(failure.code()).isEqualTo(ErrorCode.FENCED);
            assertThat(failure).hasMessageContaining("incarnation 2");
            assertThat(crnode.received()).isEmpty();
        }
    }

    @Test
    void anIncarnationThatIsOvertakenWhileItWritesCommitsNothing() throws Exception {
        newIncarnation();
        FakeCrnode.Script overtaken = new ObedientNodes(2, 2, ObedientNodes::imaginary) {
            @Override
            public List<Frame> answer(int node, Frame frame) {
                if (node == 0 && frame.hasEnter() && frame.getEnter().getPhase() == Phase.PHASE_SEAL) {
                    newIncarnation();
                }
                return super.answer(node, frame);
            }
        };
        try (FakeCrnode crnode = crnode(overtaken)) {
            assertThat(failure(job(crnode, 2, 2)).code()).isEqualTo(ErrorCode.FENCED);
            assertThat(work.resolve("checkpoints/heat/0")).doesNotExist();
            assertThat(work.resolve("checkpoints/heat/0.partial")).doesNotExist();
            assertThat(crnode.received()).filteredOn(Frame::hasCancel).hasSize(2);
        }
        RunRecord old = directory.run().orElseThrow();
        directory.write(new RunRecord(
                old.name(),
                old.place(),
                old.directory(),
                old.reference(),
                2,
                old.keep(),
                old.launcher(),
                old.programWords()));
        try (FakeCrnode crnode = crnode(obedient())) {
            assertThat(checkpoint(job(crnode, 2, 2)).sequence())
                    .as("the older one may still write what it was told to")
                    .isEqualTo(1);
        }
    }

    private void newIncarnation() {
        new Fence(work.resolve("checkpoints/heat")).take(RunRecord.Place.here(Map.of()), 0, false, ledger -> false);
    }

    /** As after a node wrote into a directory of its own that has the same name. */
    @ParameterizedTest
    @ValueSource(longs = {-1, 4095, 4097})
    void anImageThatIsNotHereAsItWasWrittenKeepsTheCheckpointFromExisting(long size) throws Exception {
        Path image = work.resolve("checkpoints/heat/0.partial/rank-3.cr");
        FakeCrnode.Script elsewhere = new ObedientNodes(2, 2, ObedientNodes::imaginary) {
            @Override
            public List<Frame> answer(int node, Frame frame) {
                List<Frame> answer = super.answer(node, frame);
                if (frame.hasEnter() && frame.getEnter().getPhase() == Phase.PHASE_SEAL && node == 1) {
                    change(image, size);
                }
                return answer;
            }
        };
        try (FakeCrnode crnode = crnode(elsewhere)) {
            CrException failure = failure(job(crnode, 2, 2));
            assertThat(failure.code()).isEqualTo(ErrorCode.WRITE);
            assertThat(failure)
                    .hasMessageContaining("host1 has written " + image)
                    .hasMessageContaining("share")
                    .hasMessageContaining(size < 0 ? "no such file" : size + " bytes instead of 4096");
            assertThat(crnode.received()).filteredOn(Frame::hasCancel).hasSize(2);
            assertThat(work.resolve("checkpoints/heat/0")).doesNotExist();
            assertThat(work.resolve("checkpoints/heat/latest")).doesNotExist();
            assertThat(work.resolve("checkpoints/heat/0.partial")).doesNotExist();
        }
    }

    private static void change(Path image, long size) {
        try {
            Files.delete(image);
            if (size >= 0) {
                Files.write(image, new byte[(int) size]);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void commandsComeInTheOrderOfThePhases() throws Exception {
        try (FakeCrnode crnode = crnode(new ObedientNodes(1, 1, ObedientNodes::imaginary))) {
            checkpoint(job(crnode, 1, 1));
            assertThat(crnode.received().stream()
                            .filter(Frame::hasEnter)
                            .map(frame -> frame.getEnter().getPhase()))
                    .containsExactly(
                            Phase.PHASE_STOP,
                            Phase.PHASE_DRAIN,
                            Phase.PHASE_CALLBACKS,
                            Phase.PHASE_DUMP,
                            Phase.PHASE_RESUME,
                            Phase.PHASE_SEAL);
            assertThat(crnode.received().get(0).getBegin().getDirectory()).endsWith("checkpoints/heat/0.partial");
        }
    }

    @Test
    void onlyTheNewestAreKeptWhenTheRunSaysSo() throws Exception {
        try (FakeCrnode crnode = crnode(new ObedientNodes(1, 1, ObedientNodes::imaginary))) {
            JobRegistry.Job job = job(crnode, 1, 1);
            // Each round makes new connections; the script numbers them on.
            for (int i = 0; i < 4; i++) {
                try (FakeCrnode fresh = crnode(new ObedientNodes(1, 1, ObedientNodes::imaginary))) {
                    assertThat(checkpoint(job(fresh, 1, 1)).sequence()).isEqualTo(i);
                }
            }
            assertThat(work.resolve("checkpoints/heat/2")).exists();
            assertThat(work.resolve("checkpoints/heat/1")).doesNotExist();
            assertThat(job.name()).isEqualTo("heat");
        }
    }

    @Test
    void aRefusalIsToldInTheRanksOwnWordsAndLeavesNothing() throws Exception {
        FakeCrnode.Script refusing = new ObedientNodes(2, 2, ObedientNodes::imaginary) {
            @Override
            public List<Frame> answer(int node, Frame frame) {
                boolean stop = frame.hasEnter() && frame.getEnter().getPhase() == Phase.PHASE_STOP;
                return node == 1 && stop
                        ? List.of(ObedientNodes.refusal(
                                frame, Phase.PHASE_STOP, 2, 1102, "descriptor 7 is a TCP connection; close it"))
                        : super.answer(node, frame);
            }
        };
        try (FakeCrnode crnode = crnode(refusing)) {
            CrException failure = failure(job(crnode, 2, 2));
            assertThat(failure.code()).isEqualTo(ErrorCode.REFUSED);
            assertThat(failure).hasMessageContaining("descriptor 7").hasMessageContaining("rank 2");
            assertThat(crnode.received()).filteredOn(Frame::hasCancel).hasSize(2);
            assertThat(work.resolve("checkpoints/heat/0.partial")).doesNotExist();
            assertThat(work.resolve("checkpoints/heat/0")).doesNotExist();
        }
    }

    @Test
    void aNodeThatIsLostInDumpFailsTheRound() throws Exception {
        FakeCrnode[] self = new FakeCrnode[1];
        FakeCrnode.Script dying = new ObedientNodes(2, 2, ObedientNodes::imaginary) {
            @Override
            public List<Frame> answer(int node, Frame frame) {
                if (node == 0 && frame.hasEnter() && frame.getEnter().getPhase() == Phase.PHASE_DUMP) {
                    self[0].breakConnection(0);
                    return List.of();
                }
                return super.answer(node, frame);
            }
        };
        try (FakeCrnode crnode = crnode(dying)) {
            self[0] = crnode;
            CrException failure = failure(job(crnode, 2, 2));
            assertThat(ExitCode.of(failure.code())).isEqualTo(ExitCode.FAILED);
            assertThat(failure).hasMessageContaining("dump");
        }
    }

    @Test
    void aSecondCheckpointIsRefusedWithFour() throws Exception {
        FakeCrnode.Script busy = new ObedientNodes(1, 1, ObedientNodes::imaginary) {
            @Override
            public List<Frame> answer(int node, Frame frame) {
                return frame.hasBegin()
                        ? List.of(ObedientNodes.refusal(
                                frame, Phase.PHASE_COLLECTIVES, 0, 1101, "another checkpoint is in progress"))
                        : super.answer(node, frame);
            }
        };
        try (FakeCrnode crnode = crnode(busy)) {
            CrException failure = failure(job(crnode, 1, 1));
            assertThat(ExitCode.of(failure.code())).isEqualTo(ExitCode.REFUSED);
        }
    }

    @Test
    void aRoundThatTakesTooLongTimesOutWithFive() throws Exception {
        FakeCrnode.Script slow = new ObedientNodes(1, 1, ObedientNodes::imaginary) {
            @Override
            public List<Frame> answer(int node, Frame frame) {
                return frame.hasBegin() ? List.of() : super.answer(node, frame);
            }
        };
        try (FakeCrnode crnode = crnode(slow)) {
            CheckpointRequest request = new CheckpointRequest(
                    java.util.Optional.empty(), CheckpointRequest.Ending.CONTINUE, OptionalLong.of(3_000));
            Coordinator coordinator = new Coordinator(job(crnode, 1, 1), Map.of());
            CrException failure = catchThrowableOfType(
                    CrException.class, () -> coordinator.checkpoint(request, RoundListener.SILENT));
            assertThat(ExitCode.of(failure.code())).isEqualTo(ExitCode.TIMED_OUT);
            assertThat(failure).hasMessageContaining("rank 0 has not answered");
        }
    }

    @Test
    void leftoversOfFailedCheckpointsAreRemoved() throws Exception {
        Path left = Files.createDirectories(work.resolve("checkpoints/heat/6.partial"));
        Files.writeString(left.resolve("rank-0.cr.partial"), "half");
        try (FakeCrnode crnode = crnode(new ObedientNodes(1, 1, ObedientNodes::imaginary))) {
            assertThat(checkpoint(job(crnode, 1, 1)).sequence()).isZero();
            assertThat(left).doesNotExist();
        }
    }
}
