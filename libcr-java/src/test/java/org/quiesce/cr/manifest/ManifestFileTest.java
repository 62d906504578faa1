// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hashing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.image.ImageFile;

class ManifestFileTest {
    private static final Path GOLDEN_IMAGE = Path.of("../native/tests/golden/image/sample-1.cr");

    @TempDir
    private Path directory;

    private static Manifest sample(RankImage... images) {
        return new Manifest(
                Format.CURRENT,
                "0.1.0",
                new Job(
                        "heat",
                        List.of("./heat", "--steps", "1000"),
                        "/home/user",
                        new TreeMap<>(Map.of("OMP_NUM_THREADS", "2", "PATH", "/usr/bin")),
                        images.length,
                        new Job.Mpi("Open MPI", "4.1.4"),
                        new Job.Launcher("mpirun", List.of("--oversubscribe"))),
                3,
                Manifest.NO_PARENT,
                new Times(
                        Instant.parse("2026-01-02T03:04:05.678901Z"),
                        Instant.parse("2026-01-02T03:04:06Z"),
                        List.of(new Times.PhaseTime("STOP", 12, 345))),
                List.of(images),
                List.of(new OpenFile("/home/user/out \u00e4.txt", 12, "", OpenFile.Policy.REFERENCE)),
                List.of(new StorageLevel("shared", "/home/user", true)));
    }

    private static RankImage image(int rank, long bytes, String digest) {
        return new RankImage(rank, "node" + rank, 100 + rank, "rank-" + rank + ".cr", bytes, digest, "");
    }

    private static Manifest sample() {
        return sample(image(0, 4096, "0".repeat(32)), image(1, 8192, "ab".repeat(16)));
    }

    @Test
    void whatIsWrittenIsRead() throws IOException {
        ManifestFile.write(directory, sample());
        assertThat(ManifestFile.read(directory)).isEqualTo(sample());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(ManifestFile.NAME))))
                .isEqualTo("rw-------");
        try (var files = Files.list(directory)) {
            assertThat(files).hasSize(1);
        }
    }

    @Test
    void theSameManifestIsAlwaysTheSameBytes() {
        assertThat(ManifestFile.encode(sample())).isEqualTo(ManifestFile.encode(sample()));
    }

    @Test
    void everyFlippedBitIsNoticed() {
        byte[] bytes = ManifestFile.encode(sample());
        for (int at = 0; at < bytes.length; at++) {
            for (int bit = 0; bit < 8; bit++) {
                bytes[at] ^= (byte) (1 << bit);
                CrException refused =
                        catchThrowableOfType(CrException.class, () -> ManifestFile.decode(bytes, "manifest.json"));
                assertThat(refused).as("bit %d of byte %d", bit, at).isNotNull();
                assertThat(refused.code()).isEqualTo(ErrorCode.DAMAGED);
                bytes[at] ^= (byte) (1 << bit);
            }
        }
        assertThat(ManifestFile.decode(bytes, "manifest.json")).isEqualTo(sample());
    }

    @Test
    void aNewerMajorVersionIsRefusedWithItsName() {
        byte[] newer = resealed(text().replace("\"major\" : 1", "\"major\" : 2"));
        CrException refused = catchThrowableOfType(CrException.class, () -> ManifestFile.decode(newer, "m.json"));
        assertThat(refused.code()).isEqualTo(ErrorCode.IMAGE_VERSION);
        assertThat(refused).hasMessageContaining("m.json has format 2, this program reads up to 1");
    }

    @Test
    void aFieldOfANewerMinorVersionIsPassedOver() {
        byte[] newer = resealed(text().replace("\"sequence\" : 3,", "\"sequence\" : 3,\n  \"colour\" : \"red\","));
        assertThat(ManifestFile.decode(newer, "m.json")).isEqualTo(sample());
    }

    @Test
    void missingAndImpossibleFieldsAreRefused() {
        for (String[] change : new String[][] {
            {"\"sequence\" : 3,", ""},
            {"\"sequence\" : 3,", "\"sequence\" : -3,"},
            {"\"sequence\" : 3,", "\"sequence\" : 3, \"sequence\" : 4,"},
            {"\"ranks\" : 2,", "\"ranks\" : 3,"},
            {"rank-1.cr", "../rank-1.cr"},
            {"rank-1.cr", "/etc/passwd"},
            {"2026-01-02T03:04:06Z", "yesterday"},
        }) {
            assertThat(text()).contains(change[0]);
            byte[] wrong = resealed(text().replace(change[0], change[1]));
            assertThatThrownBy(() -> ManifestFile.decode(wrong, "m.json"))
                    .as("%s instead of %s", change[1], change[0])
                    .isInstanceOfSatisfying(
                            CrException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.DAMAGED));
        }
    }

    @Test
    void aMissingManifestMeansAnIncompleteCheckpoint() {
        assertThatThrownBy(() -> ManifestFile.read(directory))
                .isInstanceOfSatisfying(
                        CrException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INCOMPLETE));
    }

    @Test
    void aCheckpointIsWholeOnlyWithTheImagesOfItsManifest() throws IOException {
        Path file = Files.copy(GOLDEN_IMAGE, directory.resolve("rank-0.cr"));
        String identity;
        try (ImageFile opened = ImageFile.open(file)) {
            identity = opened.identity();
        }
        Manifest right = sample(image(0, Files.size(file), identity));
        Manifest other = sample(image(0, Files.size(file), "0".repeat(32)));
        assertThat(CheckpointVerifier.verify(directory, right, bytes -> {})).isEmpty();
        assertThat(CheckpointVerifier.verify(directory, other, bytes -> {}))
                .extracting(CheckpointVerifier.Problem::code)
                .containsExactly(ErrorCode.DAMAGED);
        Files.delete(file);
        assertThat(CheckpointVerifier.verify(directory, right, bytes -> {}))
                .extracting(CheckpointVerifier.Problem::code)
                .containsExactly(ErrorCode.INCOMPLETE);
    }

    static String text() {
        return new String(ManifestFile.encode(sample()), StandardCharsets.UTF_8);
    }

    static byte[] resealed(String text) {
        int at = text.indexOf(": \"") + 3;
        byte[] blank =
                (text.substring(0, at) + "0".repeat(32) + text.substring(at + 32)).getBytes(StandardCharsets.UTF_8);
        HashValue128 hash = Hashing.xxh3_128().hashBytesTo128Bits(blank);
        String digest =
                String.format(Locale.ROOT, "%016x%016x", hash.getMostSignificantBits(), hash.getLeastSignificantBits());
        return (text.substring(0, at) + digest + text.substring(at + 32)).getBytes(StandardCharsets.UTF_8);
    }
}
