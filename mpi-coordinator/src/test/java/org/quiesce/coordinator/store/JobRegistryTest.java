// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.wire.proto.NodeRecord;

class JobRegistryTest {
    private static final long SELF = ProcessHandle.current().pid();

    @TempDir
    Path home;

    private JobDirectory job(String name, long pid) {
        JobDirectory directory = JobDirectory.create(home, name);
        directory.write(record(name, new RunRecord.Place("", pid, LocalProcess.startTime(pid), 4712, "31", "30_1"), 0));
        return directory;
    }

    private RunRecord record(String name, RunRecord.Place place, long incarnation) {
        return new RunRecord(name, place, home, "ref", incarnation, 3, List.of("mpirun", "a b", "\u00e9\nnew line"), 0);
    }

    private static ErrorCode codeOf(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
        return catchThrowableOfType(CrException.class, call).code();
    }

    @Test
    void theKeyAndItsDirectoryAreForTheUserAlone() throws Exception {
        Path path = job("heat", SELF).path();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
                .isEqualTo("rwx------");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path.resolve("key"))))
                .isEqualTo("rw-------");
        assertThat(Files.readString(path.resolve("key"))).matches("[0-9a-f]{64}\n");
    }

    @Test
    void whatARunSaysComesBackAsItWas() {
        RunRecord record = job("heat", SELF).run().orElseThrow();
        assertThat(record.launcher()).containsExactly("mpirun", "a b", "\u00e9\nnew line");
        assertThat(record.keep()).isEqualTo(3);
        assertThat(record.place().slurmArray()).isEqualTo("30_1");
        assertThat(record.place().launcherPid()).isEqualTo(4712);
    }

    @Test
    void aDirectoryThatIsGoneHasNoNodes() {
        assertThat(new JobDirectory(home.resolve("gone")).nodes()).isEmpty();
        assertThat(new JobDirectory(home.resolve("gone")).running()).isFalse();
    }

    @Test
    void aJobIsFoundByNameAndByThePidsOfRunAndLauncher() throws Exception {
        JobDirectory directory = job("heat", SELF);
        Files.write(
                directory.path().resolve("node-x.pb"),
                NodeRecord.newBuilder()
                        .setHost(LocalProcess.hostName())
                        .setLauncherPid(4711)
                        .build()
                        .toByteArray());
        JobRegistry registry = new JobRegistry(home);
        assertThat(registry.find("heat").name()).isEqualTo("heat");
        assertThat(registry.find(Long.toString(SELF)).name()).isEqualTo("heat");
        assertThat(registry.find("4711").name()).isEqualTo("heat");
        assertThat(registry.find("4712").launcherPid()).isEqualTo(4712);
    }

    @Test
    void aPidOfAnotherHostIsNotMeant() throws Exception {
        JobDirectory directory = JobDirectory.create(home, "far");
        Files.write(
                directory.path().resolve("node-x.pb"),
                NodeRecord.newBuilder()
                        .setHost("elsewhere")
                        .setLauncherPid((int) SELF)
                        .build()
                        .toByteArray());
        assertThat(codeOf(() -> new JobRegistry(home).find(Long.toString(SELF))))
                .isEqualTo(ErrorCode.NO_AGENT);
    }

    @Test
    void aJobIsFoundByItsNumberInSlurm() throws Exception {
        JobDirectory directory = job("heat", SELF);
        Files.write(
                directory.path().resolve("node-x.pb"),
                NodeRecord.newBuilder().setHost("x").setSlurm("31.2").build().toByteArray());
        JobRegistry registry = new JobRegistry(home);
        assertThat(List.of("slurm:31", "slurm:30_1", "slurm:31.2"))
                .allSatisfy(target -> assertThat(registry.find(target).name()).isEqualTo("heat"));
        assertThat(List.of("slurm:3", "slurm:31.1", "slurm:", "slurm:30"))
                .allSatisfy(target ->
                        assertThat(codeOf(() -> registry.find(target))).isEqualTo(ErrorCode.NO_AGENT));
    }

    @Test
    void ofTwoIncarnationsTheNewerOneIsMeant() {
        RunRecord.Place elsewhere = new RunRecord.Place("elsewhere", 1, 1, 0, "", "");
        new Fence(home.resolve("ref")).take(elsewhere, 0, true, ledger -> false);
        JobDirectory old = JobDirectory.create(home, "heat");
        old.write(record("heat", elsewhere, 1));
        new Fence(home.resolve("ref")).take(elsewhere, 0, false, ledger -> false);
        JobDirectory fresh = JobDirectory.create(home, "heat");
        fresh.write(record("heat", elsewhere, 2));
        assertThat(new JobRegistry(home).find("heat").directory().path()).isEqualTo(fresh.path());
    }

    @Test
    void aJobOfAnotherHostIsNotSweptAway() {
        JobDirectory far = JobDirectory.create(home, "far");
        far.write(record("far", new RunRecord.Place("elsewhere", 999_999_999L, 7, 0, "", ""), 0));
        new JobRegistry(home).sweep();
        assertThat(far.path()).exists();
    }

    @Test
    void whatIsNotThereIsSaidInWordsThatHelp() {
        JobRegistry registry = new JobRegistry(home);
        assertThat(codeOf(() -> registry.find("nobody"))).isEqualTo(ErrorCode.NO_AGENT);
        assertThat(codeOf(() -> registry.find("999999999"))).isEqualTo(ErrorCode.NO_AGENT);
        assertThat(codeOf(() -> registry.find(Long.toString(SELF)))).isEqualTo(ErrorCode.NO_AGENT);
    }

    @Test
    void twoJobsOfOneNameMustBeToldApart() {
        job("heat", SELF);
        job("heat", SELF);
        assertThat(codeOf(() -> new JobRegistry(home).find("heat"))).isEqualTo(ErrorCode.USAGE);
    }

    @Test
    void aJobWhoseProcessesAreGoneIsNotThereAndIsSweptAway() {
        JobDirectory dead = job("dead", 999_999_999L);
        JobDirectory living = job("living", SELF);
        JobRegistry registry = new JobRegistry(home);
        assertThat(registry.jobs()).extracting(JobRegistry.Job::name).containsExactly("living");
        registry.sweep();
        assertThat(dead.path()).doesNotExist();
        assertThat(living.path()).exists();
    }

    /** As a host does that has lost its power. */
    @Test
    void aJobWhoseLauncherHasEndedHereIsOverEvenIfAHostHasLeftItsRecord() throws Exception {
        long gone = 999_999_999L;
        JobDirectory dead = JobDirectory.create(home, "dead");
        dead.write(record("dead", new RunRecord.Place(LocalProcess.hostName(), gone, 1, gone, "", ""), 0));
        leaveRecord(dead);
        JobDirectory killed = JobDirectory.create(home, "killed");
        killed.write(record("killed", new RunRecord.Place(LocalProcess.hostName(), gone, 1, SELF, "", ""), 0));
        leaveRecord(killed);
        assertThat(new JobRegistry(home).jobs())
                .as("only that of a launcher that has outlived quiesce run")
                .extracting(JobRegistry.Job::name)
                .containsExactly("killed");
        dead.remove();
        assertThat(dead.path()).doesNotExist();
    }

    private static void leaveRecord(JobDirectory job) throws IOException {
        Files.write(
                job.path().resolve("node-x.pb"),
                NodeRecord.newBuilder().setHost("x").build().toByteArray());
    }

    @Test
    void aRecordThatIsNoRecordIsLeftOut() throws Exception {
        JobDirectory directory = job("heat", SELF);
        Files.write(directory.path().resolve("node-bad.pb"), new byte[] {-1, -1, -1});
        assertThat(directory.nodes()).isEmpty();
    }

    @Test
    void removingLeavesNothing() {
        JobDirectory directory = job("heat", SELF);
        directory.remove();
        assertThat(directory.path()).doesNotExist();
    }

    @Test
    void theHomeIsWhereTheEnvironmentSays() {
        assertThat(JobRegistry.of(Map.of("QUIESCE_HOME", "/a")).home()).hasToString("/a");
        assertThat(JobRegistry.of(Map.of("HOME", "/b")).home()).hasToString("/b/.quiesce");
    }

    @Test
    void theNameOfAProcessMayHoldAnything() {
        String line = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 424242 20 21";
        assertThat(LocalProcess.startTime(line)).isEqualTo(424242);
    }
}
