// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.program;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgramOutputTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    private static List<String> shell(String script) {
        return List.of("sh", "-c", script);
    }

    @Test
    void moreThanAPipeHoldsIsReadWhole() {
        String text = ProgramOutput.of(shell("yes | head -c 300000"), LONG).orElseThrow();
        assertThat(text).hasSize(300_000);
    }

    @Test
    void aProgramThatIsNotThereFailsOrPrintsForOthersHasNoAnswer() {
        assertThat(ProgramOutput.of(List.of("/no/such/program"), LONG)).isEmpty();
        assertThat(ProgramOutput.of(shell("echo no; exit 3"), LONG)).isEmpty();
        assertThat(ProgramOutput.of(shell("echo no >&2"), LONG)).contains("");
        assertThat(ProgramOutput.of(List.of("cat"), LONG)).contains("");
    }

    @Test
    void aProgramThatDoesNotEndIsGivenUp() {
        long start = System.nanoTime();
        assertThat(ProgramOutput.of(shell("echo begun; exec sleep 60"), Duration.ofMillis(200)))
                .isEmpty();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(30));
    }

    @Test
    void aChildThatKeepsTheOutputOpenDoesNotHoldUsUp() {
        long start = System.nanoTime();
        assertThat(ProgramOutput.of(shell("sleep 20 & echo done"), LONG)).contains("done\n");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
    }
}
