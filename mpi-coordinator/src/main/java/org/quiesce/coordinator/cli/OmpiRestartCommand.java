// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.commons.cli.CommandLine;
import org.apache.commons.cli.DefaultParser;
import org.apache.commons.cli.Options;
import org.apache.commons.cli.ParseException;
import org.quiesce.coordinator.launch.Installation;
import org.quiesce.coordinator.launch.Words;
import org.quiesce.coordinator.store.ReferenceDirectory;
import org.quiesce.coordinator.store.ReferenceLocator;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;

/** {@code ompi-restart}: {@code quiesce restart} under the name, with the options and the output that it had in Open MPI. */
final class OmpiRestartCommand implements OldCommand {
    private static final String APPFILE = "restart-appfile";
    private static final DateTimeFormatter CTIME =
            DateTimeFormatter.ofPattern("EEE MMM ppd HH:mm:ss yyyy", Locale.ROOT);

    private final RestartCommand restart = new RestartCommand();

    @Override
    public String name() {
        return "ompi-restart";
    }

    @Override
    public String arguments() {
        return "GLOBAL_SNAPSHOT_REF";
    }

    @Override
    public String purpose() {
        return "restart a job from a checkpoint; ends as mpirun ends";
    }

    @Override
    public Options options() {
        return OldNames.common()
                .addOption("s", "seq", true, "the sequence, instead of the newest")
                .addOption("i", "info", false, "tell about the sequences, and end")
                .addOption("a", "apponly", false, "only write the file for mpirun --app, and end")
                .addOption("p", "preload", false, "accepted; images are read where they lie")
                .addOption(null, "fork", false, "accepted; mpirun always is a child")
                .addOption(null, "showme", false, "print the command that would be run, and end")
                .addOption(Usage.value("hostfile", "FILE", "hosts for mpirun"))
                .addOption(Usage.value("machinefile", "FILE", "the same"))
                .addOption(Usage.value("mpirun_opts", "WORDS", "more options for mpirun"));
    }

    @Override
    public int run(CommandLine line, Context context) {
        Path path = OldNames.reference(line, context);
        ReferenceLocator.Located named = new ReferenceLocator(OldNames.directory(line, context)).find(path.toString());
        ReferenceDirectory reference = named.reference();
        if (line.hasOption("info")) {
            info(reference, context);
            return 0;
        }
        int sequence = line.hasOption("seq") ? Command.number(line, "seq", -1) : -1;
        Path images = sequence < 0 ? named.path() : reference.sequence(sequence);
        if (line.hasOption("apponly")) {
            appfile(reference, images, context);
            return 0;
        }
        return restart.run(words(line, images), context);
    }

    /** The words with which {@code quiesce restart} does the same. */
    private CommandLine words(CommandLine line, Path images) {
        List<String> words = new ArrayList<>();
        Optional.ofNullable(line.getOptionValue("machinefile"))
                .or(() -> Optional.ofNullable(line.getOptionValue("hostfile")))
                .ifPresent(file -> words.addAll(List.of("--hostfile", file)));
        Optional.ofNullable(line.getOptionValue("mpirun_opts")).ifPresent(more -> words.add("--mpirun-opts=" + more));
        if (line.hasOption("showme")) {
            words.add("--showme");
        }
        words.add(images.toString());
        try {
            return new DefaultParser(false).parse(restart.options(), words.toArray(String[]::new));
        } catch (ParseException e) {
            throw new CrException(ErrorCode.USAGE, e.getMessage() + "; see " + call() + " --help", e);
        }
    }

    private static void info(ReferenceDirectory reference, Context context) {
        List<Integer> sequences = reference.sequences();
        context.out().println("Sequences: " + sequences.size());
        for (int sequence : sequences) {
            Manifest manifest = ManifestFile.read(reference.sequence(sequence));
            context.out().println("Seq: " + sequence);
            context.out().println("Begin Timestamp: " + time(manifest.times().startedAt()));
            context.out().println("End   Timestamp: " + time(manifest.times().committedAt()));
            context.out().println("Processes: " + manifest.job().ranks());
        }
    }

    private static String time(Instant instant) {
        return CTIME.format(instant.atZone(ZoneId.systemDefault()));
    }

    /** The ranks are told apart by mpirun, so that one line is enough for all of them. */
    private static void appfile(ReferenceDirectory reference, Path images, Context context) {
        Path file = reference.path().resolve(APPFILE);
        List<String> words = List.of(
                "-np",
                Integer.toString(ManifestFile.read(images).job().ranks()),
                Installation.find(context.environment()).rankProgram().toString(),
                "--restore",
                images.toString());
        try {
            Files.write(file, (Words.join(words) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new CrException(ErrorCode.WRITE, "cannot write " + file + ": " + e.getMessage(), e);
        }
        context.out().println("Created Appfile: " + file);
    }
}
