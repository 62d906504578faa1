// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.launch.ShownJob;
import org.quiesce.coordinator.store.BatchFiles;
import org.quiesce.coordinator.store.RunRecord.Again;

class BatchRecordTest {
    /** As Slurm 22.05 shows a job, shortened. */
    private static final String SHOWN =
            "JobId=12 JobName=x y UserId=alice(20001) Nice=0 Account=(null) QOS=(null) JobState=RUNNING Reason=None"
                    + " Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 TimeLimit=00:07:00 TimeMin=N/A Partition=low"
                    + " ReqNodeList=(null) NodeList=n[1-2] BatchHost=n1 NumNodes=2 NumCPUs=2 NumTasks=2 CPUs/Task=1"
                    + " ReqB:S:C:T=0:0:*:* MinMemoryNode=100M Features=(null) Licenses=(null)"
                    + " Command=./j.sh arg1 2 WorkDir=/home/alice Comment=a b  StdErr=/home/alice/out%x y"
                    + " StdIn=/dev/null StdOut=/home/alice/out%x y Power= ";

    @TempDir
    Path work;

    private BatchRecord record(String shown) {
        BatchFiles files = new BatchFiles(work, "12");
        files.write("#!/bin/sh\nexec true\n", new BatchFiles.Saved(shown, Again.GOES_ON));
        return BatchRecord.of(work, "12").orElseThrow();
    }

    @Test
    void whatSlurmShowedBecomesWordsOfSbatch() throws Exception {
        BatchRecord record = record(SHOWN);
        assertThat(record.again()).isEqualTo(Again.GOES_ON);
        assertThat(record.script()).isEqualTo(work.resolve("slurm-12.sh"));
        assertThat(Files.readString(record.script())).isEqualTo("#!/bin/sh\nexec true\n");
        assertThat(record.words(false))
                .containsExactly(
                        "--chdir=/home/alice",
                        "--comment=a b",
                        "--cpus-per-task=1",
                        "--job-name=x y",
                        "--mem=100M",
                        "--nodes=2",
                        "--ntasks=2",
                        "--partition=low",
                        "--time=00:07:00",
                        "--error=/home/alice/out%%x y",
                        "--input=/dev/null",
                        "--output=/home/alice/out%%x y",
                        "--requeue",
                        "--open-mode=append",
                        work.resolve("slurm-12.sh").toString(),
                        "arg1",
                        "2");
        assertThat(record.words(true)).contains("--nodelist=n[1-2]");
    }

    @Test
    void aScriptOfWrapHasNoArguments() {
        BatchRecord record = record(SHOWN.replace("./j.sh arg1 2", "(null)").replace("Requeue=1", "Requeue=0"));
        assertThat(record.words(false))
                .contains("--no-requeue")
                .endsWith(work.resolve("slurm-12.sh").toString());
    }

    @Test
    void anotherJobHasNoRecord() {
        record(SHOWN);
        assertThat(BatchRecord.of(work, "1")).isEmpty();
        assertThat(new ShownJob(SHOWN).isActive()).isTrue();
        assertThat(new ShownJob(SHOWN.replace("RUNNING", "COMPLETED")).isActive())
                .isFalse();
    }
}
