// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.quiesce.cr.CrException;

@Timeout(60)
class JobProcessTest {
    private static int end(String script) {
        return JobProcess.start(List.of("sh", "-c", script), Map.of("GIVEN", "3"), Optional.empty())
                .await();
    }

    @Test
    void itEndsAsTheProgramEnds() {
        assertThat(end("exit 0")).isZero();
        assertThat(end("exit 42")).isEqualTo(42);
        assertThat(end("exit $GIVEN")).isEqualTo(3);
    }

    @Test
    void aSignalThatEndsTheProgramIsSeenAsAShellWouldShowIt() {
        assertThat(end("kill -TERM $$")).isEqualTo(128 + 15);
        assertThat(end("kill -KILL $$")).isEqualTo(128 + 9);
    }

    @Test
    void signalsThatComeToUsGoToTheProgram() throws Exception {
        JobProcess job = JobProcess.start(
                List.of("sh", "-c", "trap 'exit 7' USR1; kill -USR1 $PPID; while :; do sleep 0.05; done"),
                Map.of(),
                Optional.empty());
        assertThat(job.await()).isEqualTo(7);
    }

    @Test
    void aProgramThatIsNotThereIsSaidSo() {
        assertThatThrownBy(() -> JobProcess.start(List.of("/nonexistent/mpirun"), Map.of(), Optional.empty()))
                .isInstanceOf(CrException.class)
                .hasMessageContaining("/nonexistent/mpirun");
    }
}
