// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Jobs of an ordinary user under Slurm on two nodes, that end and go on. */
@Tag("root")
final class BatchJobTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "2");

    @Test
    void jobsThatAreRequeuedTwiceGoOnInTheSameScript() throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-twice");
        List<StagedJob> jobs = List.of(
                StagedJob.submit(CLUSTER, "by-srun", "srun", List.of(), ""),
                StagedJob.submit(CLUSTER, "by-mpirun", "mpirun", List.of(), ""));
        for (StagedJob job : jobs) {
            job.await("stage 0");
            String[] usr1 = {"scancel", "--batch", "--signal=USR1", job.id()};
            CLUSTER.ask("ctl", usr1);
            CLUSTER.exec("ctl", Cluster.ALICE, usr1).await(Cluster.LIMIT);
        }
        for (StagedJob job : jobs) {
            job.awaitRun(1);
        }
        for (StagedJob job : jobs) {
            job.await("going on from");
            job.endStage(0);
        }
        for (StagedJob job : jobs) {
            job.await("stage 1");
            CLUSTER.ask("ctl", "quiesce", "checkpoint", "slurm:" + job.id());
            CLUSTER.ask("ctl", "scontrol", "requeue", job.id());
        }
        for (StagedJob job : jobs) {
            job.awaitRun(2);
            job.endStage(1);
            job.endStage(2);
        }
        for (StagedJob job : jobs) {
            job.awaitResult(expected);
        }
    }

    @Test
    void ofTwoIncarnationsThatLiveTheOlderOneCommitsNothingAndIsEnded() throws Exception {
        Path place = StagedJob.place(CLUSTER, "twins");
        Run old = run("n1");
        Await.until("the first stage", Cluster.LIMIT, () -> old.stdout().contains("stage 0"));
        CLUSTER.ask("n1", "quiesce", "checkpoint", "twins");
        String pid = Files.readString(CLUSTER.home().resolve("ckpt/twins/ledger.properties"))
                .replaceFirst("(?s).*\npid=([0-9]+)\n.*", "$1");
        Run fresh = run("n2");
        Await.until("the restart", Cluster.LIMIT, () -> fresh.stderr().contains("going on from"));
        Run refused = CLUSTER.exec("n1", Cluster.ALICE, "quiesce", "checkpoint", pid);
        assertThat(refused.await(Cluster.LIMIT)).as(refused.describe()).isBetween(3, 4);
        CLUSTER.exec("n1", Cluster.ALICE, "kill", "-USR1", pid).await(Cluster.LIMIT);
        assertThat(old.await(Cluster.LIMIT)).as(old.describe()).isEqualTo(4);
        assertThat(old.stderr()).contains("has taken over");
        assertThat(CLUSTER.home().resolve("ckpt/twins/1")).doesNotExist();
        for (int stage = 0; stage < StagedJob.STAGES; stage++) {
            Files.createFile(place.resolve(Integer.toString(stage)));
        }
        assertThat(StagedJob.lastLine(fresh.awaitStatus(0, Cluster.LIMIT)))
                .isEqualTo(StagedJob.undisturbed(CLUSTER, "beside-twins"));
    }

    private static Run run(String node) throws Exception {
        return CLUSTER.exec(
                node,
                Cluster.ALICE,
                "sh",
                "-c",
                "exec quiesce run --dir ckpt --restart --requeue --name twins -- mpirun -np 2 "
                        + StagedJob.program("twins"));
    }
}
