// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.quiesce.coordinator.doctor.Finding.Verdict;
import org.quiesce.coordinator.doctor.SlurmSite.Settings;

/** On what the commands of Slurm 22.05.8 print. */
class SlurmChecksTest {
    private static final CheckpointCost QUICK = CheckpointCost.of(List.of(Duration.ofMillis(2100)));

    @TempDir
    Path root;

    private final Map<String, String> config =
            new HashMap<>(SlurmSite.config(resource("config.txt")).values());
    private List<Settings> partitions = SlurmSite.records(resource("partition.txt"));
    private List<Settings> nodes = SlurmSite.records(resource("node.txt"));
    private Optional<Settings> job = Optional.empty();
    private List<String> mpi = SlurmSite.mpi(resource("mpi.txt"));
    private CheckpointCost cost = QUICK;

    private static String resource(String name) {
        try (InputStream in = SlurmChecksTest.class.getResourceAsStream("/slurm/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private List<Finding> findings(Map<String, String> environment) {
        SlurmSite site = new SlurmSite(new Settings(config), partitions, nodes, job, mpi);
        return new SlurmChecks(new Sources(root), environment, cost).findings(site);
    }

    private Finding find(String what) {
        return findings(Map.of()).stream()
                .filter(finding -> finding.what().equals(what))
                .findFirst()
                .orElseThrow(() -> new AssertionError("nothing of " + what));
    }

    private void isWell(String what, String found) {
        assertThat(find(what)).isEqualTo(Finding.ok(what, found));
    }

    private void isNot(String what, String found, String remedy) {
        Finding finding = find(what);
        assertThat(finding.verdict()).as(what).isEqualTo(Verdict.LIMITED);
        assertThat(finding.found()).as(what).contains(found);
        assertThat(finding.remedy()).as(what).contains(remedy);
    }

    private void usesJob(String... changes) {
        Map<String, String> values =
                new HashMap<>(SlurmSite.records(resource("job.txt")).get(0).values());
        for (int i = 0; i < changes.length; i += 2) {
            values.put(changes[i], changes[i + 1]);
        }
        job = Optional.of(new Settings(values));
    }

    @Test
    void theSiteIsNamed() {
        isWell("Slurm", "22.05.8, cluster cluster; \"srun quiesce doctor\" looks at a node of it");
    }

    @Test
    void aNoticeInTheWrongParameterIsSeen() {
        isNot("preempt_send_user_signal", "in SchedulerParameters", "move it to SlurmctldParameters");
    }

    @Test
    void aNoticeThatIsNowhereIsMissedAndOneInItsPlaceIsWell() {
        config.put("SchedulerParameters", "batch_sched_delay=0");
        isNot("preempt_send_user_signal", "not in SlurmctldParameters", "add it to SlurmctldParameters");
        config.put("SlurmctldParameters", "enable_configless,preempt_send_user_signal");
        isWell("preempt_send_user_signal", "in SlurmctldParameters");
    }

    @Test
    void aGraceThatIsShorterThanACheckpointIsSeen() {
        isWell("GraceTime of low", "10 s; the last checkpoint took 3 s");
        isNot("GraceTime of cheap", "0 s", "GraceTime=11");
        cost = CheckpointCost.of(List.of(Duration.ofSeconds(4), Duration.ofSeconds(42), Duration.ofSeconds(1)));
        isNot("GraceTime of low", "10 s; the longest of the last 3 checkpoints took 42 s", "GraceTime=89");
        isNot("KillWait", "5 s", "KillWait=89");
        cost = CheckpointCost.ASSUMED;
        isNot("GraceTime of low", "60 s are assumed", "GraceTime=125");
    }

    @Test
    void aPartitionWhosePreemptedJobsAreLostIsSeen() {
        isWell("PreemptMode of low", "REQUEUE");
        isNot("PreemptMode of cheap", "CANCEL", "PreemptMode=REQUEUE");
    }

    @Test
    void thePartitionThatMakesOthersGiveWayIsNoneOfThem() {
        assertThat(findings(Map.of())).noneMatch(finding -> finding.what().endsWith(" of high"));
    }

    @Test
    void inAJobOnlyItsPartitionMatters() {
        usesJob("Partition", "low", "BatchFlag", "1");
        assertThat(findings(Map.of()))
                .anyMatch(finding -> finding.what().equals("GraceTime of low"))
                .noneMatch(finding -> finding.what().contains("cheap"));
    }

    @Test
    void aSiteThatDoesNotPreemptHasNoGrace() {
        config.put("PreemptType", "preempt/none");
        isWell("preemption", "none");
        assertThat(findings(Map.of())).noneMatch(finding -> finding.what().startsWith("GraceTime"));
        config.put("PreemptType", "preempt/qos");
        isNot("preemption", "preempt/qos", "sacctmgr show qos");
    }

    @Test
    void jobsThatAreNotRequeuedAreSeen() {
        isWell("JobRequeue", "1");
        config.put("JobRequeue", "0");
        isNot("JobRequeue", "0", "#SBATCH --requeue");
        usesJob("Requeue", "1", "BatchFlag", "1");
        isWell("JobRequeue", "1 for this job");
    }

    @Test
    void anInteractiveJobIsNotRequeued() {
        usesJob();
        isNot("this job", "no batch job", "sbatch");
        usesJob("BatchFlag", "1");
        assertThat(findings(Map.of())).noneMatch(finding -> finding.what().equals("this job"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"75|OK", "1,70-80|OK", "80-85,75|OK", "70-74|LIMITED", "(null)|LIMITED", "175|LIMITED"})
    void theStatusThatAsksForAnotherRunIsLookedUp(String list, Verdict verdict) {
        config.put("RequeueExit", list);
        assertThat(find("RequeueExit").verdict()).isEqualTo(verdict);
    }

    @Test
    void aStatusThatHoldsJobsIsSeen() {
        config.put("RequeueExitHold", "70-79");
        isNot("RequeueExitHold", "70-79", "RequeueExit");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "socket=/x,cred_expire=5|6|OK",
                "cred_expire=30,ttl=3|31|OK",
                "cred_expire=3|121|LIMITED",
                "(null)|121|LIMITED",
                "cred_expire=300|301|LIMITED"
            })
    void howLongARequeuedJobWaitsFollowsFromItsCredentials(String info, int seconds, Verdict verdict) {
        config.put("AuthInfo", info);
        assertThat(find("cred_expire").verdict()).isEqualTo(verdict);
        assertThat(find("cred_expire").found()).isEqualTo("a requeued job waits " + seconds + " s");
    }

    @Test
    void outputThatIsLostIsSeen() {
        isNot("open mode", "truncate", "--open-mode=append");
        assertThat(findings(Map.of("SLURM_OPEN_MODE", "a"))).contains(Finding.ok("open mode", "append"));
        config.put("JobFileAppend", "1");
        isWell("open mode", "append");
    }

    @Test
    void aSlurmWithoutPmixIsSeen() {
        isWell("srun --mpi=pmix", "yes");
        mpi = SlurmSite.mpi("MPI plugin types are...\n\tnone\n\tpmi2\n");
        isNot("srun --mpi=pmix", "[none, pmi2]", "mpi_pmix.so");
    }

    @Test
    void nodesThatShareADirectoryForPmixAreSeen() {
        isWell("nodes' /tmp", "one for each node");
        nodes = SlurmSite.records(
                "NodeName=a1 NodeHostName=a\nNodeName=b NodeHostName=b\nNodeName=a2 NodeHostName=a\n");
        isNot("nodes' /tmp", "[a1, a2]", "a /tmp of its own");
        nodes = List.of();
        config.put("JobContainerType", "job_container/tmpfs");
        config.put("TmpFS", "/scratch");
        isNot("nodes' /scratch", "each job has its own", "missing after a requeue");
    }

    @Test
    void thePluginIsLookedForInAllFilesOfPlugstack() throws Exception {
        Path etc = root.resolve("etc/slurm");
        Files.createDirectories(etc.resolve("plugstack.conf.d"));
        isNot("SPANK plugin", "not in /etc/slurm/plugstack.conf", "no plugin");
        Files.writeString(etc.resolve("plugstack.conf"), "# all\ninclude plugstack.conf.d/*.conf\n");
        Path file = etc.resolve("plugstack.conf.d/quiesce.conf");
        Files.writeString(file, "# optional /quiesce.so\noptional /opt/quiesce/spank.so\n");
        isNot("SPANK plugin", "/opt/quiesce/spank.so is not there", "mend the path");
        Files.createDirectories(root.resolve("opt/quiesce"));
        Files.writeString(root.resolve("opt/quiesce/spank.so"), "");
        isWell("SPANK plugin", "optional /opt/quiesce/spank.so");
        Files.writeString(file, "required /opt/quiesce/spank.so\n");
        isNot("SPANK plugin", "required", "optional");
    }

    @Test
    void whereThereIsNoSlurmNothingIsWrongWithIt() {
        assertThat(new SlurmChecks(new Sources(root), Map.of("PATH", root.toString()), cost).findings())
                .singleElement()
                .matches(finding -> finding.verdict() == Verdict.OK);
    }

    @Test
    void everyFindingThatIsNotWellHasARemedy() {
        assertThat(findings(Map.of()))
                .allMatch(finding ->
                        finding.verdict() == Verdict.OK || !finding.remedy().isEmpty());
    }
}
