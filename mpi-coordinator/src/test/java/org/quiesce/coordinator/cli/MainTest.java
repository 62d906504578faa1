// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.cr.manifest.Format;
import org.quiesce.cr.manifest.Job;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;
import org.quiesce.cr.manifest.StorageLevel;
import org.quiesce.cr.manifest.Times;

class MainTest {
    @TempDir
    Path work;

    private Quiesce quiesce;

    @BeforeEach
    void makeQuiesce() {
        quiesce = new Quiesce(work, work.resolve("home"));
    }

    /** A checkpoint whose manifest is right and whose image is not there. */
    private Path checkpoint(String reference, int sequence) throws Exception {
        Path path = Files.createDirectories(work.resolve(reference).resolve(Integer.toString(sequence)));
        Job job = new Job(
                reference,
                List.of("./heat", "9"),
                work.toString(),
                new TreeMap<>(),
                1,
                new Job.Mpi("Open MPI", "4.1.4"),
                new Job.Launcher("mpirun", List.of("--oversubscribe")));
        Times times = new Times(
                Instant.EPOCH, Instant.EPOCH.plusSeconds(sequence), List.of(new Times.PhaseTime("dump", 0, 1500)));
        ManifestFile.write(
                path,
                new Manifest(
                        Format.CURRENT,
                        "1",
                        job,
                        sequence,
                        Manifest.NO_PARENT,
                        times,
                        List.of(new RankImage(0, "vm", 7, "rank-0.cr", 4096, "0".repeat(32), "")),
                        List.of(),
                        List.of(new StorageLevel("shared", work.toString(), true))));
        return path;
    }

    @Test
    void everyCommandHasHelpThatNamesItsOptions() {
        for (String command : List.of(
                "run",
                "checkpoint",
                "halt",
                "interval",
                "restart",
                "scontrol",
                "status",
                "list",
                "info",
                "verify",
                "prune",
                "doctor")) {
            assertThat(quiesce.run(command, "--help")).isZero();
            assertThat(quiesce.out())
                    .startsWith("usage: quiesce " + command)
                    .contains("--help")
                    .contains("--verbose");
        }
    }

    @Test
    void anIntervalFollowsFromCostAndInterruptions() throws Exception {
        checkpoint("heat", 0);
        checkpoint("heat", 4);
        assertThat(quiesce.run("interval", "heat")).isZero();
        assertThat(quiesce.out()).isEqualTo("""
                        checkpoints    2, the newest took 4.000 s; the job stood still for 0.001 s of that
                        interruptions  none in 0.000 s; one in 24 h 0 min is assumed
                        interval       13.145 s
                        """);
        Files.writeString(
                work.resolve("heat/ledger.properties"),
                "incarnation=3\npid=1\nstart=1\nslurmRestarts=0\nstate=ended\nusedMillis=7200000\ninterruptions=2\n");
        assertThat(quiesce.run("interval", "--json", "heat")).isZero();
        assertThat(quiesce.out())
                .contains("\"interruptions\" : 2", "\"meanMillis\" : 3600000", "\"intervalMillis\" : 4000");
    }

    @Test
    void thereIsNoIntervalWithoutACheckpoint() {
        assertThat(quiesce.run("interval", "nothing")).isEqualTo(7);
        assertThat(quiesce.err()).contains("nothing").hasLineCount(1);
        assertThat(quiesce.run("interval")).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bogus",
                "run",
                "run -- sleep 1",
                "run --store x -- mpirun a",
                "run --store local:a,shared:b --dir c -- mpirun a",
                "run --requeue=soon -- mpirun a",
                "run --before-end 5m -- mpirun a",
                "run --total-time 5m -- mpirun a",
                "run --max-wait never -- mpirun a",
                "run -- srun -n 2",
                "run -- srun --bogus ./a",
                "run --interval soon -- mpirun a",
                "run --restart-dir d --restart -- mpirun a",
                "run --restart-dir d --dir e -- mpirun a",
                "run --of-plugin -- bash",
                "run --keep 0 -- mpirun a",
                "checkpoint",
                "checkpoint a b",
                "checkpoint --term --kill a",
                "checkpoint --forked a",
                "checkpoint --incremental a",
                "checkpoint --max-wait never a",
                "checkpoint --nonsense a",
                "halt",
                "halt --before 2h --after 1h a",
                "restart",
                "restart --launcher lsf x",
                "prune",
                "prune --keep none"
            })
    void mistakesOfTheUserEndWithTwoAndOneLine(String line) {
        assertThat(quiesce.run(line.split(" "))).isEqualTo(2);
        assertThat(quiesce.err()).startsWith("quiesce: ").hasLineCount(1).doesNotContain("Exception");
    }

    @ParameterizedTest
    @CsvSource({
        "checkpoint nobody,3",
        "checkpoint 999999999,3",
        "checkpoint slurm:12,3",
        "checkpoint slurm:12.0,3",
        "halt nobody,3",
        "migrate --off n1 nobody,3",
        "halt --remove 999999999,3",
        "status nobody,3",
        "info nothing,7",
        "verify nothing,7",
        "restart nothing,7",
        "run --restart-dir nothing -- srun ./a,7",
        "list nothing,7"
    })
    void whatIsNotThereHasItsExitCode(String line, int expected) {
        assertThat(quiesce.run(line.split(" "))).isEqualTo(expected);
        assertThat(quiesce.err()).hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource({
        "ompi-checkpoint,1",
        "ompi-checkpoint --nonsense 1,1",
        "ompi-checkpoint heat,1",
        "ompi-checkpoint --term --stop 1,1",
        "orte-checkpoint 999999999,255",
        "ompi-checkpoint --hnp-pid 999999999,255",
        "ompi-checkpoint -hnp-jobid 65536,255",
        "ompi-restart,1",
        "ompi-restart nothing,255",
        "ompi-restart -s 5 there,255",
        "ompi-migrate,1",
        "ompi-migrate 77,1",
        "ompi-migrate -r 0 77,255",
        "orte-migrate -x node1 -t node2 77,255"
    })
    void oldNamesHaveTheirOldExitStatuses(String line, int expected) throws Exception {
        checkpoint("there", 0);
        assertThat(quiesce.run(line.split(" "))).isEqualTo(expected);
        assertThat(quiesce.err())
                .startsWith(line.split(" ", 2)[0].replace("orte", "ompi"))
                .hasLineCount(1);
    }

    @Test
    void oldNamesListWhatIsThereInTheOldForm() throws Exception {
        assertThat(quiesce.run("ompi-checkpoint", "-l")).isZero();
        assertThat(quiesce.out()).isEqualTo("[No Valid Checkpoints]\n");
        checkpoint("ompi_global_snapshot_7.ckpt", 0);
        checkpoint("ompi_global_snapshot_7.ckpt", 2);
        assertThat(quiesce.run("ompi-checkpoint", "--list")).isZero();
        assertThat(quiesce.out()).isEqualTo("Snapshot Ref.: ompi_global_snapshot_7.ckpt\t[0,2]\n");
        assertThat(quiesce.run("ompi-checkpoint", "-l", "-mca", "snapc_base_global_snapshot_dir", "/nowhere"))
                .isEqualTo(255);
        assertThat(quiesce.run("ompi-restart", "--info", "ompi_global_snapshot_7.ckpt"))
                .isZero();
        assertThat(quiesce.out())
                .startsWith("Sequences: 2\nSeq: 0\nBegin Timestamp: ")
                .contains("Seq: 2\n", "Processes: 1\n");
    }

    @Test
    void aStackTraceIsForThoseWhoAsk() {
        assertThat(quiesce.run("-v")).isEqualTo(2);
        assertThat(quiesce.run("info", "-v", "nothing")).isEqualTo(7);
        assertThat(quiesce.err()).contains("CrException");
    }

    @Test
    void withoutJobsStatusSaysSo() {
        assertThat(quiesce.run("status")).isZero();
        assertThat(quiesce.out()).isEqualToIgnoringNewLines("no jobs");
    }

    @Test
    void checkpointsAreListedAsATableAndAsJson() throws Exception {
        checkpoint("heat", 0);
        checkpoint("heat", 1);
        assertThat(quiesce.run("list")).isZero();
        assertThat(quiesce.out()).contains("REFERENCE").contains("./heat 9");
        assertThat(quiesce.run("list", "--json")).isZero();
        assertThat(new ObjectMapper().readTree(quiesce.out())).hasSize(2);
    }

    @Test
    void aDamagedManifestMakesARowAndNotAFailure() throws Exception {
        Path manifest = checkpoint("heat", 0).resolve(ManifestFile.NAME);
        Files.writeString(manifest, Files.readString(manifest).replace("vm", "wm"));
        assertThat(quiesce.run("list")).isZero();
        assertThat(quiesce.out()).contains("damaged");
        assertThat(quiesce.run("info", "heat")).isEqualTo(7);
        assertThat(quiesce.run("verify", "heat")).isEqualTo(7);
    }

    @Test
    void infoShowsTheManifest() throws Exception {
        checkpoint("heat", 0);
        assertThat(quiesce.run("info", "heat")).isZero();
        assertThat(quiesce.out())
                .contains("Open MPI 4.1.4")
                .contains("rank-0.cr")
                .contains("1.5");
        assertThat(quiesce.run("info", "--json", "heat")).isZero();
        assertThat(new ObjectMapper().readTree(quiesce.out()).path("sequence").asInt(-1))
                .isZero();
    }

    @Test
    void aMissingImageIsFoundByVerifyAndRefusedByRestart() throws Exception {
        checkpoint("heat", 0);
        assertThat(quiesce.run("verify", "heat")).isEqualTo(7);
        assertThat(quiesce.err()).contains("rank 0").contains("missing");
        assertThat(quiesce.run("verify", "--json", "heat")).isEqualTo(7);
        assertThat(new ObjectMapper()
                        .readTree(quiesce.out().substring(quiesce.out().indexOf('{')))
                        .path("intact")
                        .asBoolean(true))
                .isFalse();
    }

    @Test
    void pruningTellsWhatItRemoved() throws Exception {
        checkpoint("heat", 0);
        checkpoint("heat", 1);
        checkpoint("other", 5);
        assertThat(quiesce.run("prune", "--keep", "1")).isZero();
        assertThat(quiesce.out()).contains("heat/0").doesNotContain("other");
        assertThat(work.resolve("heat/1")).exists();
    }

    @Test
    void aSequenceThatIsNotThereIsNamed() throws Exception {
        checkpoint("heat", 0);
        assertThat(quiesce.run("info", "-s", "4", "heat")).isEqualTo(7);
        assertThat(quiesce.err()).contains("no complete checkpoint 4").contains("[0]");
    }
}
