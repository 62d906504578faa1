// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0

package org.quiesce.cr.manifest;

import java.util.regex.Pattern;

/**
 * The image of one rank.
 *
 * @param rank in MPI_COMM_WORLD
 * @param host where it ran
 * @param pid its process there
 * @param file name of its image in the directory of the manifest
 * @param bytes size of its image
 * @param digest identity of its image, 32 hexadecimal digits
 * @param parent name of the image that it rests on, relative to the directory of its sequence; empty if it is complete
 */
public record RankImage(int rank, String host, long pid, String file, long bytes, String digest, String parent) {
    private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{32}");

    /** Refuses file names that lead out of the directory. */
    public RankImage {
        checkName(file);
        if (!parent.isEmpty()) {
            checkName(parent);
        }
        if (rank < 0 || pid < 0 || bytes < 0) {
            throw Manifest.wrong("rank " + rank + ", pid " + pid + ", " + bytes + " bytes");
        }
        if (!DIGEST.matcher(digest).matches()) {
            throw Manifest.wrong("the digest \"" + digest + "\"");
        }
    }

    private static void checkName(String name) {
        if (name.isEmpty() || name.startsWith(".") || name.indexOf('/') >= 0 || name.indexOf('\0') >= 0) {
            throw Manifest.wrong("the file name \"" + name + "\"");
        }
    }
}
