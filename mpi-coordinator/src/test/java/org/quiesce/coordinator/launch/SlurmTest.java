// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SlurmTest {
    @ParameterizedTest
    @CsvSource({"0:05,5", "10:00,600", "1:00:00,3600", "2-03:04:05,183845"})
    void remainingTimesAreRead(String text, long seconds) {
        assertThat(Slurm.time(text + "\n").orElseThrow().toSeconds()).isEqualTo(seconds);
    }

    @ParameterizedTest
    @ValueSource(strings = {"UNLIMITED", "INVALID", "NOT_SET", "", "5"})
    void wordsAreNoTimes(String text) {
        assertThat(Slurm.time(text)).isEmpty();
    }

    @Test
    void theStepOfAnSrunIsTheOneThatSaysSo() {
        String steps = "StepId=7.0 UserId=1 State=RUNNING SrunHost:Pid=ctl:421 Nodes=2\n"
                + "StepId=8.1 UserId=1 State=RUNNING SrunHost:Pid=ctl:42\n";
        assertThat(Slurm.step(steps, "ctl", 42)).contains("8.1");
        assertThat(Slurm.step(steps, "ctl", 421)).contains("7.0");
        assertThat(Slurm.step(steps, "n1", 42)).isEmpty();
    }

    @Test
    void aJobThatWasNeverStartedAgainHasNoCount() {
        assertThat(new Slurm(Map.of("SLURM_JOB_ID", "4")).restarts()).isZero();
        assertThat(new Slurm(Map.of("SLURM_RESTART_COUNT", "2")).restarts()).isEqualTo(2);
        assertThat(new Slurm(Map.of()).isBatch()).isFalse();
    }

    @Test
    void ofAnArrayOnlyOurTaskIsMeant() {
        Slurm task = new Slurm(Map.of("SLURM_JOB_ID", "7", "SLURM_ARRAY_JOB_ID", "7", "SLURM_ARRAY_TASK_ID", "3"));
        assertThat(task.unambiguous()).isEqualTo("7_3");
        assertThat(new Slurm(Map.of("SLURM_JOB_ID", "7")).unambiguous()).isEqualTo("7");
        assertThat(Slurm.ofJob("8 RUNNING\n7 PENDING\n71 RUNNING\n", "7")).contains("PENDING");
        assertThat(Slurm.ofJob("8 RUNNING\n", "7")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "RUNNING,None,1,true",
        "COMPLETING,TimeLimit,1,true",
        "COMPLETING,None,1,false",
        "CANCELLED,None,1,false",
        "RUNNING,None,2,false"
    })
    void aJobIsQueuedAgainUnlessItWasCancelledOrRunsAgain(String state, String reason, int restarts, boolean may) {
        String text =
                "JobId=70 JobState=FAILED Restarts=5 PreemptTime=None\nJobId=7 JobName=a b UserId=alice(1) JobState="
                        + state + " Reason=" + reason + " Dependency=(null) Requeue=1 Restarts=" + restarts
                        + " PreemptEligibleTime=2026-11-23T19:00:00 PreemptTime=None\n";
        Standing standing = Standing.read(text, "7").orElseThrow();
        assertThat(standing).isEqualTo(new Standing(state, reason, restarts, false));
        assertThat(standing.mayRequeue(1)).isEqualTo(may);
    }

    @Test
    void aJobThatIsPreemptedSaysWhen() {
        String line =
                "JobId=7 JobState=RUNNING Reason=None Restarts=0 PreemptTime=2026-11-23T19:00:00 SuspendTime=None\n";
        assertThat(Standing.read(line, "7").orElseThrow().preempted()).isTrue();
        assertThat(Standing.read(line, "8")).isEmpty();
    }

    @Test
    void theDaemonsOfNodesAreWhereSlurmSaysTheyAre() {
        int usual = Slurmd.usualPort("SlurmctldPort = 6817\nSlurmdPort              = 6818\nSrunPortRange = 1-3\n");
        String nodes = "NodeName=n1 Arch=x NodeAddr=10.0.0.1 NodeHostName=n1 State=IDLE\n"
                + "NodeName=n2 NodeAddr=127.0.0.1 NodeHostName=n2 Port=17001 State=DOWN\n"
                + "NodeName=n3 NodeAddr= State=IDLE\n";
        assertThat(Slurmd.read(nodes, usual))
                .containsExactly(new Slurmd("n1", "10.0.0.1", 6818), new Slurmd("n2", "127.0.0.1", 17001));
        assertThat(Slurmd.usualPort("slurm_load_ctl_conf error")).isZero();
    }

    @Test
    void aDaemonThatDoesNotAnswerIsGone() throws IOException {
        Slurmd daemon;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            daemon = new Slurmd("here", "127.0.0.1", socket.getLocalPort());
            assertThat(daemon.isGone()).isFalse();
        }
        assertThat(daemon.isGone()).isTrue();
        assertThat(new Slurmd("unknown", "127.0.0.1", 0).isGone()).isFalse();
        assertThat(new Slurmd("unnamed", "no.such.name.invalid", 1).isGone()).isFalse();
    }
}
