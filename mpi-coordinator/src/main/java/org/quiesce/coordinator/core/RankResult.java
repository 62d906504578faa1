// SPDX-FileCopyrightText: The Quiesce Authors
// SPDX-License-Identifier: Apache-2.0
package org.quiesce.coordinator.core;

import java.util.List;

/**
 * What one rank says at the end of a phase.
 *
 * @param error 0, a number of {@code libcr_errors.def}, or an errno
 * @param text what was refused and what to do, when {@code error} is not 0
 * @param micros how long the rank took
 * @param image what was written, in DUMP and SEAL
 * @param drained what a rank has found in DRAIN
 */
public record RankResult(int rank, int pid, int error, String text, long micros, Image image, Drained drained) {
    /**
     * What there was to receive, and what the rank does now.
     *
     * @param messages messages received and kept
     * @param waitsIn the function in which it does nothing but wait for a message; empty: it is not known to
     * @param waitsFor the ranks one of which would have to send that message
     */
    public record Drained(long messages, String waitsIn, List<RankRange> waitsFor) {
        /** Nothing. */
        public static final Drained NOTHING = new Drained(0, "", List.of());

        /** Copies the list. */
        public Drained {
            waitsFor = List.copyOf(waitsFor);
        }
    }

    /** An image file; before SEAL only its size is known. */
    public record Image(String file, long bytes, long digestHigh, long digestLow) {
        /** No image. */
        public static final Image NONE = new Image("", 0, 0, 0);

        /** Whether the file's name is a plain name inside the checkpoint's directory. */
        boolean named() {
            return !file.isEmpty() && file.indexOf('/') < 0 && file.indexOf('\0') < 0 && !file.startsWith(".");
        }
    }
}
