// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.quiesce.coordinator.Restart;
import org.quiesce.coordinator.launch.Slurm;

class BatchReferenceTest {
    private static final List<String> WORDS = List.of("srun", "./heat", "400");

    @TempDir
    Path directory;

    private Optional<Path> find(List<String> words, Map<String, String> environment) {
        Restart.Finder finder = new Restart.Finder(directory, restart -> {}, warning -> {});
        return new BatchReference(new Slurm(environment), directory, finder, words).find();
    }

    private static Map<String, String> task(String task) {
        return Map.of("SLURM_JOB_ID", "9", "SLURM_ARRAY_JOB_ID", "7", "SLURM_ARRAY_TASK_ID", task);
    }

    @Test
    void tasksOfAnArrayWithTheSameWordsHavePlacesOfTheirOwn() {
        Path first = find(WORDS, task("1")).orElseThrow();
        assertThat(first.getFileName().toString()).startsWith("slurm-7_1-");
        assertThat(find(WORDS, task("2"))).isNotEqualTo(Optional.of(first));
        assertThat(find(WORDS, task("1"))).contains(first);
    }

    @Test
    void programsOfOneJobHavePlacesOfTheirOwn() {
        assertThat(find(WORDS, task("1"))).isNotEqualTo(find(List.of("srun", "./heat", "500"), task("1")));
    }

    @Test
    void aJobThatHasRunBeforeGoesOnInItsPlace() throws Exception {
        String name = "slurm-9-" + Integer.toHexString(WORDS.hashCode());
        Path own = Files.createDirectory(directory.resolve(name));
        assertThat(find(WORDS, Map.of("SLURM_JOB_ID", "9"))).contains(own);
    }

    @Test
    void outsideOfSlurmAJobWithoutCheckpointsHasNoPlaceYet() {
        assertThat(find(WORDS, Map.of())).isEmpty();
    }
}
