// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.Incarnation;
import org.quiesce.coordinator.store.Fence;
import org.quiesce.coordinator.store.Ledger;
import org.quiesce.coordinator.store.ReferenceDirectory;

class StepReferenceTest {
    private static final List<String> WORDS = List.of("srun", "./heat", "400");

    @TempDir
    Path directory;

    private final List<String> warnings = new ArrayList<>();

    private StepReference step(List<String> words, int run, Map<String, String> more) {
        Map<String, String> environment = new HashMap<>(more);
        environment.put("SLURM_JOB_ID", "7");
        environment.put("SLURM_STEP_NODELIST", "n" + run);
        if (run > 0) {
            environment.put("SLURM_RESTART_COUNT", Integer.toString(run));
        }
        return new StepReference(new Context(System.out, System.err, environment, directory, false), directory, words);
    }

    private Optional<Incarnation> take(int run, String seed) {
        return step(WORDS, run, Map.of("SEED", seed)).take(warnings::add);
    }

    @Test
    void aStepThatWasInterruptedIsFoundAgainOnOtherNodes() {
        assertThat(take(0, "1").orElseThrow().number()).isEqualTo(1);
        assertThat(take(1, "1").orElseThrow().number()).isEqualTo(2);
        assertThat(take(2, "1").orElseThrow().number()).isEqualTo(3);
        assertThat(step(WORDS, 0, Map.of()).isAgain()).isFalse();
        assertThat(step(WORDS, 1, Map.of()).isAgain()).isTrue();
    }

    @Test
    void wordsAndVariablesTellStepsApart() {
        Path path = step(WORDS, 0, Map.of("SEED", "1")).path();
        assertThat(step(WORDS, 0, Map.of("SEED", "2")).path()).isNotEqualTo(path);
        assertThat(step(List.of("srun", "./heat", "500"), 0, Map.of("SEED", "1"))
                        .path())
                .isNotEqualTo(path);
        assertThat(step(WORDS, 1, Map.of("SEED", "1", "HOSTNAME", "n2")).path()).isEqualTo(path);
    }

    @Test
    void aStepWhoseEnvironmentIsAnotherOneAfterARequeueSaysThatItBeginsAnew() throws Exception {
        Path path = step(WORDS, 0, Map.of("SEED", "1")).path();
        assertThat(take(0, "1")).isPresent();
        assertThat(take(1, "2")).isPresent();
        assertThat(warnings).as("there is no checkpoint yet").isEmpty();
        ReferenceDirectory reference = new ReferenceDirectory(path);
        reference.begin(0);
        Files.writeString(reference.partial(0).resolve(ReferenceDirectory.MANIFEST), "{}");
        reference.commit(0);
        assertThat(take(1, "3")).isPresent();
        assertThat(warnings).hasSize(1).first().asString().contains("environment", "--restart-dir=" + path);
        assertThat(take(1, "1").orElseThrow().number()).isEqualTo(2);
        assertThat(take(1, "4")).isPresent();
        assertThat(warnings).as("a step of this run goes on from it").hasSize(1);
    }

    @Test
    void twoEqualStepsAtOnceNeverGoOnByThemselves() {
        assertThat(take(0, "1")).isPresent();
        assertThat(take(0, "1")).isEmpty();
        assertThat(take(1, "1")).isEmpty();
        assertThat(warnings).hasSize(2).allMatch(text -> text.contains("equal step"));
    }

    @Test
    void aStepThatHasEndedWellIsNotTakenForTheNextOne() {
        Path path = step(WORDS, 0, Map.of("SEED", "1")).path();
        assertThat(take(0, "1")).isPresent();
        new Fence(path).note(1, Ledger.State.ENDED, 0);
        assertThat(take(1, "1")).isEmpty();
        assertThat(take(2, "1")).isEmpty();
    }

    @Test
    void aStepThatWasEndedByACheckpointGoesOn() {
        take(0, "1").orElseThrow().givenUp();
        assertThat(take(1, "1").orElseThrow().number()).isEqualTo(2);
    }
}
