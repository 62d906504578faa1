// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.quiesce.cr.image.ImageFile;
import org.quiesce.cr.image.proto.Host;
import org.quiesce.cr.image.proto.MappedFile;
import org.quiesce.cr.image.proto.MappedFiles;
import org.quiesce.cr.image.proto.NoteType;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.RankImage;

/** What on this host speaks against a restart. The ranks check their own hosts again, and more closely. */
public final class HostCheck {
    private static final long NANOS = 1_000_000_000L;

    private final Path path;
    private final Manifest manifest;
    private final List<String> problems = new ArrayList<>();
    private final Map<String, MappedFile> files = new LinkedHashMap<>();

    private HostCheck(Path path, Manifest manifest) {
        this.path = path;
        this.manifest = manifest;
    }

    /** One line for each thing that is missing or has changed; empty when nothing speaks against a restart. */
    public static List<String> problems(Path path, Manifest manifest) {
        HostCheck check = new HostCheck(path, manifest);
        check.look();
        return List.copyOf(check.problems);
    }

    private void look() {
        for (RankImage image : manifest.ranks()) {
            try (ImageFile open = ImageFile.open(Levels.file(path, manifest, image))) {
                open.message(NoteType.NOTE_HOST, Host.parser()).ifPresent(this::compareMachine);
                open.messages(NoteType.NOTE_MAPPED_FILES, MappedFiles.parser())
                        .forEach(mapped ->
                                mapped.getFileList().forEach(file -> files.putIfAbsent(file.getPath(), file)));
            }
        }
        files.values().forEach(this::compareFile);
        Path directory = Path.of(manifest.job().workingDirectory());
        if (!Files.isDirectory(directory)) {
            problems.add("the working directory " + directory + " is missing");
        }
    }

    private void compareMachine(Host host) {
        String here = System.getProperty("os.arch").equals("amd64") ? "x86_64" : System.getProperty("os.arch");
        String problem = "the images are of a machine of type " + host.getMachine() + ", this one is " + here;
        if (!host.getMachine().isEmpty() && !host.getMachine().equals(here) && !problems.contains(problem)) {
            problems.add(problem);
        }
    }

    /** Files with a build-id are compared by the ranks, which also put back contents that are in the images. */
    private void compareFile(MappedFile file) {
        if (file.getDeleted()
                || file.getContents()
                || !file.getPath().startsWith("/")
                || file.getPath().startsWith("/dev/")) {
            return;
        }
        Path mapped = Path.of(file.getPath());
        if (!Files.exists(mapped)) {
            problems.add(mapped + " is missing");
            return;
        }
        try {
            if (file.getBuildId().isEmpty() && hasChanged(file, mapped)) {
                problems.add(mapped + " has changed since the checkpoint");
            }
        } catch (IOException e) {
            problems.add(mapped + " cannot be read: " + e.getMessage());
        }
    }

    /** One without a time of change is mapped shared only: it may have other contents by now, but must be as long. */
    private static boolean hasChanged(MappedFile file, Path mapped) throws IOException {
        long size = Files.size(mapped);
        if (file.getMtimeNs() == 0) {
            return size < file.getSize();
        }
        long changed = Files.getLastModifiedTime(mapped).toInstant().getEpochSecond();
        return size != file.getSize() || changed != file.getMtimeNs() / NANOS;
    }
}
