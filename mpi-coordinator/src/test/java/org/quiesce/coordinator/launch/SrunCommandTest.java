// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.quiesce.cr.CrException;

class SrunCommandTest {
    private static final Path AGENT = Path.of("/q/cr_mpirank");

    private static List<String> started(String line, Map<String, String> environment) {
        return SrunCommand.parse(Words.split(line)).started(AGENT, environment);
    }

    private static String started(String line) {
        return String.join(" ", started(line, Map.of()));
    }

    @ParameterizedTest
    @CsvSource({
        "srun ./a, 1",
        "srun -n4 ./a -n 5, 2",
        "srun -n 4 ./a, 3",
        "srun -lN2 ./a, 2",
        "srun -lN 2 ./a, 3",
        "srun -I ./a, 2",
        "srun -I5 ./a, 2",
        "srun -K ./a, 2",
        "srun --ntasks 4 ./a, 3",
        "srun --ntasks=4 ./a, 2",
        "srun --nta 4 ./a, 3",
        "srun --exclusive ./a, 2",
        "srun --exclusive=user ./a, 2",
        "srun --ntasks-per-n 2 --label ./a, 4",
        "srun --site-option=3 ./a, 2",
        "srun -u -- ./a --, 3",
        "srun -vvv -o out -- ./a, 5",
        "srun --checkpoint 5 ./a, 3",
        "srun --mpi pmix -t 1:00 ./a, 5",
        "srun env A=1 ./a, 1"
    })
    void theProgramIsFoundAsSrunFindsIt(String line, int program) {
        assertThat(SrunOptions.read(Words.split(line)).program()).isEqualTo(program);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "srun",
                "srun -n",
                "srun -n 4",
                "srun --ntasks",
                "srun --bogus ./a",
                "srun --n 3 --bog ./a",
                "srun -y ./a",
                "srun -n1 ./a : -n1 ./b",
                "srun --multi-prog conf",
                "srun --bcast=/tmp/a ./a",
                "srun --pty ./a",
                "srun --checkpoint=5 ./a",
                "srun --checkpoint-dir /d ./a",
                "srun --restart-d=/d ./a",
                "srun --container c ./a"
            })
    void whatIsNotClearOrCannotBeIsRefused(String line) {
        assertThatThrownBy(() -> SrunCommand.parse(Words.split(line)))
                .isInstanceOf(CrException.class)
                .hasMessageMatching("(?s).*(srun|component|program|option).*");
    }

    @ParameterizedTest
    @CsvSource({
        "srun --checkpoint=30 -N2 ./a --checkpoint=7, srun -N2 -- ./a --checkpoint=7",
        "srun --checkpoint 1-0 -n 4 --checkpoint-dir d ./a, srun -n 4 -- ./a",
        "srun --comment --checkpoint=3 --restart=d -- ./a, srun --comment --checkpoint=3 -- ./a",
        "srun ./a, srun -- ./a"
    })
    void optionsOfThePluginAreTakenAwayAndNothingElse(String line, String left) {
        assertThat(SrunCommand.withoutPlugin(Words.split(line))).isEqualTo(Words.split(left));
    }

    @Test
    void ourProgramIsPutBeforeTheUsersAndPmixIsTheUsualMpi() {
        assertThat(started("srun -N2 -n4 ./a 1 --x")).isEqualTo("srun -N2 -n4 --mpi=pmix /q/cr_mpirank ./a 1 --x");
        assertThat(started("srun --mpi=pmi2 -n4 -- ./a")).isEqualTo("srun --mpi=pmi2 -n4 /q/cr_mpirank ./a");
        assertThat(started("srun ./a", Map.of("SLURM_MPI_TYPE", "pmix_v4")))
                .containsExactly("srun", "/q/cr_mpirank", "./a");
        assertThat(started("srun cr_mpirank ./a")).isEqualTo("srun --mpi=pmix cr_mpirank ./a");
        assertThat(SrunCommand.parse(Words.split("srun -l cr_mpirank ./a 1")).programWords())
                .isEqualTo(2);
    }

    @Test
    void ranksHearOfTheJobWhateverTheUserHandsOn() {
        String ours = "QUIESCE_JOB_DIR,QUIESCE_JOB,QUIESCE_LISTEN";
        assertThat(started("srun --export=NONE ./a")).contains("--export=" + ours + " ");
        assertThat(started("srun --export=A,B=1 ./a")).contains("--export=A,B=1," + ours + " ");
        assertThat(started("srun --export ALL ./a")).contains("--export=ALL," + ours + " ");
        assertThat(SrunCommand.environment(Map.of("SLURM_EXPORT_ENV", "NONE"))).containsEntry("SLURM_EXPORT_ENV", ours);
        assertThat(SrunCommand.environment(Map.of("A", "B"))).isEmpty();
    }

    @Test
    void aRestartHasTheOptionsOfTheFirstRunButThoseOfItsAllocation() {
        LauncherCommand first =
                new LauncherCommand(Words.split("srun -ln4 -N 2 -w n1,n2 --jobid 7 --label -x n3 ./a 1"));
        assertThat(first.options(2)).containsExactly("srun", "-l", "-N", "2", "--label");
        assertThat(first.given(2)).contains("-w", "-x", "--jobid").doesNotContain("-n", "4");
        RestartSpec spec = new RestartSpec(4, Optional.empty(), List.of("-N1"));
        assertThat(LauncherCommand.restart(first.options(2), spec, AGENT, Path.of("/c/3"), Map.of())
                        .words())
                .containsExactly(
                        "srun",
                        "-l",
                        "-N",
                        "2",
                        "--label",
                        "-N1",
                        "-n",
                        "4",
                        "--mpi=pmix",
                        "/q/cr_mpirank",
                        "--restore",
                        "/c/3");
    }

    @Test
    void aHostfileIsForMpirun() {
        RestartSpec spec = new RestartSpec(4, Optional.of(Path.of("/hosts")), List.of());
        assertThatThrownBy(() -> LauncherCommand.restart(List.of("srun"), spec, AGENT, Path.of("/c/3"), Map.of()))
                .isInstanceOf(CrException.class)
                .hasMessageContaining("--nodelist");
    }
}
