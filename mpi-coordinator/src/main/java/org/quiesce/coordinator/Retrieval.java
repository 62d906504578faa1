// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import org.quiesce.coordinator.launch.Errand;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.launch.RestartSpec;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.coordinator.store.StoreSpec;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;

/**
 * Brings the images of a checkpoint that are still on the disks of nodes to where a restart reads them. The launcher of the
 * job starts the mover on the nodes where the job is to go on, since Quiesce starts nothing on other nodes by itself.
 */
public final class Retrieval {
    private final Installation installation;
    private final Map<String, String> environment;
    private final Consumer<String> notes;

    /** Notes are for the person who waits. */
    public Retrieval(Installation installation, Map<String, String> environment, Consumer<String> notes) {
        this.installation = installation;
        this.environment = environment;
        this.notes = notes;
    }

    /** Returns when all images lie beside the manifest; throws which one cannot be had with this launcher and its options. */
    public void bring(Restart restart, List<String> launcher, Optional<Path> hostfile, List<String> moreOptions) {
        Path sequence = restart.path();
        if (Levels.settle(sequence)) {
            return;
        }
        Manifest manifest = restart.manifest();
        String from = manifest.localDirectory().orElse("");
        List<String> mover = List.of(installation.moveProgram().toString(), from, sequence.toString());
        if (!StoreSpec.isOfRound(from)) {
            throw new CrException(
                    ErrorCode.DAMAGED,
                    "\"" + from + "\" in the manifest of " + sequence + " is no directory of images");
        }
        if (Files.isDirectory(Path.of(from))) {
            start(mover, Map.of(), Optional.empty());
        }
        boolean elsewhere = Levels.missing(sequence, manifest).stream()
                .anyMatch(image -> !image.host().equals(LocalProcess.hostName()));
        if (elsewhere) {
            notes.accept("quiesce: fetching images of " + sequence + " from the disks of the nodes");
            RestartSpec spec = new RestartSpec(manifest.job().ranks(), hostfile, moreOptions);
            LauncherCommand command = LauncherCommand.onEveryRank(launcher, spec, mover, environment);
            Map<String, String> all = new HashMap<>(manifest.job().environment());
            all.putAll(command.restartEnvironment(environment));
            start(command.words(), all, Optional.of(Path.of(manifest.job().workingDirectory())));
        }
        if (!Levels.settle(sequence)) {
            RankImage first =
                    Levels.missing(sequence, ManifestFile.read(sequence)).get(0);
            throw Levels.elsewhere(sequence, manifest, first);
        }
    }

    /** What it does is seen by its result; what it says is for the user. */
    private static void start(List<String> words, Map<String, String> more, Optional<Path> directory) {
        try {
            Errand.start(words, more, directory).waitFor();
        } catch (IOException e) {
            throw new CrException(
                    ErrorCode.USAGE, "cannot start " + words.get(0) + "; is it installed and on the PATH?", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
