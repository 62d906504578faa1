// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.system;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The job scripts of {@code examples/slurm}, all at once and as they stand there, on a cluster with the settings of that place. */
@Tag("root")
@EnabledIfEnvironmentVariable(named = "QUIESCE_TEST_BATCH", matches = "1")
final class JobScriptsTest {
    @RegisterExtension
    static final Cluster CLUSTER = new Cluster(
            "--nodes",
            "2",
            "--cpus",
            "8",
            "--conf",
            AdministratorsTest.settings().toString());

    private static final String STAGES = "2";

    /** One job: its number as commands take it, what it prints, and where its program looks for the files that let it go on. */
    private record Job(String id, Path out, Path place) {
        String printed() throws IOException {
            try {
                return Files.readString(out);
            } catch (NoSuchFileException e) {
                return "";
            }
        }

        void awaitText(String text) throws Exception {
            try {
                Await.until(
                        "job " + id + " prints " + text,
                        Cluster.LIMIT,
                        () -> printed().contains(text));
            } catch (AssertionError e) {
                throw new AssertionError(e.getMessage() + '\n' + printed(), e);
            }
        }

        boolean hasRestarted() throws IOException {
            return printed().contains("quiesce: going on from");
        }

        void goOn() throws IOException {
            for (String stage : List.of("0", "1")) {
                if (!Files.exists(place.resolve(stage))) {
                    Files.createFile(place.resolve(stage));
                }
            }
        }

        void awaitGoodEnd(String result) throws Exception {
            Await.until("job " + id + " ends", Cluster.LIMIT, () -> !show().contains("JobState=RUNNING"));
            assertThat(show()).as(printed()).contains("JobState=COMPLETED", "ExitCode=0:0", "Restarts=1");
            assertThat(printed().lines().filter(line -> line.startsWith("result")))
                    .as(printed())
                    .containsExactly(result);
            assertThat(printed()).containsOnlyOnce("stage 0").containsOnlyOnce("stage 1");
        }

        private String show() throws Exception {
            return CLUSTER.ask("ctl", "scontrol", "-o", "show", "job", id);
        }
    }

    private static Path place(String name) throws Exception {
        Path place = Files.createDirectories(CLUSTER.home().resolve(name));
        Files.setPosixFilePermissions(place, PosixFilePermissions.fromString("rwxrwxrwx"));
        return place;
    }

    private static String submit(String name, String... words) throws Exception {
        place(name);
        String line = "cd " + name + " && OMPI_MCA_mpi_yield_when_idle=1 sbatch --parsable " + String.join(" ", words);
        return CLUSTER.ask("ctl", "sh", "-c", line).strip();
    }

    /** A job of a script, in a directory of its own. */
    private static Job job(String name, String script, String... options) throws Exception {
        String id = submit(name, String.join(" ", options), "-o out", "../" + script, "../stages-mpicc", ".", STAGES);
        return new Job(
                id, CLUSTER.home().resolve(name).resolve("out"), CLUSTER.home().resolve(name));
    }

    /** Two tasks of an array, which share a directory. */
    private static List<Job> array() throws Exception {
        for (String task : List.of("array/1", "array/2")) {
            place(task);
        }
        String id = submit("array", "--array=1-2 ../array.sh ../stages-mpicc", STAGES);
        Path place = place("array");
        return Stream.of("1", "2")
                .map(task -> new Job(
                        id + '_' + task, place.resolve("array-" + id + '-' + task + ".out"), place.resolve(task)))
                .toList();
    }

    /** Two jobs that do the same at the same time in the same place. */
    private static List<Job> twins() throws Exception {
        Path place = place("twins");
        List<Job> jobs = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            String id = submit("twins", "-o out-%j ../preemption.sh ../stages-mpicc .", STAGES);
            jobs.add(new Job(id, place.resolve("out-" + id), place));
        }
        return jobs;
    }

    /** None is started sooner by hand: Slurm may take its credential for one of the run before, and fail it for that. */
    private static void awaitRestart(List<Job> jobs) throws Exception {
        try {
            Await.until("all jobs go on", Cluster.LIMIT, () -> waiting(jobs).isEmpty());
        } catch (AssertionError e) {
            StringBuilder text = new StringBuilder(e.getMessage());
            for (Job job : waiting(jobs)) {
                text.append('\n').append(job.show()).append('\n').append(job.printed());
            }
            throw new AssertionError(text.toString(), e);
        }
    }

    private static List<Job> waiting(List<Job> jobs) throws IOException {
        List<Job> waiting = new ArrayList<>();
        for (Job job : jobs) {
            if (!job.hasRestarted()) {
                waiting.add(job);
            }
        }
        return waiting;
    }

    private static String undisturbed() throws Exception {
        Path place = place("undisturbed");
        Files.createFile(place.resolve("0"));
        Files.createFile(place.resolve("1"));
        String[] words =
                "env OMPI_MCA_mpi_yield_when_idle=1 srun --mpi=pmix -n2 ./stages-mpicc undisturbed 2".split(" ");
        return CLUSTER.ask("ctl", words).lines().reduce("", (before, line) -> line);
    }

    @Test
    void everyScriptGoesOnWhereItsJobWasWhenItWasQueuedAgain() throws Exception {
        CLUSTER.give(Path.of(Stage.program("mpicc", "system-tests/src/test/programs/stages.c")));
        for (Path script : Stage.filesEndingIn(Stage.source("examples/slurm"), ".sh")) {
            CLUSTER.give(script);
        }
        Job limit = job("limit", "time-limit.sh", "--time=10");
        List<Job> warned = Stream.concat(
                        Stream.of(
                                job("srun", "preemption.sh"),
                                job("mpirun", "preemption-mpirun.sh"),
                                job("budget", "total-time.sh")),
                        Stream.concat(array().stream(), twins().stream()))
                .toList();
        for (Job job : warned) {
            job.awaitText("stage 0");
        }
        for (Job job : warned) {
            CLUSTER.ask("ctl", "scancel", "--batch", "--signal=USR1", job.id());
        }
        limit.awaitText("the allocation ends: the job is ended");
        CLUSTER.exec("ctl", "root", "scontrol", "update", "jobid=" + limit.id(), "timelimit=60")
                .awaitStatus(0, Cluster.LIMIT);
        List<Job> all = Stream.concat(warned.stream(), Stream.of(limit)).toList();
        awaitRestart(all);
        for (Job job : all) {
            job.goOn();
        }
        String result = undisturbed();
        for (Job job : all) {
            job.awaitGoodEnd(result);
        }
    }
}
