// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job is moved while it runs, under the same {@code quiesce run}; where it cannot go it stays as it is. */
final class MigrateTest {
    private static final Duration LIMIT = Duration.ofSeconds(120);

    @TempDir
    Path work;

    @Test
    void aJobGoesOnWhereItIsToldToAndStaysWhereItCannotGo() throws Exception {
        String host = InetAddress.getLocalHost().getHostName();
        try (LocalStages stages = new LocalStages(work)) {
            MpiJob job = stages.job();
            job.start(List.of()).awaitOutput("stage 0");
            refuses(job.quiesce("migrate"), 2, "--off HOSTS");
            refuses(job.quiesce("migrate", "--off", "elsewhere"), 2, "has no rank on elsewhere; it runs on " + host);
            refuses(job.quiesce("migrate", "--off", host), 2, "no host is left");
            refuses(job.quiesce("migrate", "--onto", "nowhere.invalid"), 4, "cannot be started on nowhere.invalid");
            assertThat(job.reference().resolve("0")).doesNotExist();

            for (int stage = 0; stage + 1 < LocalStages.STAGES; stage++) {
                Run moved = job.quiesce("migrate", "--onto", host);
                assertThat(moved.awaitStatus(0, LIMIT)).isEqualTo("stages is on " + host + '\n');
                assertThat(job.reference().resolve(Integer.toString(stage)).resolve("manifest.json"))
                        .exists();
                stages.end(stage, stage);
                job.awaitOutput("stage " + (stage + 1));
            }
            stages.end(LocalStages.STAGES - 1, LocalStages.STAGES - 1);
            assertThat(job.result()).isEqualTo(stages.expected());
            assertThat(job.run().stdout()).as("nothing is done twice").containsOnlyOnce("stage 0");
            assertThat(job.run().stderr()).contains("quiesce migrate: the job is ended, its checkpoint is");
        }
    }

    private static void refuses(Run run, int status, String why) throws Exception {
        assertThat(run.await(LIMIT)).as(run.describe()).isEqualTo(status);
        assertThat(run.stderr()).contains(why);
    }
}
