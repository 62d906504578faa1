// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.store;

import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.quiesce.cr.CrException;
import org.quiesce.cr.ErrorCode;
import org.quiesce.cr.manifest.StorageLevel;

/**
 * Where the images of checkpoints go, as {@code --store} says it: {@code local:DIR,shared:DIR2}.
 *
 * @param local a directory that each node has for itself: images go there first
 * @param shared the directory in which references lie, which all nodes see
 */
public record StoreSpec(Optional<Path> local, Path shared) {
    private static final String FORM = "--store is local:DIR,shared:DIR2 or shared:DIR2";

    /** Reads what a user wrote; relative directories are of this one. */
    public static StoreSpec parse(String text, Path here) {
        Map<String, Path> levels = new TreeMap<>();
        for (String part : text.split(",", -1)) {
            int colon = part.indexOf(':');
            String name = part.substring(0, Math.max(0, colon)).toLowerCase(Locale.ROOT);
            boolean known = name.equals(StorageLevel.LOCAL) || name.equals(StorageLevel.SHARED);
            if (!known || colon + 1 == part.length() || levels.containsKey(name)) {
                throw usage("\"" + part + "\" is not understood");
            }
            levels.put(
                    name,
                    here.resolve(part.substring(colon + 1)).toAbsolutePath().normalize());
        }
        Path shared = levels.get(StorageLevel.SHARED);
        if (shared == null) {
            throw usage("shared:DIR2 is missing, where a restart on other nodes finds the images");
        }
        Optional<Path> local = Optional.ofNullable(levels.get(StorageLevel.LOCAL));
        if (local.filter(shared::equals).isPresent()) {
            throw usage("both levels are " + shared);
        }
        return new StoreSpec(local, shared);
    }

    private static CrException usage(String what) {
        return new CrException(ErrorCode.USAGE, FORM + ": " + what);
    }

    /**
     * The directory of one round on each node, below that of {@link #local}: no other round has the same, nor has a reference
     * of the same name that lies elsewhere.
     */
    public static Path directory(Path local, ReferenceDirectory reference, int sequence, long round) {
        String place = String.format(
                Locale.ROOT,
                "%s.%08x",
                reference.name(),
                reference.path().toString().hashCode());
        return local.resolve(place).resolve(String.format(Locale.ROOT, "%d-%016x", sequence, round));
    }

    /** Whether a manifest names a directory that {@link #directory} can have made: in others nothing is touched. */
    public static boolean isOfRound(String directory) {
        return directory.matches("/.*[^/]\\.[0-9a-f]{8}/[0-9]{1,9}-[0-9a-f]{16}") && !directory.contains("/../");
    }

    /** What {@link #directory} was given. */
    public static Path localOf(String directory) {
        return DurableFiles.parent(DurableFiles.parent(Path.of(directory)));
    }
}
