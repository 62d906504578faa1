// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who has not the job's key, or is not the job's user, gets nowhere. */
final class TrustTest {
    private static final Duration LIMIT = Duration.ofSeconds(60);
    private static final int CHALLENGE_BYTES = 40;

    @TempDir
    Path work;

    private MpiJob job() throws Exception {
        String program = Stage.program("mpicc", "examples/heat/heat.c");
        return new MpiJob(work, "heat", 2, Map.of(), List.of(), List.of(program, "100", "2000000", "100"));
    }

    @Test
    void aConnectionWithoutTheKeyIsClosedWithoutAWordAndLogged() throws Exception {
        try (MpiJob job = job()) {
            job.start().awaitOutput("step 100 ");
            int port = listeningPortOfCrnode(job);
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", port), 5000);
                socket.setSoTimeout(20_000);
                InputStream in = socket.getInputStream();
                assertThat(in.readNBytes(CHALLENGE_BYTES)).hasSize(CHALLENGE_BYTES);
                socket.getOutputStream().write(new byte[64]);
                assertThat(in.read()).as("closed without a word").isEqualTo(-1);
            }
            job.checkpoint();
        }
    }

    private static int listeningPortOfCrnode(MpiJob job) throws Exception {
        String home = job.environment().get("QUIESCE_HOME");
        long pid = ProcessHandle.allProcesses()
                .filter(process -> process.info().command().orElse("").endsWith("/crnode"))
                .filter(process -> String.join(" ", process.info().arguments().orElse(new String[0]))
                        .contains(home))
                .findFirst()
                .orElseThrow()
                .pid();
        return SocketTable.listeningPort(pid);
    }

    @Test
    @Tag("root")
    void aSecondUserCanNeitherCheckpointNorRead() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "needs root, to become another user");
        try (MpiJob job = job()) {
            job.start().awaitOutput("step 100 ");
            job.checkpoint();
            for (List<String> attempt : List.of(
                    List.of("checkpoint", Long.toString(mpirun(job))),
                    List.of("info", job.reference().toString()),
                    List.of("verify", job.reference().toString()))) {
                Run refused = asNobody(job, attempt);
                assertThat(refused.await(LIMIT))
                        .as(attempt + refused.describe())
                        .isEqualTo(9);
                assertThat(refused.stderr()).doesNotContain("Exception").isNotBlank();
            }
        }
    }

    private static long mpirun(MpiJob job) {
        return job.run()
                .handle()
                .descendants()
                .filter(process -> process.info().command().orElse("").endsWith("orterun"))
                .findFirst()
                .orElseThrow()
                .pid();
    }

    private Run asNobody(MpiJob job, List<String> arguments) throws Exception {
        List<String> command = new java.util.ArrayList<>(
                List.of("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", Stage.bin("quiesce")));
        command.addAll(arguments);
        return Run.start(work, "nobody", job.environment(), command);
    }
}
