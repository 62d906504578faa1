// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --checkpoint}, {@code --checkpoint-dir} and {@code --restart-dir} of srun, sbatch and salloc, by an ordinary user on two nodes. */
@Tag("root")
final class SlurmOptionsTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster("--nodes", "2");

    private static final String PLUGIN = "optional /srv/quiesce/lib/slurm/spank_quiesce.so\n";
    private static final String YIELD = "export OMPI_MCA_mpi_yield_when_idle=1; ";
    private static final String SRUN = "srun --mpi=pmix -N2 -n2 ";
    private static final int STAGES = 2;

    @BeforeEach
    void install() throws IOException {
        CLUSTER.plugins(PLUGIN);
    }

    private static Run shell(String command) throws Exception {
        return CLUSTER.exec("ctl", Cluster.ALICE, "bash", "-c", command);
    }

    /** A directory for {@code stages}, whose steps end when they are told to. */
    private static Path place(String name) throws Exception {
        CLUSTER.give(Path.of(Stage.program("mpicc", "system-tests/src/test/programs/stages.c")));
        Path place = Files.createDirectories(CLUSTER.home().resolve(name));
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
        return place;
    }

    private static void endStages(Path place) throws IOException {
        for (int stage = 0; stage < STAGES; stage++) {
            Files.createFile(place.resolve(Integer.toString(stage)));
        }
    }

    private static String program(Path place) {
        return "/home/alice/stages-mpicc /home/alice/" + place.getFileName() + " " + STAGES;
    }

    private static String lastLine(String text) {
        return text.strip().lines().reduce("", (before, line) -> line);
    }

    private static void awaitCheckpoint(Path directory, Run of) throws Exception {
        Await.until("a checkpoint in " + directory + "\n" + of.describe(), Cluster.LIMIT, () -> {
            if (!Files.isDirectory(directory)) {
                return false;
            }
            try (Stream<Path> files = Files.find(
                    directory,
                    3,
                    (file, attributes) -> file.getFileName().toString().equals("manifest.json"))) {
                return files.anyMatch(file ->
                        !file.getName(file.getNameCount() - 2).toString().startsWith("."));
            }
        });
    }

    private static List<String> jobs() throws Exception {
        return CLUSTER.ask("ctl", "squeue", "-h", "--states=all", "-o", "%i")
                .lines()
                .toList();
    }

    @Test
    void whatCannotBeIsRefusedInOneLineWhereItIsSubmitted() throws Exception {
        List<String> before = jobs();
        for (String command : List.of(
                "srun --checkpoint=soon true",
                "srun --checkpoint=1:2:3:4 true",
                "sbatch --checkpoint=0 --wrap true",
                "salloc --checkpoint=-1 true",
                "srun --checkpoint-dir= true",
                "srun --checkpoint-dir=/a --restart-dir=/b true",
                "SLURM_CHECKPOINT=5m srun true",
                "SBATCH_CHECKPOINT=5m sbatch --wrap true",
                "srun --restart-dir=nowhere true",
                "srun --checkpoint=end true",
                "srun --checkpoint=5 --pty true")) {
            Run run = shell(command);
            assertThat(run.await(Cluster.LIMIT)).as(run.describe()).isNotZero();
            assertThat(run.stderr()).as(run.describe()).hasLineCount(1);
        }
        assertThat(before).containsAll(jobs());
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
    void aStepIsCheckpointedEverySoOftenAndGoesOnElsewhere() throws Exception {
        Path place = place("often");
        Path checkpoints = CLUSTER.home().resolve("ck-often");
        Run first = shell(
                YIELD + "exec " + SRUN + "-J often --checkpoint=0:01 --checkpoint-dir=ck-often " + program(place));
        awaitCheckpoint(checkpoints, first);
        CLUSTER.ask("ctl", "scancel", "-n", "often");
        assertThat(first.await(Cluster.LIMIT)).as(first.describe()).isNotZero();
        endStages(place);
        String undisturbed = shell(YIELD + SRUN + program(place)).awaitStatus(0, Cluster.LIMIT);
        Run second = shell(YIELD + SRUN + "--restart-dir=ck-often " + program(place));
        assertThat(lastLine(second.awaitStatus(0, Cluster.LIMIT)))
                .as(second.describe())
                .startsWith("result")
                .isEqualTo(lastLine(undisturbed));
        assertThat(second.stderr()).contains("going on from");
        assertThat(second.stdout()).doesNotContain("stage 0");
        awaitNothingLeft();
    }

    private static void awaitNothingLeft() throws Exception {
        for (String node : List.of("ctl", "n1", "n2")) {
            Await.until(
                    "nothing of alice's runs on " + node,
                    Cluster.LIMIT,
                    () -> CLUSTER.exec(node, "root", "pgrep", "-u", Cluster.ALICE)
                                    .await(Cluster.LIMIT)
                            == 1);
        }
    }

    /** What a task and a batch script of a job without the options see of the world, but for numbers. */
    private static String seen() throws Exception {
        Files.writeString(
                CLUSTER.home().resolve("look.sh"),
                String.join(
                        "\n",
                        "#!/bin/sh",
                        "env | LC_ALL=C sort",
                        "processes=$(ps -u alice -o args=)",
                        "echo \"$processes\" | grep -v 'ps -u' | LC_ALL=C sort",
                        "above=$$",
                        "while [ \"$above\" -gt 1 ]; do",
                        "    ps -o user=,args= -p \"$above\"",
                        "    above=$(ps -o ppid= -p \"$above\" | tr -d ' ')",
                        "done",
                        ""));
        String step = shell("srun -n1 sh look.sh").awaitStatus(0, Cluster.LIMIT);
        String batch =
                shell("sbatch -Q --wait -o seen look.sh && cat seen && rm seen").awaitStatus(0, Cluster.LIMIT);
        assertThat(step).contains("SLURM_STEP_ID");
        assertThat(batch).contains("SLURM_JOB_ID");
        return (step + batch).replaceAll("[0-9]+", "N");
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
    void aJobThatDoesNotAskIsTheSameWithThePluginWithoutItAndWithABrokenPath() throws Exception {
        String with = seen();
        CLUSTER.plugins("");
        assertThat(with).isEqualTo(seen());
        CLUSTER.plugins("optional /nowhere/lib/slurm/spank_quiesce.so\n");
        assertThat(with).isEqualTo(seen());
    }

    @ParameterizedTest
    @ValueSource(strings = {"srun", "mpirun"})
    @EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
    void linesOfABatchScriptReachTheLauncherInside(String launcher) throws Exception {
        Path place = place("batch-" + launcher);
        Path checkpoints = CLUSTER.home().resolve("ck-" + launcher);
        Files.writeString(
                place.resolve("job.sh"),
                String.join(
                        "\n",
                        "#!/bin/bash",
                        "#SBATCH -N2 -n2 -o " + place.getFileName() + "/out",
                        "#SBATCH --checkpoint=0:01 --checkpoint-dir=ck-" + launcher,
                        YIELD,
                        "cd /",
                        "exec " + launcher + " " + program(place),
                        ""));
        Run wait = shell("sbatch -J " + launcher + " --wait " + place.getFileName() + "/job.sh");
        awaitCheckpoint(checkpoints, wait);
        CLUSTER.ask("ctl", "scancel", "-n", launcher);
        assertThat(wait.await(Cluster.LIMIT)).as(wait.describe()).isNotZero();
        endStages(place);
        String undisturbed = shell(YIELD + SRUN + program(place)).awaitStatus(0, Cluster.LIMIT);
        Run again =
                shell(YIELD + "salloc -Q -N2 -n2 --restart-dir=ck-" + launcher + " " + launcher + " " + program(place));
        assertThat(lastLine(again.awaitStatus(0, Cluster.LIMIT))).isEqualTo(lastLine(undisturbed));
        assertThat(again.stderr()).contains("going on from");
        awaitNothingLeft();
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
    void beforeTheEndOfItsTimeAJobIsCheckpointedAndQueuedAgain() throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-end");
        StagedJob job = StagedJob.submit(
                CLUSTER, "at-end", List.of("-t 2 --checkpoint=end:1:55 --checkpoint-dir=ck-end"), "srun");
        job.await("the allocation ends: the job is ended");
        job.await("is queued again");
        awaitGoingOn(job, expected);
        awaitNothingLeft();
    }

    private static void awaitGoingOn(StagedJob job, String expected) throws Exception {
        job.awaitRun(1);
        job.await("going on from");
        job.endStagesFrom(0);
        job.awaitResult(expected);
    }

    @Test
    @EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
    void anUnchangedScriptWithTheOptionsAloneGoesOnWhenItIsRequeued() throws Exception {
        String expected = StagedJob.undisturbed(CLUSTER, "beside-options");
        StagedJob signal =
                StagedJob.submit(CLUSTER, "at-signal", List.of("--checkpoint=signal --checkpoint-dir=ck"), "srun");
        StagedJob often =
                StagedJob.submit(CLUSTER, "beats", List.of("--checkpoint=0:01 --checkpoint-dir=ck-beats"), "mpirun");
        signal.await("stage 0");
        CLUSTER.exec("ctl", Cluster.ALICE, "scancel", "--batch", "--signal=USR1", signal.id())
                .await(Cluster.LIMIT);
        often.await("stage 0");
        awaitCheckpoint(CLUSTER.home().resolve("ck-beats"), CLUSTER.exec("ctl", Cluster.ALICE, "true"));
        CLUSTER.ask("ctl", "scontrol", "requeue", often.id());
        for (StagedJob job : List.of(signal, often)) {
            awaitGoingOn(job, expected);
        }
        awaitNothingLeft();
    }
}
