// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.quiesce.coordinator.store.LocalProcess;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.image.ImageFile;
import org.quiesce.cr.manifest.Manifest;
import org.quiesce.cr.manifest.ManifestFile;
import org.quiesce.cr.manifest.RankImage;
import org.quiesce.cr.manifest.StorageLevel;

/**
 * On which storage level the images of a checkpoint are. Each image is whole on one level at any time; the manifest says that
 * all are on the shared one only when somebody has seen them all there.
 */
public final class Levels {
    private Levels() {}

    /** The level on which the checkpoint in this directory is complete now, whatever its manifest knows of it. */
    public static String of(Path sequence, Manifest manifest) {
        return manifest.isLocalOnly() && !missing(sequence, manifest).isEmpty()
                ? StorageLevel.LOCAL
                : StorageLevel.SHARED;
    }

    /** Whether all images lie beside the manifest; one that does not know it yet learns it. */
    public static boolean settle(Path sequence) {
        Manifest manifest = ManifestFile.read(sequence);
        if (!manifest.isLocalOnly()) {
            return true;
        }
        if (!missing(sequence, manifest).isEmpty()) {
            return false;
        }
        try {
            ManifestFile.write(sequence, manifest.moved());
        } catch (IOException e) {
            if (ManifestFile.read(sequence).isLocalOnly()) {
                throw new CrException(
                        ErrorCode.WRITE, "cannot write the manifest in " + sequence + ": " + e.getMessage(), e);
            }
        }
        return true;
    }

    /** The images that do not lie beside the manifest. */
    static List<RankImage> missing(Path sequence, Manifest manifest) {
        return manifest.ranks().stream()
                .filter(image -> !isThere(sequence.resolve(image.file()), image))
                .toList();
    }

    private static boolean isThere(Path file, RankImage image) {
        if (!Files.isReadable(file)) {
            return false;
        }
        try (ImageFile open = ImageFile.open(file)) {
            return open.size() == image.bytes() && open.identity().equals(image.digest());
        } catch (CrException e) {
            // what lies there is not the image
            return false;
        }
    }

    /** The file in which an image can be read on this host. */
    static Path file(Path sequence, Manifest manifest, RankImage image) {
        Path shared = sequence.resolve(image.file());
        if (!manifest.isLocalOnly() || Files.exists(shared)) {
            return shared;
        }
        Optional<Path> local = manifest.localDirectory()
                .map(directory -> Path.of(directory).resolve(image.file()))
                .filter(file -> image.host().equals(LocalProcess.hostName()) && Files.exists(file));
        return local.orElseThrow(() -> elsewhere(sequence, manifest, image));
    }

    /** Why an image cannot be had. */
    static CrException elsewhere(Path sequence, Manifest manifest, RankImage image) {
        return new CrException(
                ErrorCode.INCOMPLETE,
                "the image of rank " + image.rank() + " of " + sequence + " is in "
                        + manifest.localDirectory().orElse("") + " on host " + image.host()
                        + " only: restart it where that host takes part, or choose an older sequence");
    }
}
