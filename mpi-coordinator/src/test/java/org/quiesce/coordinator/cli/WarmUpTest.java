// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThatCode;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WarmUpTest {
    @Test
    void theRehearsalGoesThroughAWholeCheckpoint() {
        assertThatCode(() -> WarmUp.main(new String[0])).doesNotThrowAnyException();
    }
}
