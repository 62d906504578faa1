// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;

class LauncherCommandTest {
    private static LauncherCommand words(String line) {
        return new LauncherCommand(Words.split(line));
    }

    @Test
    void optionsOfTheLauncherAreKeptWithoutTheNumberOfRanksAndTheProgram() {
        LauncherCommand command =
                words("/usr/bin/mpirun --allow-run-as-root --oversubscribe -np 4 --mca btl self,tcp ./heat 10 20");
        assertThat(command.options(3))
                .containsExactly(
                        "/usr/bin/mpirun", "--allow-run-as-root", "--oversubscribe", "--mca", "btl", "self,tcp");
    }

    @Test
    void hostsThatTheUserNamesAreKnown(@TempDir Path directory) throws Exception {
        Path file = Files.writeString(directory.resolve("hosts"), "# mine\nn3 slots=2\n\nn1\n");
        assertThat(words("mpirun -H n1:2,n2 --hostfile " + file + " -np 4").hosts())
                .containsExactly("n1", "n2", "n3");
        assertThat(words("mpirun -np 4 --hostfile " + directory.resolve("none")).hosts())
                .isEmpty();
        assertThat(words("srun -w n1 -n2").hosts()).isEmpty();
    }

    @Test
    void theRankProgramOfAJobOnDemandIsNoOption() {
        assertThat(words("mpirun -n 2 /opt/q/libexec/quiesce/cr_mpirank ./heat").options(1))
                .containsExactly("mpirun");
    }

    @Test
    void ourOwnVariablesAreHandedOnAndNotRecorded() {
        List<String> full = words("mpirun -np 2 ./a").handingEnvironmentOn(true);
        assertThat(full).startsWith("mpirun", "-x", "QUIESCE_JOB_DIR", "-x", "QUIESCE_JOB");
        assertThat(new LauncherCommand(full).options(1)).containsExactly("mpirun");
    }

    @Test
    void aRestartStartsTheRankProgramWithTheImages() {
        RestartSpec spec = new RestartSpec(4, Optional.empty(), List.of("--bind-to", "none"));
        assertThat(LauncherCommand.restart(
                                List.of("mpirun", "--oversubscribe"),
                                spec,
                                Path.of("/q/cr_mpirank"),
                                Path.of("/c/heat/3"),
                                Map.of())
                        .words())
                .containsExactly(
                        "mpirun",
                        "--oversubscribe",
                        "--bind-to",
                        "none",
                        "-np",
                        "4",
                        "/q/cr_mpirank",
                        "--restore",
                        "/c/heat/3");
    }

    @Test
    void aNewHostfileTakesThePlaceOfTheOldOne() {
        RestartSpec spec = new RestartSpec(2, Optional.of(Path.of("/new")), List.of());
        assertThat(LauncherCommand.restart(
                                List.of("mpirun", "--hostfile", "/old", "--x"),
                                spec,
                                Path.of("/r"),
                                Path.of("/c"),
                                Map.of())
                        .words())
                .contains("/new")
                .doesNotContain("/old");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-hostfile a", "-H a --host b", "--host a --rankfile r", "-machinefile a -rf r"})
    void hostsThatAreNamedAnewTakeThePlaceOfAllOldOnes(String old) {
        List<String> launcher = Words.split("mpirun --mca btl tcp " + old + " --oversubscribe");
        RestartSpec options = new RestartSpec(2, Optional.empty(), List.of("--host", "c:2"));
        assertThat(restarted(launcher, options))
                .startsWith("mpirun", "--mca", "btl", "tcp", "--oversubscribe", "--host", "c:2", "-np");
        RestartSpec hostfile = new RestartSpec(2, Optional.of(Path.of("/new")), List.of());
        assertThat(restarted(launcher, hostfile))
                .startsWith("mpirun", "--mca", "btl", "tcp", "--oversubscribe", "--hostfile", "/new", "-np");
        RestartSpec nothing = new RestartSpec(2, Optional.empty(), List.of("--bind-to", "none"));
        assertThat(restarted(launcher, nothing)).containsAll(launcher);
    }

    private static List<String> restarted(List<String> launcher, RestartSpec spec) {
        return LauncherCommand.restart(launcher, spec, Path.of("/r"), Path.of("/c"), Map.of())
                .words();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"sleep 5", "srun -n 2 ./a : -n 2 ./b", "srun -n 2", "srun --multi-prog conf", "srun --pty ./a"})
    void whatCannotBeStartedYetIsRefusedClearly(String line) {
        assertThatThrownBy(() -> LauncherCommand.parse(Words.split(line)))
                .isInstanceOf(CrException.class)
                .extracting(e -> ((CrException) e).code())
                .isEqualTo(ErrorCode.USAGE);
    }

    @Test
    void wordsAreSplitAsAShellWould() {
        assertThat(Words.split(" a 'b c' \"d \\\" e\" f\\ g '' ")).containsExactly("a", "b c", "d \" e", "f g", "");
        List<String> odd = List.of("plain", "with space", "it's", "", "$HOME");
        assertThat(Words.split(Words.join(odd))).isEqualTo(odd);
        assertThatThrownBy(() -> Words.split("a 'b")).isInstanceOf(CrException.class);
    }

    @ParameterizedTest
    @CsvSource({"90,90", "90s,90", "15m,900", "2h,7200", "1d,86400", "01:30,90", "1:00:00,3600"})
    void lengthsOfTimeAreReadAsUsersWriteThem(String text, long seconds) {
        assertThat(Interval.parse(text)).isEqualTo(Duration.ofSeconds(seconds));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-1", "5 minutes", "abc", "99999999999"})
    void whatIsNoLengthOfTimeIsRefused(String text) {
        assertThatThrownBy(() -> Interval.parse(text)).isInstanceOf(CrException.class);
    }
}
