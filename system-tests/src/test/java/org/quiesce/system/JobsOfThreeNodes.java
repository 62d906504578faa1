// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Batch jobs of an ordinary user on three nodes, one started by srun and one by mpirun, and what is asked of them. */
abstract class JobsOfThreeNodes {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster(
            "--nodes",
            "3",
            "--conf",
            Stage.source("system-tests/cluster/preemption.conf").toString());

    private static final List<String> NODES = List.of("n1", "n2", "n3");

    static List<StagedJob> both(String name, List<String> options) throws Exception {
        List<StagedJob> jobs = new ArrayList<>();
        for (String launcher : List.of("srun", "mpirun")) {
            jobs.add(StagedJob.submit(CLUSTER, name + '-' + launcher, launcher, options, ""));
        }
        for (StagedJob job : jobs) {
            job.await("stage 0");
        }
        return jobs;
    }

    static String root(String... words) throws Exception {
        return CLUSTER.exec("ctl", "root", words).awaitStatus(0, Cluster.LIMIT).strip();
    }

    static void awaitState(String job, String state) throws Exception {
        Await.until(
                "job " + job + " is " + state,
                Cluster.LIMIT,
                () -> root("squeue", "-h", "-j", job, "-o", "%T").equals(state));
    }

    /** A job of higher priority takes all nodes, and is over. */
    static void preempt() throws Exception {
        String other = root(
                "sbatch", "--parsable", "-p", "high", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 600");
        awaitState(other, "RUNNING");
        root("scancel", other);
    }

    static void checkpoint(List<StagedJob> jobs) throws Exception {
        for (StagedJob job : jobs) {
            CLUSTER.ask("ctl", "quiesce", "checkpoint", "slurm:" + job.id());
        }
    }

    /** They have been started again, went on where they were, and are told to do so. */
    static void goOn(List<StagedJob> jobs, int run) throws Exception {
        for (StagedJob job : jobs) {
            job.awaitRun(run);
        }
        for (StagedJob job : jobs) {
            job.endStage(run - 1);
            job.await("stage " + run);
            assertThat(job.output().split("going on from", -1)).hasSize(run + 1);
        }
    }

    static void finish(List<StagedJob> jobs, int run) throws Exception {
        finish(jobs, run, "-N2 -n2");
    }

    static void finish(List<StagedJob> jobs, int run, String size) throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-" + jobs.get(0).id(), size);
        for (StagedJob job : jobs) {
            job.endStagesFrom(run);
        }
        for (StagedJob job : jobs) {
            job.awaitResult(expected);
            CLUSTER.ask("ctl", "quiesce", "verify", job.reference());
            job.await("ends", () -> job.squeue("%T").isEmpty());
            assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("JobState=COMPLETED ");
        }
    }

    /** Of a job that has ended no process is left; of one that has not, its test has failed already. */
    @AfterEach
    void noProcessIsLeft() throws Exception {
        root("scancel", "-u", Cluster.ALICE);
        for (String node : NODES) {
            nothingRunsOn(node);
        }
    }

    static void nothingRunsOn(String node) throws Exception {
        Await.until(
                "nothing of alice's runs on " + node,
                Cluster.LIMIT,
                () -> CLUSTER.exec(node, "root", "pgrep", "-u", "20001").await(Cluster.LIMIT) == 1);
    }
}
