// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job that its user halts ends with a checkpoint, does not ask to be run again, and goes on when its user wants it. */
final class HaltTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final int KILLED = 137;

    @TempDir
    Path work;

    @Test
    void aJobIsHaltedNowAndOnAConditionAndGoesOnEachTime() throws Exception {
        List<String> options = List.of("--restart", "--requeue=exit", "--interval", "500ms");
        try (LocalStages stages = new LocalStages(work)) {
            MpiJob job = stages.job();
            job.start(List.of("--restart", "--requeue=exit")).awaitOutput("stage 0");
            assertThat(job.quiesce("halt").awaitStatus(0, LIMIT)).isEqualTo(job.reference() + "\n");
            assertThat(job.run().await(LIMIT)).isEqualTo(KILLED);
            assertThat(job.run().stderr()).contains("was halted").doesNotContain("queued");
            assertThat(job.quiesce("halt").await(LIMIT)).as("the job is over").isEqualTo(3);

            job.start(options);
            stages.end(0, 0);
            job.awaitOutput("stage 1");
            assertThat(job.quiesce("halt", "--checkpoints", "2").awaitStatus(0, LIMIT))
                    .contains("with checkpoint ");
            assertThat(job.run().await(LIMIT)).isEqualTo(KILLED);
            assertThat(job.run().stderr()).contains("quiesce halt: the job is ended");

            job.start(List.of("--restart"));
            stages.end(1, LocalStages.STAGES - 1);
            assertThat(job.result()).isEqualTo(stages.expected());
            assertThat(job.run().stdout()).as("it went on").doesNotContain("stage 0");
        }
    }
}
