// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

class StoreSpecTest {
    private static final Path HERE = Path.of("/here");

    @Test
    void bothLevelsAreReadInAnyOrderAndRelativeToWhereTheUserIs() {
        StoreSpec spec = StoreSpec.parse("shared:there/x,local:/disk", HERE);
        assertThat(spec.local()).contains(Path.of("/disk"));
        assertThat(spec.shared()).isEqualTo(Path.of("/here/there/x"));
        assertThat(StoreSpec.parse("shared:/all", HERE).local()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "/disk", "local:/disk", "local:,shared:/x", "tape:/x,shared:/y", "local:/x,shared:/x/../x"})
    void whatIsNotUnderstoodIsRefused(String text) {
        CrException failure = catchThrowableOfType(CrException.class, () -> StoreSpec.parse(text, HERE));
        assertThat(failure.code()).isEqualTo(ErrorCode.USAGE);
        assertThat(failure).hasMessageContaining("--store");
    }

    @Test
    void noTwoRoundsAndNoTwoReferencesHaveTheSameDirectory() {
        ReferenceDirectory one = new ReferenceDirectory(Path.of("/a/heat"));
        Path directory = StoreSpec.directory(Path.of("/disk"), one, 3, 0x1fL);
        assertThat(directory.toString()).startsWith("/disk/heat.").endsWith("/3-000000000000001f");
        assertThat(StoreSpec.isOfRound(directory.toString())).isTrue();
        assertThat(StoreSpec.isOfRound("/home/me")).isFalse();
        assertThat(StoreSpec.isOfRound("/disk/../heat.01234567/3-000000000000001f"))
                .isFalse();
        assertThat(StoreSpec.localOf(directory.toString())).isEqualTo(Path.of("/disk"));
        assertThat(StoreSpec.directory(Path.of("/disk"), new ReferenceDirectory(Path.of("/b/heat")), 3, 0x1fL))
                .isNotEqualTo(directory);
    }
}
