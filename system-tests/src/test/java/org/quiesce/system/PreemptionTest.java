// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** What Slurm and its administrator do to batch jobs. Slurm takes its time for it, so these tests run only when asked for. */
@Tag("root")
@Tag("slow")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_PREEMPTION", matches = "1")
final class PreemptionTest extends JobsOfThreeNodes {
    private static final List<String> WARNED = List.of("--signal=B:USR1@60");

    @Test
    void jobsThatAreWarnedOfTheirPreemptionTwiceLoseNothing() throws Exception {
        List<StagedJob> jobs = both("warned", WARNED);
        preempt();
        goOn(jobs, 1);
        preempt();
        goOn(jobs, 2);
        finish(jobs, 2);
        for (StagedJob job : jobs) {
            assertThat(job.output().split("the job is ended, its checkpoint is", -1))
                    .hasSize(3);
        }
    }

    @Test
    void jobsWhoseStepsAreEndedByAPreemptionGoOnFromTheCheckpointBefore() throws Exception {
        List<StagedJob> jobs = both("unwarned", List.of());
        checkpoint(jobs);
        preempt();
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsThatArePreemptedWithoutAnyGraceGoOnFromTheCheckpointBefore() throws Exception {
        List<StagedJob> jobs = both("hasty", List.of("-p", "hasty"));
        checkpoint(jobs);
        preempt();
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    /** Before it, by a signal or by our own clock, or by it: what is left of the limit must be more than a checkpoint takes. */
    @Test
    void atTheTimeLimitJobsAreQueuedAgain() throws Exception {
        List<StagedJob> jobs = new ArrayList<>();
        jobs.add(StagedJob.submit(CLUSTER, "limit-warned", "srun", List.of("-t 2", "--signal=B:USR1@60"), ""));
        jobs.add(StagedJob.submit(CLUSTER, "limit-clock", "mpirun", List.of("-t 2"), "--before-end 60s"));
        jobs.add(StagedJob.submit(CLUSTER, "limit-hit", "srun", List.of("-t 1"), ""));
        jobs.add(StagedJob.submit(CLUSTER, "limit-srun", "srun", List.of("-t 2"), "--before-end 60s"));
        for (StagedJob job : jobs) {
            job.await("stage 0");
        }
        checkpoint(jobs.subList(2, 3));
        for (StagedJob job : jobs) {
            job.await("is queued again");
            root("scontrol", "update", "jobid=" + job.id(), "timelimit=60");
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    /** Its time is used up over two runs: it ends with a checkpoint, is not queued again, and has not lost what it had. */
    @Test
    void aJobWhoseTotalTimeIsUsedUpEndsWithACheckpoint() throws Exception {
        StagedJob job = StagedJob.submit(CLUSTER, "budget", "srun", List.of(), "--total-time 60s");
        job.await("stage 0");
        CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        job.awaitRun(1);
        job.await("the time of --total-time is used up");
        job.await("has ended", () -> job.squeue("%T").isEmpty());
        assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("Restarts=1");
        assertThat(root("ls", "/home/alice/ckpt/budget")).contains("0", "1").doesNotContain("partial");
    }

    @Test
    void jobsThatAreRequeuedByTheAdministratorGoOnFromTheCheckpointBefore() throws Exception {
        List<StagedJob> jobs = both("requeued", List.of());
        checkpoint(jobs);
        for (StagedJob job : jobs) {
            root("scontrol", "requeue", job.id());
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsThatWereSuspendedGoOnAndCanBeCheckpointedAgain() throws Exception {
        List<StagedJob> jobs = both("suspended", List.of());
        for (StagedJob job : jobs) {
            root("scontrol", "suspend", job.id());
            awaitState(job.id(), "SUSPENDED");
            Run refused =
                    CLUSTER.exec("ctl", Cluster.ALICE, "quiesce", "checkpoint", "--max-wait", "3", "slurm:" + job.id());
            assertThat(refused.await(Cluster.LIMIT)).as(refused.describe()).isBetween(4, 5);
            root("scontrol", "resume", job.id());
        }
        checkpoint(jobs);
        for (StagedJob job : jobs) {
            CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsOutliveARestartOfTheController() throws Exception {
        List<StagedJob> jobs = both("controller", List.of());
        root("pkill", "-x", "slurmctld");
        Await.until(
                "it has ended",
                Cluster.LIMIT,
                () -> CLUSTER.exec("ctl", "root", "pgrep", "-x", "slurmctld").await(Cluster.LIMIT) == 1);
        checkpoint(jobs);
        root("slurmctld");
        for (StagedJob job : jobs) {
            awaitState(job.id(), "RUNNING");
            CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        }
        goOn(jobs, 1);
        finish(jobs, 1);
    }

    @Test
    void jobsThatAreCancelledEndAndTheSameScriptGoesOn() throws Exception {
        List<StagedJob> jobs = both("cancelled", List.of());
        checkpoint(jobs);
        for (StagedJob job : jobs) {
            CLUSTER.ask("ctl", "scancel", job.id());
        }
        noProcessIsLeft();
        for (StagedJob job : jobs) {
            Await.until(
                    "job " + job.id() + " is cancelled",
                    Cluster.LIMIT,
                    () -> root("scontrol", "-o", "show", "job", job.id()).contains("JobState=CANCELLED"));
            assertThat(root("scontrol", "-o", "show", "job", job.id())).contains("Restarts=0");
            assertThat(job.output()).containsOnlyOnce("run ");
        }
        for (StagedJob job : jobs) {
            StagedJob again = job.again();
            again.await("going on from");
            finish(List.of(again), 0);
        }
    }
}
