// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

class ReferenceDirectoryTest {
    @TempDir
    Path work;

    private ReferenceDirectory reference;

    @BeforeEach
    void create() {
        reference = new ReferenceDirectory(work.resolve("dir/heat"));
        reference.create();
    }

    private void commit(int sequence) throws Exception {
        Files.writeString(reference.begin(sequence).resolve(ReferenceDirectory.MANIFEST), "{}");
        reference.commit(sequence);
        reference.pointLatest(sequence);
    }

    @Test
    void itIsForItsUserAlone() throws Exception {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(reference.path())))
                .isEqualTo("rwx------");
    }

    @Test
    void aSequenceExistsOnceItIsCommitted() throws Exception {
        Files.writeString(reference.begin(0).resolve(ReferenceDirectory.MANIFEST), "{}");
        assertThat(reference.sequences()).isEmpty();
        reference.commit(0);
        assertThat(reference.sequences()).containsExactly(0);
    }

    @Test
    void aDirectoryWithoutManifestIsNoCheckpoint() throws Exception {
        Files.createDirectory(reference.path().resolve("3"));
        assertThat(reference.sequences()).isEmpty();
        assertThat(reference.nextSequence()).isEqualTo(4);
        assertThatThrownBy(() -> reference.sequence(3)).hasMessageContaining("no complete checkpoint 3");
    }

    @Test
    void latestPointsToTheNewestByARelativeName() throws Exception {
        commit(0);
        commit(1);
        assertThat(Files.readSymbolicLink(reference.path().resolve("latest"))).hasToString("1");
    }

    @Test
    void numbersAreOrderedAsNumbers() throws Exception {
        commit(9);
        commit(10);
        assertThat(reference.newest()).hasValue(10);
        assertThat(reference.nextSequence()).isEqualTo(11);
    }

    @Test
    void pruningKeepsTheNewest() throws Exception {
        for (int i = 0; i < 5; i++) {
            commit(i);
        }
        assertThat(reference.prune(2)).containsExactly(0, 1, 2);
        assertThat(reference.sequences()).containsExactly(3, 4);
        assertThat(reference.prune(2)).isEmpty();
    }

    @Test
    void leftoversGoAndSymbolicLinksInThemAreNotFollowed() throws Exception {
        Path precious = Files.writeString(work.resolve("precious"), "x");
        Path partial = reference.begin(7);
        Files.createSymbolicLink(partial.resolve("link"), precious);
        reference.removeLeftovers();
        assertThat(partial).doesNotExist();
        assertThat(precious).exists();
    }

    @Test
    void whileOneWritesAnotherIsRefused() {
        reference.whileLocked(() -> {
            CrException refused =
                    catchThrowableOfType(CrException.class, () -> reference.whileLocked(() -> "not reached"));
            assertThat(refused.code()).isEqualTo(ErrorCode.BUSY);
            return "done";
        });
        assertThat(reference.whileLocked(() -> "free again")).isEqualTo("free again");
    }

    @Test
    void aDirectoryThatCannotBeMadeIsNamedInTheError() {
        assertThatThrownBy(() -> new ReferenceDirectory(Path.of("/proc/nowhere/heat")).create())
                .isInstanceOf(CrException.class)
                .hasMessageContaining("/proc/nowhere");
    }

    @Test
    void aReferenceIsFoundByPathByNameAndBySequence() throws Exception {
        commit(0);
        commit(1);
        ReferenceLocator locator = new ReferenceLocator(work.resolve("dir"));
        assertThat(locator.find("heat").sequence()).isEqualTo(1);
        assertThat(locator.find("heat/0").sequence()).isZero();
        assertThat(locator.find("heat/latest").sequence()).isEqualTo(1);
        assertThat(locator.find(reference.path().toString()).path()).endsWith(Path.of("1"));
        assertThat(locator.all()).hasSize(1);
        CrException missing = catchThrowableOfType(CrException.class, () -> locator.find("nothing"));
        assertThat(missing.code()).isEqualTo(ErrorCode.INCOMPLETE);
    }
}
