// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.quiesce.coordinator.store.RunRecord;

/**
 * A job that a resident coordinator is to start.
 *
 * @param name what a person calls it; empty: nothing
 * @param words that start it
 * @param launcher the launcher's words as the user gave them, for the manifest
 * @param programWords how many of these at the end are the program and its arguments; 0: as the ranks say
 * @param environment what it gets besides ours
 * @param workingDirectory where it starts, instead of here
 * @param checkpoints where they go
 * @param policy when they are taken unasked
 */
public record ResidentPlan(
        String name,
        List<String> words,
        List<String> launcher,
        int programWords,
        Map<String, String> environment,
        Optional<Path> workingDirectory,
        Checkpoints checkpoints,
        ResidentPolicy policy) {
    /** Copies the lists. */
    public ResidentPlan {
        words = List.copyOf(words);
        launcher = List.copyOf(launcher);
        environment = Map.copyOf(environment);
    }

    /** The same with another policy. */
    public ResidentPlan with(ResidentPolicy other) {
        return new ResidentPlan(name, words, launcher, programWords, environment, workingDirectory, checkpoints, other);
    }

    /**
     * Where checkpoints go.
     *
     * @param directory where references lie
     * @param local a directory of each node to which images go first
     * @param reference the name of the reference there; empty: the usual one
     * @param keep how many stay; 0: all
     * @param incarnation the one that was taken of that reference
     * @param again what the same command does when it is run once more
     */
    public record Checkpoints(
            Path directory,
            Optional<Path> local,
            String reference,
            int keep,
            Incarnation incarnation,
            RunRecord.Again again) {
        /** The same for the next incarnation, with a reference that has its name now. */
        Checkpoints with(String name, Incarnation next) {
            return new Checkpoints(directory, local, name, keep, next, again);
        }
    }
}
