// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.LauncherCommand;
import org.quiesce.coordinator.launch.RestartSpec;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.CrException;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;

/** A checkpoint from which a job is to go on. */
public record Restart(Path path, Manifest manifest) {
    /** Reads the manifest of a sequence. */
    public static Restart at(Path path) {
        return new Restart(path, ManifestFile.read(path));
    }

    /** Where the reference lies. */
    public Path directory() {
        return reference().directory();
    }

    private ReferenceDirectory reference() {
        return new ReferenceDirectory(path.resolve(".."));
    }

    /** The name of the reference. */
    public String referenceName() {
        return reference().name();
    }

    /** The launcher and its options as the checkpoint has them. */
    public List<String> recordedLauncher() {
        List<String> launcher = new ArrayList<>();
        launcher.add(manifest.job().launcher().name());
        launcher.addAll(manifest.job().launcher().options());
        return launcher;
    }

    /**
     * The launcher and its options of a command by which the job is to go on. Those of mpirun can only be told from the
     * program if that is the same.
     */
    public List<String> launcherOf(LauncherCommand now) {
        boolean same = startedBy(now.words());
        boolean recorded = now.name().equals(new LauncherCommand(recordedLauncher()).name());
        if (now.programWords() > 0 || same) {
            return now.given(manifest.job().arguments().size());
        }
        return recorded ? recordedLauncher() : List.of(now.words().get(0));
    }

    /** The command that restarts the job by this launcher and its options. */
    public LauncherCommand command(
            Installation installation,
            List<String> launcher,
            Optional<Path> hostfile,
            List<String> moreOptions,
            Map<String, String> environment) {
        RestartSpec spec = new RestartSpec(manifest.job().ranks(), hostfile, moreOptions);
        return LauncherCommand.restart(launcher, spec, installation.rankProgram(), path, environment);
    }

    /** How a resident coordinator goes on with the job by this command, which begins with these words of the launcher. */
    public ResidentPlan plan(
            LauncherCommand command,
            List<String> launcher,
            Map<String, String> environment,
            ResidentPlan.Checkpoints checkpoints) {
        List<String> recorded = new ArrayList<>(launcher);
        recorded.addAll(manifest.job().arguments());
        Map<String, String> ofTheJob = new HashMap<>(manifest.job().environment());
        ofTheJob.putAll(command.restartEnvironment(environment));
        return new ResidentPlan(
                manifest.job().name(),
                command.handingEnvironmentOn(true),
                recorded,
                manifest.job().arguments().size(),
                ofTheJob,
                Optional.of(Path.of(manifest.job().workingDirectory())),
                checkpoints,
                ResidentPolicy.NOTHING);
    }

    /** Finds checkpoints to go on from. */
    public static final class Finder {
        private final ReferenceLocator locator;
        private final Path directory;
        private final Consumer<Restart> fetch;
        private final Consumer<String> warnings;

        /** Looks in this directory; brings images there that are on nodes only; tells of checkpoints that are passed over. */
        public Finder(Path directory, Consumer<Restart> fetch, Consumer<String> warnings) {
            this.directory = directory;
            this.fetch = fetch;
            this.warnings = warnings;
            locator = new ReferenceLocator(directory);
        }

        /** The one that a person names; it must be whole. */
        public Restart named(String reference) {
            Restart restart = at(locator.find(reference).path());
            fetch.accept(restart);
            Verification.of(restart.path()).throwIfDamaged();
            return restart;
        }

        /** The newest whole one, in such a reference, of a job that was started by the same words. */
        public Optional<Restart> newest(List<String> words, Predicate<Path> which) {
            if (!Files.isDirectory(directory)) {
                return Optional.empty();
            }
            List<Restart> candidates = new ArrayList<>();
            for (ReferenceDirectory reference : locator.all()) {
                if (which.test(reference.path())) {
                    for (int sequence : reference.sequences()) {
                        candidate(reference.sequence(sequence), Optional.empty(), words)
                                .ifPresent(candidates::add);
                    }
                }
            }
            candidates.sort(Comparator.comparing(
                            (Restart restart) -> restart.manifest().times().committedAt())
                    .reversed());
            return candidates.stream().filter(this::whole).findFirst();
        }

        /** The newest whole one of this reference. */
        public Optional<Restart> newestOf(Path path) {
            ReferenceDirectory reference = new ReferenceDirectory(path);
            List<Integer> sequences = new ArrayList<>(reference.sequences());
            Collections.reverse(sequences);
            return sequences.stream()
                    .flatMap(sequence ->
                            candidate(reference.sequence(sequence), Optional.of(reference.name()), List.of()).stream())
                    .filter(this::whole)
                    .findFirst();
        }

        private Optional<Restart> candidate(Path path, Optional<String> name, List<String> words) {
            try {
                Restart restart = at(path);
                boolean same = name.isPresent() ? restart.referenceName().equals(name.get()) : restart.startedBy(words);
                return same ? Optional.of(restart) : Optional.empty();
            } catch (CrException e) {
                warnings.accept("quiesce: passing over " + path + ": " + e.getMessage());
                return Optional.empty();
            }
        }

        private boolean whole(Restart restart) {
            try {
                fetch.accept(restart);
                Verification.of(restart.path()).throwIfDamaged();
                return true;
            } catch (CrException e) {
                warnings.accept("quiesce: passing over " + restart.path() + ": " + e.getMessage());
                return false;
            }
        }
    }

    private boolean startedBy(List<String> words) {
        List<String> arguments = manifest.job().arguments();
        int program = words.size() - arguments.size();
        if (arguments.isEmpty() || program < 1) {
            return false;
        }
        return words.subList(program + 1, words.size()).equals(arguments.subList(1, arguments.size()))
                && Objects.equals(
                        Path.of(words.get(program)).getFileName(),
                        Path.of(arguments.get(0)).getFileName());
    }
}
