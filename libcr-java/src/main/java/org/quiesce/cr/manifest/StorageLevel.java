// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

/**
 * A place where the images of a checkpoint are stored.
 *
 * @param name for example {@code shared} or {@code local}
 * @param location a directory or another address
 * @param complete whether all images are there
 */
public record StorageLevel(String name, String location, boolean complete) {
    /** The directory of the reference, which all hosts see. */
    public static final String SHARED = "shared";

    /** A directory of each host: of a rank's image, the host on which the rank ran. */
    public static final String LOCAL = "local";

    /** All images lie where the manifest lies. */
    public static StorageLevel shared(String location, boolean complete) {
        return new StorageLevel(SHARED, location, complete);
    }

    /** All images lie in this directory, each on its host. */
    public static StorageLevel local(String location, boolean complete) {
        return new StorageLevel(LOCAL, location, complete);
    }
}
